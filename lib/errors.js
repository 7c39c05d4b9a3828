'use strict';

/**
 * The error classes of WebAssembly, and every text of an error that wrt makes: those of the newest
 * V8, because programs and people know them.
 */

const { isNativeError } = require('util').types;

const binding = require('./binding');
const {
  Error,
  ErrorPrototype,
  ObjectCreate,
  ObjectDefineProperties,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  RangeError,
  ReflectConstruct,
  TypeError,
} = require('./primordials');
const { capture, createRealm, format } = require('./trace');

/** @typedef {import('./trace').Trace} Trace */

/**
 * A class with the structure of ECMAScript's NativeError objects: a function that makes an Error
 * with or without `new`, whose prototype is Error.
 * @param {string} name
 * @param {object} prototype a plain object that inherits from Error's
 * @returns {ErrorConstructor}
 */
function nativeError(name, prototype) {
  function NativeError() {
    return ReflectConstruct(Error, arguments, new.target === undefined ? NativeError : new.target);
  }
  ObjectSetPrototypeOf(NativeError, Error);
  ObjectDefineProperties(prototype, {
    constructor: { value: NativeError, writable: true, configurable: true },
    name: { value: name, writable: true, configurable: true },
    message: { value: '', writable: true, configurable: true },
  });
  ObjectDefineProperty(NativeError, 'name', { value: name });
  ObjectDefineProperty(NativeError, 'length', { value: 1 });
  ObjectDefineProperty(NativeError, 'prototype', { value: prototype, writable: false });
  return /** @type {any} */ (NativeError);
}

const CompileError = nativeError('CompileError', ObjectCreate(ErrorPrototype));
const LinkError = nativeError('LinkError', ObjectCreate(ErrorPrototype));

/** What traps are: objects of `RuntimeError`, with another constructor, and so with the private field that tells them. */
class Trap extends Error {
  /** @type {Trace} */
  #trace;

  /** @param {Trace} trace what `beginTrap` returned */
  constructor(trace) {
    super(trace.message);
    this.#trace = trace;
    if (trace.prototype !== Trap.prototype) ObjectSetPrototypeOf(this, trace.prototype);
  }

  /** @param {object} error */
  static has(error) {
    return #trace in error;
  }

  /** @param {Trap} error */
  static trace(error) {
    return error.#trace;
  }
}
const RuntimeError = nativeError('RuntimeError', Trap.prototype);

/** The end of a call that reached the limit of `withDeadline`. */
class DeadlineError extends RuntimeError {
  #brand;

  /** @param {object} error */
  static has(error) {
    return #brand in error;
  }

