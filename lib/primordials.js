/**
 * The built-ins that wrt relies on, as they were when it was loaded: a program may replace or patch
 * the originals at any time, and must not change what happens in here by that.
 */

export const {
  Array,
  BigInt,
  BigInt64Array,
  Error,
  EvalError,
  FinalizationRegistry,
  Float32Array,
  Float64Array,
  Function,
  Int32Array,
  Map,
  Number,
  Promise,
  RangeError,
  Set,
  String,
  TypeError,
  Uint8Array,
  Uint32Array,
  setImmediate,
} = globalThis;

export const {
  inspect,
  types: { isGeneratorObject, isNativeError, isProxy },
} = require('util');

/**
 * Makes a function that takes its `this` as first argument.
 * @type {(method: Function) => (...args: any[]) => any}
 */
export const uncurryThis = Function.prototype.bind.bind(Function.prototype.call);

const { getOwnPropertyDescriptor } = Object;

/** @type {(prototype: object, name: string) => ((object: object) => any) | undefined} */
export function getterOf(prototype, name) {
  const descriptor = getOwnPropertyDescriptor(prototype, name);
  return descriptor && descriptor.get && uncurryThis(descriptor.get);
}

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);

// Functions.
export const ArrayBufferIsView = ArrayBuffer.isView;
export const AtomicsNotify = Atomics.notify;
export const AtomicsWait = Atomics.wait;
export const BigIntAsIntN = BigInt.asIntN;
export const BigIntAsUintN = BigInt.asUintN;
export const ErrorCaptureStackTrace = Error.captureStackTrace;
export const ErrorToString = uncurryThis(Error.prototype.toString);
export const JSONParse = JSON.parse;
export const MathFround = Math.fround;
export const MathMax = Math.max;
export const MathMin = Math.min;
export const MathTrunc = Math.trunc;
export const NumberMaxSafeInteger = Number.MAX_SAFE_INTEGER;
export const NumberToString = uncurryThis(Number.prototype.toString);
export const ObjectCreate = Object.create;
export const ObjectDefineProperties = Object.defineProperties;
export const ObjectDefineProperty = /** @type {(object: any, key: PropertyKey, descriptor: any) => any} */ (
  Object.defineProperty
);
export const ObjectFreeze = Object.freeze;
export const ObjectGetOwnPropertyDescriptor = Object.getOwnPropertyDescriptor;
export const ObjectGetPrototypeOf = Object.getPrototypeOf;
export const ObjectSetPrototypeOf = Object.setPrototypeOf;
// Not `performance`, which Node loads when it is first named.
export const processHrtime = process.hrtime;
export const ReflectApply = Reflect.apply;
export const ReflectConstruct = Reflect.construct;
export const ReflectOwnKeys = Reflect.ownKeys;
export const SymbolHasInstance = /** @type {typeof Symbol.hasInstance} */ (Symbol.hasInstance);
export const SymbolIterator = /** @type {typeof Symbol.iterator} */ (Symbol.iterator);
export const SymbolToStringTag = /** @type {typeof Symbol.toStringTag} */ (Symbol.toStringTag);

// Prototypes that users could reach and replace on their constructors never, but patch always.
export const ArrayBufferPrototype = ArrayBuffer.prototype;
export const ErrorPrototype = Error.prototype;
export const FunctionPrototype = Function.prototype;
export const ObjectPrototype = Object.prototype;

// Methods and getters, with `this` as first argument.
export const ArrayPrototypeValues = uncurryThis(Array.prototype.values);
export const ArrayBufferByteLength = /** @type {(b: object) => number} */ (
  getterOf(ArrayBuffer.prototype, 'byteLength')
);
export const ArrayBufferResizable = getterOf(ArrayBuffer.prototype, 'resizable');
export const DataViewBuffer = /** @type {(v: object) => any} */ (getterOf(DataView.prototype, 'buffer'));
export const DataViewByteLength = /** @type {(v: object) => number} */ (getterOf(DataView.prototype, 'byteLength'));
export const DataViewByteOffset = /** @type {(v: object) => number} */ (getterOf(DataView.prototype, 'byteOffset'));
export const FinalizationRegistryRegister = uncurryThis(FinalizationRegistry.prototype.register);
export const FunctionPrototypeHasInstance = uncurryThis(Function.prototype[Symbol.hasInstance]);
export const FunctionPrototypeToString = uncurryThis(Function.prototype.toString);
export const MapGet = uncurryThis(Map.prototype.get);
export const MapSet = uncurryThis(Map.prototype.set);
export const SetAdd = uncurryThis(Set.prototype.add);
export const SetForEach = uncurryThis(Set.prototype.forEach);
export const SharedArrayBufferByteLength = /** @type {(b: object) => number} */ (
  getterOf(SharedArrayBuffer.prototype, 'byteLength')
);
export const StringCharCodeAt = uncurryThis(String.prototype.charCodeAt);
export const StringIncludes = uncurryThis(String.prototype.includes);
export const StringIndexOf = uncurryThis(String.prototype.indexOf);
export const StringPadStart = uncurryThis(String.prototype.padStart);
export const StringSlice = uncurryThis(String.prototype.slice);
export const StringStartsWith = uncurryThis(String.prototype.startsWith);
export const StringToLowerCase = uncurryThis(String.prototype.toLowerCase);
export const TypedArrayBuffer = /** @type {(v: object) => any} */ (getterOf(TypedArrayPrototype, 'buffer'));
export const TypedArrayByteLength = /** @type {(v: object) => number} */ (getterOf(TypedArrayPrototype, 'byteLength'));
export const TypedArrayByteOffset = /** @type {(v: object) => number} */ (getterOf(TypedArrayPrototype, 'byteOffset'));
export const TypedArraySet = uncurryThis(TypedArrayPrototype.set);
export const TypedArrayTag = /** @type {(v: object) => string | undefined} */ (
  uncurryThis(/** @type {any} */ (Object.getOwnPropertyDescriptor(TypedArrayPrototype, Symbol.toStringTag)).get)
);
