/**
 * Every text of an error that wrt makes: those of the newest V8, because programs and people know them. Most are prefixed
 * with the function that was called, see `prefixed`. They are in a function, of which V8 knows nothing but the place until there
 * is an error: each constant and each closure takes part of every start.
 */

const makeTexts = () => ({
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
});

/** @type {ReturnType<typeof makeTexts> | undefined} */
let texts;

export const text = () => (texts ??= makeTexts());
