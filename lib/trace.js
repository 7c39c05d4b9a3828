/** The `stack` of traps: the frames of wasm, as V8 writes them, above those of JavaScript. */

import * as binding from './binding.js';
import {
  Error,
  ErrorToString,
  NumberToString,
  StringIndexOf,
  StringPadStart,
  StringSlice,
  StringStartsWith,
} from './primordials.js';
import { WORDS, i32 } from './scratch.js';

/**
 * @typedef {object} Trace what is known of a trap
 * @property {string} message
 * @property {object} prototype
 * @property {number[]} frames of wasm, innermost first: numbers of modules, each with an offset in its bytes
 * @property {number} limit how many frames are shown
 */

/** Where functions of `lib/wrappers.js` are, says V8: the frames that stand for those of wasm. */
const WRAPPERS = 'wasm://wasm/wrt';
/** How many frames of the facade, with these, are above those of the program. */
const FACADE_FRAMES = 4;
/** More frames of wasm are not noted. */
const MOST = 200;
/** What each frame begins with. */
const AT = '\n    at ';

/**
 * The Error of a realm that nobody else knows. V8 makes a text of an error's `stack` when it is first read, and asks
 * `prepareStackTrace` of the realm whose Error made it, which so can be ours: the property is V8's own.
 * @param {(error: object, sites: any[]) => any} prepareStackTrace
 * @returns {ErrorConstructor}
 */
function createRealm(prepareStackTrace) {
  const realm = require('vm').runInNewContext('Error');
  realm.prepareStackTrace = prepareStackTrace;
  return realm;
}

/**
 * Notes the frames of the guest that has just trapped; an error that is made next by `realm` has the frames of
 * JavaScript below. A text is made of them only when it is asked for: that costs more than all the rest of a trap.
 * @param {ErrorConstructor} realm
 * @param {string} message
 * @param {object} prototype
 * @returns {Trace}
 */
function capture(realm, message, prototype) {
  const limit = Error.stackTraceLimit;
  i32[WORDS] = limit > MOST ? MOST : limit;
  binding.frames();
  const frames = [];
  const count = i32[WORDS];
  for (let k = 0; k < 2 * count; k++) frames[k] = i32[WORDS + 2 + k];
  realm.stackTraceLimit = limit > 0 ? limit - count + FACADE_FRAMES : limit;
  return { message, prototype, frames, limit };
}

/**
 * The `stack` of an error with a trace.
 * @param {object} error
 * @param {any[]} sites of JavaScript, as V8 has them
 * @param {Trace} trace
 * @returns {any}
 */
function format(error, sites, trace) {
  // Somebody may have captured another stack for it.
  const isOurs = sites.length > 0 && isFacade(sites[0]);
  const frames = isOurs ? wasmFrames(trace) : [];
  const below = [];
  for (let k = 0; k < sites.length; k++) {
    if (isOurs && k < FACADE_FRAMES && below.length === 0 && isFacade(sites[k])) continue;
    if (isOurs && frames.length + below.length >= trace.limit) break;
    below[below.length] = sites[k];
  }
  // The program may have its own idea of a stack.
  const { prepareStackTrace } = Error;
  let text = ErrorToString(error);
  if (typeof prepareStackTrace === 'function') text = prepareStackTrace(error, below);
  else for (let k = 0; k < below.length; k++) text += AT + below[k];
  if (typeof text !== 'string') return text;
  const top = StringIndexOf(text, AT);
  let result = top < 0 ? text : StringSlice(text, 0, top);
  for (let k = 0; k < frames.length; k++) result += AT + frames[k];
  return top < 0 ? result : result + StringSlice(text, top);
}

/** Whether a frame is one of the facade, which stands for those of wasm. */
function isFacade(site) {
  const file = site.getScriptNameOrSourceURL();
  return file === WRAPPERS || (typeof file === 'string' && StringStartsWith(file, `${__dirname}/`));
}

/**
 * The frames of wasm as texts.
 * @param {Trace} trace
 * @returns {string[]}
 */
function wasmFrames({ frames, limit }) {
  const texts = [];
  for (let k = 0; k < frames.length && texts.length < limit; k += 2) {
    const frame = binding.rare.describeFrame(frames[k], frames[k + 1]);
    if (frame !== null) texts[texts.length] = describe(frame, frames[k + 1]);
  }
  return texts;
}

/**
 * A frame as V8 writes it.
 * @param {{ index: number, name?: string, moduleName?: string, hash: number }} frame
 * @param {number} offset
 */
function describe({ index, name, moduleName, hash }, offset) {
  const hex = StringPadStart(NumberToString(hash, 16), 8, '0');
  const url = `wasm://wasm/${moduleName ? `${moduleName}-` : ''}${hex}`;
  const place = `${url}:wasm-function[${index}]:0x${NumberToString(offset, 16)}`;
  if (!name && !moduleName) return place;
  return `${moduleName ?? ''}${name && moduleName ? '.' : ''}${name ?? ''} (${place})`;
}

export { WRAPPERS, capture, createRealm, format };
