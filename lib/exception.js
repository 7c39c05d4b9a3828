/**
 * WebAssembly.Exception, and exceptions on their way between JavaScript and the engine. An exception object has a tag
 * and values of its own; the engine has another form of it only while a guest has it, and knows the object then.
 */

import { serveExceptions } from './activation.js';
import * as binding from './binding.js';
import { objectFactory } from './carrier.js';
import { rangeError, typeError } from './errors.js';
import { functionRecord } from './function.js';
import { hold } from './lifetime.js';
import {
  Array,
  ErrorCaptureStackTrace,
  MathFround,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  RangeError,
  StringIncludes,
  isGeneratorObject,
} from './primordials.js';
import { put, putFirst, refs } from './references.js';
import { CODE, DOUBLES, FUNCTION, SLOT0, SLOT1, WORDS, i32, i64 } from './scratch.js';
import { isException, isFunctionType, referenceType } from './signature.js';
import { createCell, jsTag, tagCell } from './tag.js';
import { functionType } from './types.js';
import { isExtern, load, store, toWebAssembly } from './values.js';
import { Brand, defineInterface, isObject, receiver, requireNew, unsignedLong } from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').TagCell} TagCell */

/** @typedef {{ tag: TagCell, values: any[] }} ExceptionState */

class exceptions extends Brand {
  /** @type {ExceptionState} */
  #state;

  constructor(object, state) {
    super(object);
    this.#state = state;
  }

  /**
   * All of them are generators (see `objectFactory`), which V8 tells sooner than whether a field is there.
   * @returns {ExceptionState | undefined}
   */
  static get(value) {
    return isGeneratorObject(value) && #state in value ? value.#state : undefined;
  }

  /** @returns {ExceptionState | undefined} */
  static expect(value) {
    try {
      return value.#state;
    } catch {
      return undefined;
    }
  }
}

/**
 * Types of the values of a tag's exceptions.
 * @param {TagCell} tag
 */
function parameters(tag) {
  return (tag.types ??= functionType(tag.signature).parameters);
}

/**
 * The constructor; a third argument has options.
 * @this {object}
 */
function Exception(exceptionTag, payload) {
  const api = 'WebAssembly.Exception()';
  requireNew(new.target, 'Exception');
  const tag = tagCell(exceptionTag);
  if (tag === undefined) throw typeError(api, text().exceptionTag);
  if (tag === jsTag) throw typeError(api, text().exceptionJSTag);
  if (!isObject(payload)) throw typeError(api, text().exceptionValues);
  const { length } = /** @type {any} */ (payload);
  if (length === undefined) throw typeError(api, text().exceptionLength);
  const types = parameters(tag);
  if (+length !== types.length) throw typeError(api, text().exceptionCount);
  const values = [];
  for (let i = 0; i < types.length; i++) values[i] = roundTrip(payload[i], types[i], tag, api);
  const options = arguments[2];
  if (options !== undefined && options !== null && !isObject(options)) throw typeError(api, text().exceptionOptions);
  const object = initialize(newObject(), tag, values);
  const prototype = ObjectGetPrototypeOf(this);
  if (prototype !== Exception.prototype) ObjectSetPrototypeOf(object, prototype);
  if (options && /** @type {any} */ (options).traceStack) ErrorCaptureStackTrace(object, Exception);
  return object;
}

/** What a value is when it has gone to wasm and come back. */
function roundTrip(value, type, tag, api) {
  switch (type) {
    case 'v128':
      throw typeError(api, text().exceptionType(type));
    default: {
      const converted = toWebAssembly(value, type, tag, (problem) => typeError(api, problem));
      // A reference is what it was.
      if (referenceType(type) !== undefined) return value;
      return type === 'f32' ? MathFround(converted) : converted;
    }
  }
}

function initialize(object, tag, values) {
  return exceptions.set(object, { tag, values });
}

/** Leaves what a host function threw in scratch memory. */
function storeThrown(error) {
  const state = /** @type {ExceptionState | undefined} */ (exceptions.get(error));
  // Before anything is stored, since to make exceptions takes scratch memory, too.
  const values = state === undefined ? [] : withNumbers(state);
  i32[CODE] = 0;
  // The only reference that may collect, so the first.
  const slot = putFirst(error);
  if (state === undefined) {
    i32[FUNCTION] = 0;
  } else {
    storeValues(parameters(state.tag), values);
    i32[FUNCTION] = state.tag.handle;
  }
  i32[SLOT0] = slot;
}

/**
 * The values of an exception. Those that are exceptions, which JavaScript cannot see, are kept as what was thrown in
 * an object of its own, or null; here they are numbers of exceptions that the engine has made of it.
 * @param {ExceptionState} state
 */
function withNumbers({ tag, values }) {
  if (!StringIncludes(tag.signature, 'e')) return values; // The letter of exnref, and in the names of all such types.
  const types = parameters(tag);
  const list = [];
  for (let i = 0; i < types.length; i++) {
    const value = values[i];
    if (!isException(types[i])) list[i] = value;
    else list[i] = value === null ? 0 : exceptionNumber(value.thrown);
  }
  return list;
}

