/** What the interfaces need of Web IDL: conversions, brands, and properties with the right attributes. */

import { typeError } from './errors.js';
import {
  ArrayBufferByteLength,
  ArrayBufferIsView,
  ArrayBufferResizable,
  BigInt,
  BigIntAsIntN,
  DataViewBuffer,
  DataViewByteLength,
  DataViewByteOffset,
  MathTrunc,
  NumberMaxSafeInteger,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  SharedArrayBufferByteLength,
  StringCharCodeAt,
  SymbolToStringTag,
  TypedArrayBuffer,
  TypedArrayByteLength,
  TypedArrayByteOffset,
  TypedArraySet,
  TypedArrayTag,
  Uint8Array,
} from './primordials.js';
import { text } from './texts.js';

/**
 * Base of brands: a brand is a class whose private field is a hidden mark on objects, carries their internal state and
 * cannot be forged. A private field does this at a fraction of a WeakMap's cost, and survives subclassing: what a base
 * constructor returns is the `this` of the derived one, which gets the field.
 *
 * The methods that read the field are written anew in each brand: V8 keeps what it learns of a field with the text that
 * reads it. `get` is for values that may be anything; `expect` for those that are most likely of the brand, since V8 has
 * fast code for reading a field but not for asking whether it is there.
 */
class Brand {
  constructor(object) {
    return object;
  }

  /** Marks `object`. @returns {any} */
  static set(object, state) {
    return new /** @type {any} */ (this)(object, state);
  }
}

