/** Values on their way between JavaScript and the engine: single ones, those of globals and tables. */

import { functionNumber, functionObject, referenceProblem } from './function.js';
import { BigIntAsIntN } from './primordials.js';
import { putFirst, refs } from './references.js';
import { wake } from './rest.js';
import { EXTERN, referenceNumber, referenceType } from './signature.js';
import { DOUBLES, WORDS, f32, f64, i32, i64 } from './scratch.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').Holder} Holder */
/** @typedef {import('./signature.js').ReferenceType} ReferenceType */

/** Numbers and vectors in the order by which the engine numbers them. */
const TYPES = ['i32', 'i64', 'f32', 'f64', 'v128'];

/**
 * The number of a value type for the engine.
 * @param {string} type
 */
function typeNumber(type) {
  const reference = referenceType(type);
  if (reference !== undefined) return referenceNumber(reference);
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
 * @param {(problem: string) => Error} refusal makes the error for what is no such reference
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
      if (number < 0) throw refusal(text().functionRequired);
      return number;
    }
    case 'externref':
      return value;
    default: {
      const reference = /** @type {ReferenceType} */ (referenceType(type));
      const problem = referenceProblem(value, reference);
      if (problem !== undefined) throw refusal(problem);
      return reference.top === EXTERN ? value : functionNumber(value, holder);
    }
  }
}

/**
 * DefaultValue, in the form that `store` takes; of a type that has one.
 * @param {string} type
 */
function defaultValue(type) {
  if (type === 'externref') return undefined;
  if (type === 'nullexternref') return null;
  return type === 'i64' ? 0n : 0;
}

/**
 * Has a type no default value?
 * @param {string} type
 */
function lacksDefault(type) {
  if (type === 'funcref' || type === 'externref') return false;
  const reference = referenceType(type);
  return reference !== undefined && !reference.nullable;
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
    case 'i32':
    case 'funcref':
      i32[WORDS + 2 * k] = value;
      break;
    default:
      i32[WORDS + 2 * k] = isExtern(type) ? slotOf(value) : value;
  }
}

/** The slot of an external reference. (One call: V8 has no room for both in those that store.) */
function slotOf(value) {
  wake();
  return putFirst(value);
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
    case 'i32':
      return i32[WORDS + 2 * k];
    default:
      if (!isExtern(type)) return functionObject(i32[WORDS + 2 * k]);
      wake();
      return refs[i32[WORDS + 2 * k]];
  }
}

/** Whether a reference type stands for values of the host. */
function isExtern(type) {
  if (type === 'funcref') return false;
  return type === 'externref' || /** @type {ReferenceType} */ (referenceType(type)).top === EXTERN;
}

export { defaultValue, isExtern, lacksDefault, load, store, toWebAssembly, typeNumber };
