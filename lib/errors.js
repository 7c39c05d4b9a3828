/** The error classes of WebAssembly, and what makes objects of them. */

import * as binding from './binding.js';
import {
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
  isNativeError,
} from './primordials.js';
import { text } from './texts.js';
import { capture, createRealm, format } from './trace.js';

/** @typedef {import('./trace.js').Trace} Trace */

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

const OVERFLOW = 'Maximum call stack size exceeded';

/**
 * Prototype and text of each trap, by the numbers of `src/runtime/trap.rs`.
 * @returns {[object, string][]}
 */
const makeTraps = () => [
  [ErrorPrototype, text().internal('unknown trap')],
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
  [ErrorPrototype, text().interrupted],
  [ErrorPrototype, text().internal('unknown trap')],
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
/** @type {[object, string][]} with it */
let traps;

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
    traps = makeTraps();
  }
  const { 0: prototype, 1: known } = traps[code] || traps[0];
  const message = code === NOT_COMPILED ? binding.rare.takeCompileError() : known;
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

export {
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
  typeError,
};