/** @type {(value: unknown) => value is object} */
function isObject(value) {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/**
 * The state behind `this` in a method or accessor.
 * @template T
 * @param {T | undefined} state what the brand of the interface expects
 * @param {string} name of the interface
 * @param {string} api
 * @returns {T}
 */
function receiver(state, name, api) {
  if (state === undefined) throw typeError(api, text().receiver(name));
  return state;
}

/**
 * Throws when an interface object is called as a function.
 * @param {Function | undefined} newTarget
 * @param {string} name
 */
function requireNew(newTarget, name) {
  if (newTarget === undefined) throw typeError(`WebAssembly.${name}()`, text().mustBeNew(name));
}

/**
 * Copies operations and attributes, which are enumerable in Web IDL, from an object literal:
 * its methods are no constructors and its accessors have the right names.
 * @param {object} target
 * @param {object} members
 */
function defineMembers(target, members) {
  const keys = ReflectOwnKeys(members);
  for (let i = 0; i < keys.length; i++) {
    ObjectDefineProperty(target, keys[i], /** @type {any} */ (ObjectGetOwnPropertyDescriptor(members, keys[i])));
  }
}

/**
 * Has an object literal be the prototype of an interface object, with the properties that Web IDL wants. (To copy its
 * members to another object took most of what making all interfaces takes.)
 * @param {{ constructor: Function } & Record<string, any>} prototype begins with the interface object
 * @param {object} [statics]
 */
function defineInterface(prototype, statics) {
  const { constructor } = prototype;
  ObjectDefineProperty(prototype, 'constructor', { enumerable: false });
  ObjectDefineProperty(prototype, SymbolToStringTag, {
    value: `WebAssembly.${constructor.name}`,
    configurable: true,
  });
  ObjectDefineProperty(constructor, 'prototype', { value: prototype, writable: false });
  if (statics) defineMembers(constructor, statics);
}

/** @typedef {'i32' | 'i64'} AddressType */

/**
 * AddressValueToU64. The result has the type of the value: a number for "i32", a BigInt for "i64".
 * @param {any} value
 * @param {AddressType} type
 * @param {string} api
 * @param {string} what names the value in errors
 * @returns {any}
 */
function addressValue(value, type, api, what) {
  return type === 'i32' ? unsignedLong(value, api, what) : unsigned64(value, api, what);
}

/** `[EnforceRange] unsigned long`. @returns {number} */
function unsignedLong(value, api, what) {
  if (typeof value === 'number' && value >>> 0 === value) return value + 0;
  // 1. ToNumber; throws for a Symbol or BigInt.
  const number = +value;
  // 2. Not finite: TypeError.
  if (number - number !== 0) throw typeError(api, text().notNumber(what));
  // 3. Towards zero, then the range.
  const integer = MathTrunc(number) + 0;
  if (integer < 0) throw typeError(api, text().negative(what));
  if (integer > 0xffffffff) throw typeError(api, text().notUnsignedLong(what));
  return integer;
}

/** A BigInt of 64 bits without a sign. @returns {bigint} */
function unsigned64(value, api, what) {
  // With so many bits it is nothing but ToBigInt, which refuses numbers, unlike the function BigInt.
  const integer = BigIntAsIntN(NumberMaxSafeInteger, value);
  if (integer < 0n || integer > 0xffffffffffffffffn) throw typeError(api, text().notUnsigned64(what));
  return integer;
}

/**
 * U64ToAddressValue.
 * @param {number} size
 * @param {AddressType} type
 */
function toAddressValue(size, type) {
  return type === 'i32' ? size : BigInt(size);
}

/**
 * A member of a descriptor that is an address value.
 * @param {object} descriptor
 * @param {string} name
 * @param {AddressType} type
 * @param {string} api
 * @param {boolean} required
 * @returns {any} undefined if it is not there
 */
function addressMember(descriptor, name, type, api, required) {
  const value = descriptor[name];
  if (value !== undefined) return addressValue(value, type, api, `Property '${name}'`);
  if (required) throw typeError(api, text().propertyRequired(name));
  return undefined;
}

/**
 * The member "address" of a descriptor.
 * @param {object} descriptor
 * @param {string} api
 * @returns {AddressType}
 */
function addressType(descriptor, api) {
  const value = descriptor.address;
  if (value === undefined) return 'i32';
  const type = toString(value);
  if (type !== 'i32' && type !== 'i64') throw typeError(api, text().addressType(type));
  return type;
}

/**
 * ToString; unlike the function String it refuses a Symbol.
 * @type {(value: any) => string}
 */
const toString = (value) => `${value}`;

/**
 * Whether a string has no lone surrogates, that is, whether it can equal a name in a module.
 * @param {string} string
 */
function isWellFormed(string) {
  for (let i = 0; i < string.length; i++) {
    const unit = StringCharCodeAt(string, i);
    if ((unit & 0xf800) !== 0xd800) continue;
    if (unit >= 0xdc00 || ++i === string.length) return false;
    if ((StringCharCodeAt(string, i) & 0xfc00) !== 0xdc00) return false;
  }
  return true;
}

/** The length of an ArrayBuffer, or undefined if `value` is none. */
function arrayBufferLength(value) {
  try {
    return ArrayBufferByteLength(value);
  } catch {
    return undefined;
  }
}

/** The length of a SharedArrayBuffer, or undefined if `value` is none. */
function sharedArrayBufferLength(value) {
  try {
    return SharedArrayBufferByteLength(value);
  } catch {
    return undefined;
  }
}

/** Whether an ArrayBuffer is detached. Node 18 and 20 have no property that says so. */
function isDetached(buffer) {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/**
 * The bytes of a BufferSource ([AllowShared], [AllowResizable]), or undefined if `source` is none.
 * The engine copies what it gets while it may rely on it; memory that another thread may write or
 * that may shrink is copied here.
 * @param {any} source
 * @returns {Uint8Array | undefined}
 */
function bufferSource(source) {
  if (typeof source !== 'object' || source === null) return undefined;
  let buffer = source;
  let offset = 0;
  let length;
  if (ArrayBufferIsView(source)) {
    if (TypedArrayTag(source) !== undefined) {
      buffer = TypedArrayBuffer(source);
      offset = TypedArrayByteOffset(source);
      length = TypedArrayByteLength(source);
    } else {
      buffer = DataViewBuffer(source);
      try {
        offset = DataViewByteOffset(source);
        length = DataViewByteLength(source);
      } catch {
        length = 0; // Detached, or out of the buffer's bounds: it holds no bytes.
      }
    }
  }
  const owned = arrayBufferLength(buffer);
  const size = owned === undefined ? sharedArrayBufferLength(buffer) : owned;
  if (size === undefined) return undefined;
  if (length === undefined) length = size;
  if (length === 0) return new Uint8Array(0);
  const view = new Uint8Array(buffer, offset, length);
  if (owned !== undefined && !(ArrayBufferResizable && ArrayBufferResizable(buffer))) return view;
  const copy = new Uint8Array(length);
  TypedArraySet(copy, view);
  return copy;
}

export {
  Brand,
  addressMember,
  addressType,
  addressValue,
  arrayBufferLength,
  bufferSource,
  defineInterface,
  defineMembers,
  isDetached,
  isObject,
  isWellFormed,
  receiver,
  requireNew,
  toAddressValue,
  toString,
  unsignedLong,
};
