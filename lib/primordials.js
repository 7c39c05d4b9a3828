'use strict';

/**
 * The built-ins that wrt relies on, as they were when it was loaded: a program may replace or patch
 * the originals at any time, and must not change what happens in here by that.
 */

/**
 * Makes a function that takes its `this` as first argument.
 * @type {(method: Function) => (...args: any[]) => any}
 */
const uncurryThis = Function.prototype.bind.bind(Function.prototype.call);

const { getOwnPropertyDescriptor } = Object;

/** @type {(prototype: object, name: string) => ((object: object) => any) | undefined} */
function getterOf(prototype, name) {
  const descriptor = getOwnPropertyDescriptor(prototype, name);
  return descriptor && descriptor.get && uncurryThis(descriptor.get);
}

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);

module.exports = {
  getterOf,
  uncurryThis,

  // Functions and constructors.
  Array,
  ArrayBufferIsView: ArrayBuffer.isView,
  AtomicsNotify: Atomics.notify,
  AtomicsWait: Atomics.wait,
  BigInt,
  BigIntAsIntN: BigInt.asIntN,
  BigIntAsUintN: BigInt.asUintN,
  Error,
  ErrorCaptureStackTrace: Error.captureStackTrace,
  ErrorToString: uncurryThis(Error.prototype.toString),
  EvalError,
  Float32Array,
  Float64Array,
  BigInt64Array,
  FinalizationRegistry,
  Function,
  Int32Array,
  JSONParse: JSON.parse,
  Map,
  MathFround: Math.fround,
  MathMax: Math.max,
  MathMin: Math.min,
  MathTrunc: Math.trunc,
  Number,
  NumberMaxSafeInteger: Number.MAX_SAFE_INTEGER,
  NumberToString: uncurryThis(Number.prototype.toString),
  ObjectCreate: Object.create,
  ObjectDefineProperties: Object.defineProperties,
  ObjectDefineProperty: /** @type {(object: any, key: PropertyKey, descriptor: any) => any} */ (Object.defineProperty),
  ObjectFreeze: Object.freeze,
  ObjectGetOwnPropertyDescriptor: Object.getOwnPropertyDescriptor,
  ObjectGetPrototypeOf: Object.getPrototypeOf,
  ObjectSetPrototypeOf: Object.setPrototypeOf,
  Promise,
  RangeError,
  ReflectApply: Reflect.apply,
  ReflectConstruct: Reflect.construct,
  ReflectOwnKeys: Reflect.ownKeys,
  Set,
  String,
  SymbolHasInstance: /** @type {typeof Symbol.hasInstance} */ (Symbol.hasInstance),
  SymbolIterator: /** @type {typeof Symbol.iterator} */ (Symbol.iterator),
  SymbolToStringTag: /** @type {typeof Symbol.toStringTag} */ (Symbol.toStringTag),
  TypeError,
  Uint8Array,
  Uint32Array,
  // Not `performance`, which Node loads when it is first named.
  processHrtime: process.hrtime,
  setImmediate,

  // Prototypes that users could reach and replace on their constructors never, but patch always.
  ArrayBufferPrototype: ArrayBuffer.prototype,
  ErrorPrototype: Error.prototype,
  FunctionPrototype: Function.prototype,
  ObjectPrototype: Object.prototype,

  // Methods and getters, with `this` as first argument.
  ArrayPrototypeValues: uncurryThis(Array.prototype.values),
  ArrayBufferByteLength: /** @type {(b: object) => number} */ (getterOf(ArrayBuffer.prototype, 'byteLength')),
  ArrayBufferResizable: getterOf(ArrayBuffer.prototype, 'resizable'),
  DataViewBuffer: /** @type {(v: object) => any} */ (getterOf(DataView.prototype, 'buffer')),
  DataViewByteLength: /** @type {(v: object) => number} */ (getterOf(DataView.prototype, 'byteLength')),
  DataViewByteOffset: /** @type {(v: object) => number} */ (getterOf(DataView.prototype, 'byteOffset')),
  FinalizationRegistryRegister: uncurryThis(FinalizationRegistry.prototype.register),
  FunctionPrototypeHasInstance: uncurryThis(Function.prototype[Symbol.hasInstance]),
  FunctionPrototypeToString: uncurryThis(Function.prototype.toString),
  MapGet: uncurryThis(Map.prototype.get),
  MapSet: uncurryThis(Map.prototype.set),
  SetAdd: uncurryThis(Set.prototype.add),
  SetForEach: uncurryThis(Set.prototype.forEach),
  SharedArrayBufferByteLength: /** @type {(b: object) => number} */ (
    getterOf(SharedArrayBuffer.prototype, 'byteLength')
  ),
  StringCharCodeAt: uncurryThis(String.prototype.charCodeAt),
  StringIncludes: uncurryThis(String.prototype.includes),
  StringIndexOf: uncurryThis(String.prototype.indexOf),
  StringPadStart: uncurryThis(String.prototype.padStart),
  StringSlice: uncurryThis(String.prototype.slice),
  StringStartsWith: uncurryThis(String.prototype.startsWith),
  StringToLowerCase: uncurryThis(String.prototype.toLowerCase),
  TypedArrayBuffer: /** @type {(v: object) => any} */ (getterOf(TypedArrayPrototype, 'buffer')),
  TypedArrayByteLength: /** @type {(v: object) => number} */ (getterOf(TypedArrayPrototype, 'byteLength')),
  TypedArrayByteOffset: /** @type {(v: object) => number} */ (getterOf(TypedArrayPrototype, 'byteOffset')),
  TypedArraySet: uncurryThis(TypedArrayPrototype.set),
  TypedArrayTag: /** @type {(v: object) => string | undefined} */ (
    uncurryThis(/** @type {any} */ (Object.getOwnPropertyDescriptor(TypedArrayPrototype, Symbol.toStringTag)).get)
  ),
};