function exceptionNumber(thrown) {
  storeThrown(thrown);
  binding.makeException();
  if (i32[SLOT0] === 0) throw new RangeError(text().memoryAllocation);
  return i32[SLOT0];
}

/** What the engine's exception of a number is in JavaScript. */
function thrownOf(number) {
  i32[SLOT0] = number;
  binding.describeException();
  i32[CODE] = number;
  return loadThrown();
}

function storeValues(types, values) {
  let k = 1;
  for (let i = 0; i < types.length; i++) {
    const value = values[i];
    switch (types[i]) {
      case 'v128':
        i64[DOUBLES + k] = value[0];
        i64[DOUBLES + ++k] = value[1];
        break;
      default:
        if (referenceType(types[i]) === undefined) store(value, types[i], k);
        else if (isException(types[i])) i32[WORDS + 2 * k] = value;
        else i32[WORDS + 2 * k] = isExtern(types[i]) ? put(value) : storedNumber(value);
    }
    k++;
  }
}

/** The number of an Exported Function, or 0 for null. */
function storedNumber(value) {
  return value === null ? 0 : /** @type {any} */ (functionRecord(value)).number;
}

/** The rest are references and vectors. */
function isNumber(type) {
  return type === 'i32' || type === 'i64' || type === 'f64' || type === 'f32';
}

function loadValues(types) {
  const values = new Array(types.length);
  let k = 1;
  for (let i = 0; i < types.length; i++) {
    if (types[i] === 'v128') values[i] = [i64[DOUBLES + k], i64[DOUBLES + ++k]];
    else if (isNumber(types[i]) || !isException(types[i])) values[i] = load(types[i], k);
    else values[i] = i32[WORDS + 2 * k];
    k++;
  }
  return values;
}

/** The tag of the exception that left wasm last, which has its number as long as it is here. */
let latest = jsTag;

/** What a guest threw: the value of JavaScript, or the object of the exception, which it gets now if it has none. */
function loadThrown() {
  const number = i32[CODE];
  const handle = i32[FUNCTION];
  const known = i32[SLOT0];
  if (handle === jsTag.handle) return refs[i32[SLOT1]];
  if (known !== 0) return refs[known];
  /** @type {TagCell | undefined} */
  const cell = handle === latest.handle ? latest : binding.tagCell();
  // (To make a cell takes scratch memory.)
  const signature = cell === undefined ? binding.rare.tagSignature(handle) : '';
  const types = cell === undefined ? functionType(signature).parameters : parameters(cell);
  const values = loadValues(types);
  const tag = cell === undefined ? createCell(handle, signature) : cell;
  latest = tag;
  for (let i = 0; i < values.length; i++) {
    if (isNumber(types[i])) continue;
    if (isException(types[i])) {
      values[i] = values[i] === 0 ? null : { __proto__: null, thrown: thrownOf(values[i]) };
      continue;
    }
    const record = functionRecord(values[i]);
    if (record !== undefined && isFunctionType(types[i])) hold(tag, record);
  }
  const object = initialize(newObject(), tag, values);
  if (number === 0) return object; // No guest has it.
  const slot = putFirst(object);
  i32[SLOT0] = number;
  i32[SLOT1] = slot;
  binding.exceptionObject();
  return object;
}

/** Made with the first exception: V8 takes a tenth of a millisecond for it. */
let createException;

function newObject() {
  createException ??= objectFactory(Exception.prototype);
  return createException();
}

serveExceptions({ store: storeThrown, load: loadThrown });

/** The tag that is the first argument of a method. */
function requireTag(value, api) {
  const tag = tagCell(value);
  if (tag === undefined) throw typeError(api, text().tagRequired);
  return tag;
}

defineInterface({
  constructor: Exception,

  getArg(exceptionTag, index) {
    const api = 'WebAssembly.Exception.getArg()';
    const state = /** @type {ExceptionState} */ (receiver(exceptions.expect(this), 'Exception', api));
    const tag = requireTag(exceptionTag, api);
    const at = unsignedLong(index, api, 'Index');
    if (state.tag !== tag) throw typeError(api, text().otherTag);
    const types = parameters(tag);
    if (at >= types.length) throw rangeError(api, text().indexRange);
    if (types[at] === 'v128') throw typeError(api, text().exceptionType('v128'));
    if (isException(types[at])) throw typeError(api, text().exceptionHidden(types[at]));
    return state.values[at];
  },

  is(exceptionTag) {
    const api = 'WebAssembly.Exception.is()';
    const state = /** @type {ExceptionState} */ (receiver(exceptions.expect(this), 'Exception', api));
    return state.tag === requireTag(exceptionTag, api);
  },

  get stack() {
    receiver(exceptions.expect(this), 'Exception', 'WebAssembly.Exception.stack()');
    return undefined;
  },
});

export { Exception };
