'use strict';

/** Values on their way between JavaScript and the engine: single ones, those of globals and tables. */

const { functionNumber, functionObject } = require('./function');
const { BigIntAsIntN } = require('./primordials');
const { putFirst, refs } = require('./references');
const { DOUBLES, WORDS, f32, f64, i32, i64 } = require('./scratch');

/** @typedef {import('./lifetime').Holder} Holder */

/** Value types in the order by which the engine numbers them. */
const TYPES = ['i32', 'i64', 'f32', 'f64', 'v128', 'funcref', 'externref', 'exnref'];

/**
 * The number of a value type for the engine.
 * @param {string} type
 */
function typeNumber(type) {
  let number = 0;
  while (TYPES[number] !== type) number++;
  return number;
}

/**
 * ToWebAssemblyValue, as far as it may run code of the user or fail: what it returns goes to
 * `store`. An external reference gets its slot only there.
 * @param {any} value
 * @param {string} type not v128
 * @param {Holder} holder the cell of what gets the value
 * @param {() => Error} refusal makes the error for a value that is no function reference
 * @returns {any}
 */
function toWebAssembly(value, type, holder, refusal) {
  switch (type) {
    case 'i32':
      return +value | 0;
    case 'i64':
      return BigIntAsIntN(64, value);
    case 'f32':
    case 'f64':
      return +value;
    case 'funcref': {
      const number = functionNumber(value, holder);
      if (number < 0) throw refusal();
      return number;
    }
    default:
      return value;
  }
}

/**
 * DefaultValue, in the form that `store` takes.
 * @param {string} type
 */
function defaultValue(type) {
  if (type === 'externref') return undefined;
  return type === 'i64' ? 0n : 0;
}

/**
 * Stores what `toWebAssembly` returned in slot `k` of scratch memory. If it is an external
 * reference it must be the only one of the native call that follows.
 * @param {any} value
 * @param {string} type
 * @param {number} k
 */
function store(value, type, k) {
  switch (type) {
    case 'i64':
      i64[DOUBLES + k] = value;
      break;
    case 'f32':
      f32[WORDS + 2 * k] = value;
      break;
    case 'f64':
      f64[DOUBLES + k] = value;
      break;
    case 'externref':
      i32[WORDS + 2 * k] = putFirst(value);
      break;
    default:
      i32[WORDS + 2 * k] = value;
  }
}

/**
 * ToJSValue of slot `k`.
 * @param {string} type not v128
 * @param {number} k
 * @returns {any}
 */
function load(type, k) {
  switch (type) {
    case 'i64':
      return i64[DOUBLES + k];
    case 'f32':
      return f32[WORDS + 2 * k];
    case 'f64':
      return f64[DOUBLES + k];
    case 'externref':
      return refs[i32[WORDS + 2 * k]];
    case 'funcref':
      return functionObject(i32[WORDS + 2 * k]);
    default:
      return i32[WORDS + 2 * k];
  }
}

module.exports = { defaultValue, load, store, toWebAssembly, typeNumber };