  constructor(/** @type {string} */ message) {
    super(message);
    ObjectDefineProperty(this, 'code', {
      __proto__: null,
      value: 'ERR_WRT_DEADLINE',
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
}
ObjectDefineProperty(DeadlineError.prototype, 'name', {
  __proto__: null,
  value: 'DeadlineError',
  writable: true,
  configurable: true,
});

/** Texts. Most are prefixed with the function that was called, see `prefixed`. */
const text = {
  // Interfaces.
  mustBeNew: (name) => `WebAssembly.${name} must be invoked with 'new'`,
  receiver: (name) => `Receiver is not a WebAssembly.${name}`,
  bufferSource: 'Argument 0 must be a buffer source',
  bufferSourceOrModule: 'Argument 0 must be a buffer source or a WebAssembly.Module object',
  moduleRequired: 'Argument 0 must be a WebAssembly.Module',
  argumentRequired: (index) => `Argument ${index} is required`,
  argumentObject: (index) => `Argument ${index} must be an object`,
  emptySource: 'BufferSource argument is empty',
  emptyResponse: 'expected 4 bytes, fell off end @+0',

  // Numbers. `what` is "Argument 0" or "Property 'initial'".
  propertyRequired: (name) => `Property '${name}' is required`,
  notNumber: (what) => `${what} must be convertible to a valid number`,
  negative: (what) => `${what} must be non-negative`,
  notUnsigned64: (what) => `${what} must be in u64 range`,
  notUnsignedLong: (what) => `${what} must be in the unsigned long range`,
  aboveBound: (name, value, bound) => `Property '${name}': value ${value} is above the upper bound ${bound}`,
  belowBound: (name, value, bound) => `Property '${name}': value ${value} is below the lower bound ${bound}`,

  // Descriptors.
  descriptor: (kind) => `Argument 0 must be a ${kind} descriptor`,
  addressType: (type) => `Unknown address type '${type}'; pass 'i32' or 'i64'`,
  sharedMaximum: 'If shared is true, maximum property should be defined.',
  elementType: "Descriptor property 'element' must be a WebAssembly reference type",
  valueType: "Descriptor property 'value' must be a WebAssembly type",
  vectorGlobal: "A global of type 'v128' cannot be created in JavaScript",

  // Function types.
  functionTypeRequired: 'Argument 0 must be a function type',
  functionTypeMember: (name) => `Argument 0 must be a function type with '${name}'`,
  functionTypeLength: (name) => `Argument 0 contains ${name} without 'length'`,
  functionTypeTooMany: (name) => `Argument 0 contains too many ${name}`,
  functionTypeValue: (what, index) => `Argument 0 ${what} type at index #${index} must be a value type`,
  callableRequired: 'Argument 1 must be a function',
  functionReceiver: 'Receiver must be a WebAssembly.Function',

  // Tags and exceptions.
  tagTypeRequired: 'Argument 0 must be a tag type',
  tagTypeMember: (name) => `Argument 0 must be a tag type with '${name}'`,
  exceptionTag: 'Argument 0 must be a WebAssembly tag',
  exceptionJSTag: 'Argument 0 cannot be WebAssembly.JSTag',
  exceptionValues: 'Exception values must be an iterable object',
  exceptionLength: 'Exception values argument has no length',
  exceptionCount: 'Number of exception values does not match signature length',
  exceptionType: (type) => `Invalid type ${type}`,
  exceptionHidden: (type) => `invalid type ${type}`,
  exceptionOptions: 'Argument 2 is not an object',
  tagRequired: 'Argument 0 must be a WebAssembly.Tag',
  otherTag: 'First argument does not match the exception tag',
  indexRange: 'Index out of range',

  // Memories, tables, globals.
  memoryAllocation: 'could not allocate memory',
  bufferTooLong: (bytes) => `an ArrayBuffer of ${bytes} bytes is longer than this runtime allows`,
  memoryGrowth: 'Maximum memory size exceeded',
  memoryNoMaximum: 'Memory must have a maximum',
  resizableBuffer: 'resizable buffers over its memory are not supported by Node-API',
  bufferTransfer: 'ArrayBuffer is not detachable and could not be cloned.',
  bufferResize: 'Method ArrayBuffer.prototype.resize called on incompatible receiver #<ArrayBuffer>',
  tableAllocation: 'could not allocate table',
  tableGrowth: (delta) => `failed to grow table by ${delta}`,
  tableAddress: (index, element, size) => `invalid address ${index} in ${element} table of size ${size}`,
  tableInitial: (problem) =>
    `Argument 2 must be undefined or a value of type compatible with the type of the new table: ${problem}.`,
  tableValue: (problem) => `Argument 1 is invalid for table: ${problem}`,
  tableGrowValue: (problem) => `Argument 1 is invalid: ${problem}`,
  tableNoDefault: (element) => `Table of non-defaultable type ${element} needs explicit element`,
  tableGrowNoDefault: () => 'Argument 1 must be specified for non-nullable element type',
  // What is wrong with a value for a reference type.
  functionRequired: 'function-typed object must be null (if nullable) or a Wasm function object',
  typedFunctionRequired: 'JS object does not match expected wasm type',
  subtypeRequired: 'assigned exported function has to be a subtype of the expected type',
  onlyNull: 'only null allowed for null types',
  notNull: (type) => `null is not allowed for (ref ${type})`,
  exception: (type) => `invalid type (ref ${type})`,
  getVector: "Can't get the value of s128 WebAssembly.Global",
  exceptionReference: (type) => `invalid type ${type}`,
  setVector: "Can't set the value of s128 WebAssembly.Global",
  setImmutable: "Can't set the value of an immutable global.",

  // Imports. The first two follow "Import #0 "module": " or "Import #0 "module" "name": ".
  importsRequired: 'Imports argument must be present and must be an object',
  importModule: 'module is not an object or function',
  importAddress: (kind, actual, expected) => `cannot import ${actual} ${kind} as ${expected}`,
  importFunction: 'function import requires a callable',
  importSignature: 'imported function does not match the expected type',
  importGlobal: 'global import must be a number, valid Wasm reference, or WebAssembly.Global object',
  importVector: 'global import of type v128 must be a WebAssembly.Global',
  importMutable: 'imported mutable global must be a WebAssembly.Global object',
  importMutability: 'imported global does not match the expected mutability',
  importGlobalType: 'imported global does not match the expected type',
  importMemory: 'memory import must be a WebAssembly.Memory object',
  importMemoryPages: 'imported memory does not match the expected page size',
  importMemorySize: (size, initial) =>
    `memory import has ${size} pages which is smaller than the declared initial of ${initial}`,
  importMemoryShared: (declared, imported) =>
    `mismatch in shared state of memory, declared = ${+declared}, imported = ${+imported}`,
  importMemoryNoMaximum: (maximum) => `memory import has no maximum limit, expected at most ${maximum}`,
  importMemoryMaximum: (actual, maximum) =>
    `memory import has a larger maximum size ${actual} than the module's declared maximum ${maximum}`,
  importTable: 'table import requires a WebAssembly.Table',
  importTableType: 'imported table does not match the expected type',
  importTableSize: (index, initial, size) => `table import ${index} is smaller than initial ${initial}, got ${size}`,
  importTableNoMaximum: (index, maximum) => `table import ${index} has no maximum length; required: ${maximum}`,
  importTableMaximum: (index, actual, maximum) =>
    `table import ${index} has a larger maximum size ${actual} than the module's declared maximum ${maximum}`,

  importTag: 'tag import requires a WebAssembly.Tag',
  importTagType: 'imported tag does not match the expected type',

  // Instantiation.
  dataSegment: (index, offset, length, size) =>
    `data segment ${index} is out of bounds (offset ${offset}, length ${length}, memory size ${size})`,
  elementSegment: 'table index is out of bounds',

  disallowed: 'Wasm code generation disallowed by embedder',

  // Calls; no prefix.
  incompatible: 'type incompatibility when transforming from/to JS',
  notIterable: (what) => `${what} is not iterable (cannot read property Symbol(Symbol.iterator))`,
  notObject: 'Result of the Symbol.iterator method is not an object',
  notFunction: (what) => `${what} is not a function`,
  notResult: (value) => `Iterator result ${value} is not an object`,
  resultCount: 'multi-return length mismatch',

  // Streaming; no prefix.
  response: (value) =>
    'The "source" argument must be an instance of Response or an Promise resolving to Response. ' + `Received ${value}`,
  responseType: (type) => `WebAssembly response has unsupported MIME type '${type}'`,
  responseStatus: (status) => `WebAssembly response has status code ${status}`,
  responseChunk: 'chunk must be an ArrayBufferView or an ArrayBuffer',
  responseUsed: 'WebAssembly response body has already been used',

  // Deadlines and interruption; no prefix.
  deadline: (ms) => `the call exceeded its deadline of ${ms} ms`,
  aborted: 'the call was aborted',
  noTimer: 'wrt.withDeadline(): the system has no timer for it',
  deadlineLimit: 'Argument 0 must be a number of milliseconds or an AbortSignal',
  deadlineFunction: 'Argument 1 must be a function',
  limitsObject: 'Argument 0 must be an object',
  limitNumber: (name) => `${name} must be a number`,
  limitNegative: (name) => `${name} must not be negative`,
  interrupted: 'wrt: wasm was stopped between two instructions and cannot be called before it goes on',

  internal: (what) => `wrt: internal error: ${what}`,
};

const OVERFLOW = 'Maximum call stack size exceeded';

/**
 * Prototype and text of each trap, by the numbers of `src/runtime/trap.rs`.
 * @type {[object, string][]}
 */
const TRAPS = [
  [ErrorPrototype, text.internal('unknown trap')],
  [Trap.prototype, 'unreachable'],
  [Trap.prototype, 'memory access out of bounds'],
  [Trap.prototype, 'table index is out of bounds'],
  [Trap.prototype, 'function signature mismatch'],
  [Trap.prototype, 'divide by zero'],
  [Trap.prototype, 'remainder by zero'],
  [Trap.prototype, 'divide result unrepresentable'],
  [Trap.prototype, 'float unrepresentable in integer range'],
  [RangeError.prototype, OVERFLOW],
  [RangeError.prototype, 'Out of memory'],
  [CompileError.prototype, ''], // The engine has the text.
  [Trap.prototype, 'element segment out of bounds'],
  [ErrorPrototype, text.interrupted],
  [ErrorPrototype, text.internal('unknown trap')],
  [Trap.prototype, 'rethrowing null value'],
  [Trap.prototype, 'dereferencing a null pointer'],
  [Trap.prototype, 'illegal cast'],
  [Trap.prototype, 'operation does not support unaligned accesses'],
  [Trap.prototype, 'Atomics.wait cannot be called in this context'],
];
const STACK_OVERFLOW = 9;
const NOT_COMPILED = 11;

/** @type {ErrorConstructor | undefined} What makes traps, see `createRealm`; once there was one. */
let realm;

/**
 * Notes all that there is to say of the trap that has just happened, for `new Trap`. (It is not made here: V8 looks at each
 * function that waits to note where an error was made, which costs most of it.)
 * @param {number} code
 * @returns {Trace}
 */
function beginTrap(code) {
  if (realm === undefined) {
    realm = createRealm((error, sites) => format(error, sites, Trap.trace(error)));
    ObjectSetPrototypeOf(Trap, realm);
  }
  const { 0: prototype, 1: known } = TRAPS[code] || TRAPS[0];
  const message = code === NOT_COMPILED ? binding.takeCompileError() : known;
  return capture(realm, message, prototype);
}

/**
 * Whether wasm must not catch an error: traps, deadlines, and overflows of JavaScript's stack, which V8 marks where nobody
 * else sees it.
 * @param {any} error
 * @returns {boolean}
 */
function isUncatchable(error) {
  // Traps are such errors, too; and this is the quicker question.
  if (!isNativeError(error)) return false;
  if (Trap.has(error) || DeadlineError.has(error)) return true;
  // It may be of another realm.
  const message = ObjectGetOwnPropertyDescriptor(error, 'message');
  if (message === undefined || message.value !== OVERFLOW) return false;
  const name = ObjectGetOwnPropertyDescriptor(ObjectGetPrototypeOf(error), 'name');
  return name !== undefined && name.value === 'RangeError';
}

/**
 * Makes an error whose text names the function that was called.
 * @param {ErrorConstructor} Class
 * @param {string} api such as `WebAssembly.Module()`
 * @param {string} message
 */
function prefixed(Class, api, message) {
  return new Class(`${api}: ${message}`);
}

/** @type {(api: string, message: string) => Error} */
const typeError = (api, message) => prefixed(TypeError, api, message);
/** @type {(api: string, message: string) => Error} */
const rangeError = (api, message) => prefixed(RangeError, api, message);

module.exports = {
  CompileError,
  DeadlineError,
  LinkError,
  RuntimeError,
  STACK_OVERFLOW,
  Trap,
  beginTrap,
  isUncatchable,
  prefixed,
  rangeError,
  text,
  typeError,
};
