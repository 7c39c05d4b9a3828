/** Code that is made while a program runs. */

import shapes from '../start/shapes.js';
import { EvalError, Function, Map, MapGet, MapSet, ReflectApply, uncurryThis } from './primordials.js';
import { WRAPPERS } from './trace.js';

const { Script } = require('vm');

const runInThisContext = uncurryThis(Script.prototype.runInThisContext);

/** In another realm, of a test runner say, scripts would make functions of the main one. */
const isMainRealm = Script instanceof Function;

/** By name: what runs a script. @type {Map<string, () => Function>} */
const scripts = new Map();

/** What the build has compiled: null if there is nothing, undefined until it is wanted. @type {import('vm').Script | null | undefined} */
let common;

/** A new function of those that the build has compiled; undefined if it is none of them. */
function createCommon(name) {
  if (common === undefined) common = isMainRealm ? shapes.load(WRAPPERS) : null;
  return common === null ? undefined : runInThisContext(common)(name);
}

let serial = 0;

/**
 * A function whose value is that of the expression `text`, evaluated anew whenever it is called. A script is compiled once; but
 * each run of it makes functions of its own, with which V8 keeps what it learns. `Function` gives the same one for the same text.
 * @param {string} text
 * @returns {() => Function}
 */
function compile(text) {
  if (!isMainRealm) {
    return () => new Function(`'use strict'; /* ${serial++} */ return ${text}\n//# sourceURL=${WRAPPERS}`)();
  }
  const script = new Script(`'use strict';\n${text}`, WRAPPERS);
  return () => runInThisContext(script);
}

/**
 * Calls the function that an expression is, as a new one.
 * @param {() => Function} make
 * @param {any[]} values its arguments
 * @returns {any} undefined where code must not be made of strings
 */
function callNew(make, values) {
  let func;
  try {
    func = make();
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    return undefined;
  }
  return ReflectApply(func, undefined, values);
}

/**
 * `runOnce` for a text that is evaluated again and again.
 * @param {string} name of the text
 * @param {() => string} makeText
 * @param {any[]} values
 */
function run(name, makeText, values) {
  const known = createCommon(name);
  if (known !== undefined) return ReflectApply(known, undefined, values);
  let make = MapGet(scripts, name);
  if (make === undefined) {
    const text = makeText();
    shapes.note(name, text);
    make = compile(text);
    MapSet(scripts, name, make);
  }
  return callNew(make, values);
}

/**
 * Evaluates an expression for a function, and calls that.
 * @param {string} text
 * @param {any[]} values its arguments
 * @returns {any} undefined where code must not be made of strings
 */
function runOnce(text, values) {
  return callNew(compile(text), values);
}

export { run, runOnce };
