/**
 * Every text of an error that wrt makes: those of the newest V8, because programs and people know them. Most are prefixed
 * with the function that was called, see `prefixed`.
 */

// Interfaces.
export const mustBeNew = (name) => `WebAssembly.${name} must be invoked with 'new'`;
export const receiver = (name) => `Receiver is not a WebAssembly.${name}`;
export const bufferSource = 'Argument 0 must be a buffer source';
export const bufferSourceOrModule = 'Argument 0 must be a buffer source or a WebAssembly.Module object';
export const moduleRequired = 'Argument 0 must be a WebAssembly.Module';
export const argumentRequired = (index) => `Argument ${index} is required`;
export const argumentObject = (index) => `Argument ${index} must be an object`;
export const emptySource = 'BufferSource argument is empty';
export const emptyResponse = 'expected 4 bytes, fell off end @+0';

// Numbers. `what` is "Argument 0" or "Property 'initial'".
export const propertyRequired = (name) => `Property '${name}' is required`;
export const notNumber = (what) => `${what} must be convertible to a valid number`;
export const negative = (what) => `${what} must be non-negative`;
export const notUnsigned64 = (what) => `${what} must be in u64 range`;
export const notUnsignedLong = (what) => `${what} must be in the unsigned long range`;
export const aboveBound = (name, value, bound) =>
  `Property '${name}': value ${value} is above the upper bound ${bound}`;
export const belowBound = (name, value, bound) =>
  `Property '${name}': value ${value} is below the lower bound ${bound}`;

// Descriptors.
export const descriptor = (kind) => `Argument 0 must be a ${kind} descriptor`;
export const addressType = (type) => `Unknown address type '${type}'; pass 'i32' or 'i64'`;
export const sharedMaximum = 'If shared is true, maximum property should be defined.';
export const elementType = "Descriptor property 'element' must be a WebAssembly reference type";
export const valueType = "Descriptor property 'value' must be a WebAssembly type";
export const vectorGlobal = "A global of type 'v128' cannot be created in JavaScript";

// Function types.
export const functionTypeRequired = 'Argument 0 must be a function type';
export const functionTypeMember = (name) => `Argument 0 must be a function type with '${name}'`;
export const functionTypeLength = (name) => `Argument 0 contains ${name} without 'length'`;
export const functionTypeTooMany = (name) => `Argument 0 contains too many ${name}`;
export const functionTypeValue = (what, index) => `Argument 0 ${what} type at index #${index} must be a value type`;
export const callableRequired = 'Argument 1 must be a function';
export const functionReceiver = 'Receiver must be a WebAssembly.Function';

// Tags and exceptions.
export const tagTypeRequired = 'Argument 0 must be a tag type';
export const tagTypeMember = (name) => `Argument 0 must be a tag type with '${name}'`;
export const exceptionTag = 'Argument 0 must be a WebAssembly tag';
export const exceptionJSTag = 'Argument 0 cannot be WebAssembly.JSTag';
export const exceptionValues = 'Exception values must be an iterable object';
export const exceptionLength = 'Exception values argument has no length';
export const exceptionCount = 'Number of exception values does not match signature length';
export const exceptionType = (type) => `Invalid type ${type}`;
export const exceptionHidden = (type) => `invalid type ${type}`;
export const exceptionOptions = 'Argument 2 is not an object';
export const tagRequired = 'Argument 0 must be a WebAssembly.Tag';
export const otherTag = 'First argument does not match the exception tag';
export const indexRange = 'Index out of range';

// Memories, tables, globals.
export const memoryAllocation = 'could not allocate memory';
export const bufferTooLong = (bytes) => `an ArrayBuffer of ${bytes} bytes is longer than this runtime allows`;
export const memoryGrowth = 'Maximum memory size exceeded';
export const memoryNoMaximum = 'Memory must have a maximum';
export const resizableBuffer = 'resizable buffers over its memory are not supported by Node-API';
export const bufferTransfer = 'ArrayBuffer is not detachable and could not be cloned.';
export const bufferResize = 'Method ArrayBuffer.prototype.resize called on incompatible receiver #<ArrayBuffer>';
export const tableAllocation = 'could not allocate table';
export const tableGrowth = (delta) => `failed to grow table by ${delta}`;
export const tableAddress = (index, element, size) => `invalid address ${index} in ${element} table of size ${size}`;
export const tableInitial = (problem) =>
  `Argument 2 must be undefined or a value of type compatible with the type of the new table: ${problem}.`;
export const tableValue = (problem) => `Argument 1 is invalid for table: ${problem}`;
export const tableGrowValue = (problem) => `Argument 1 is invalid: ${problem}`;
export const tableNoDefault = (element) => `Table of non-defaultable type ${element} needs explicit element`;
export const tableGrowNoDefault = () => 'Argument 1 must be specified for non-nullable element type';

// What is wrong with a value for a reference type.
export const functionRequired = 'function-typed object must be null (if nullable) or a Wasm function object';
export const typedFunctionRequired = 'JS object does not match expected wasm type';
export const subtypeRequired = 'assigned exported function has to be a subtype of the expected type';
export const onlyNull = 'only null allowed for null types';
export const notNull = (type) => `null is not allowed for (ref ${type})`;
export const exception = (type) => `invalid type (ref ${type})`;
export const getVector = "Can't get the value of s128 WebAssembly.Global";
export const exceptionReference = (type) => `invalid type ${type}`;
export const setVector = "Can't set the value of s128 WebAssembly.Global";
export const setImmutable = "Can't set the value of an immutable global.";

// Imports. The first two follow "Import #0 "module": " or "Import #0 "module" "name": ".
export const importsRequired = 'Imports argument must be present and must be an object';
export const importModule = 'module is not an object or function';
export const importAddress = (kind, actual, expected) => `cannot import ${actual} ${kind} as ${expected}`;
export const importFunction = 'function import requires a callable';
export const importSignature = 'imported function does not match the expected type';
export const importGlobal = 'global import must be a number, valid Wasm reference, or WebAssembly.Global object';
export const importVector = 'global import of type v128 must be a WebAssembly.Global';
export const importMutable = 'imported mutable global must be a WebAssembly.Global object';
export const importMutability = 'imported global does not match the expected mutability';
export const importGlobalType = 'imported global does not match the expected type';
export const importMemory = 'memory import must be a WebAssembly.Memory object';
export const importMemoryPages = 'imported memory does not match the expected page size';
export const importMemorySize = (size, initial) =>
  `memory import has ${size} pages which is smaller than the declared initial of ${initial}`;
export const importMemoryShared = (declared, imported) =>
  `mismatch in shared state of memory, declared = ${+declared}, imported = ${+imported}`;
export const importMemoryNoMaximum = (maximum) => `memory import has no maximum limit, expected at most ${maximum}`;
export const importMemoryMaximum = (actual, maximum) =>
  `memory import has a larger maximum size ${actual} than the module's declared maximum ${maximum}`;
export const importTable = 'table import requires a WebAssembly.Table';
export const importTableType = 'imported table does not match the expected type';
export const importTableSize = (index, initial, size) =>
  `table import ${index} is smaller than initial ${initial}, got ${size}`;
export const importTableNoMaximum = (index, maximum) =>
  `table import ${index} has no maximum length; required: ${maximum}`;
export const importTableMaximum = (index, actual, maximum) =>
  `table import ${index} has a larger maximum size ${actual} than the module's declared maximum ${maximum}`;

export const importTag = 'tag import requires a WebAssembly.Tag';
export const importTagType = 'imported tag does not match the expected type';

// Instantiation.
export const dataSegment = (index, offset, length, size) =>
  `data segment ${index} is out of bounds (offset ${offset}, length ${length}, memory size ${size})`;
export const elementSegment = 'table index is out of bounds';

export const disallowed = 'Wasm code generation disallowed by embedder';

// Calls; no prefix.
export const incompatible = 'type incompatibility when transforming from/to JS';
export const notIterable = (what) => `${what} is not iterable (cannot read property Symbol(Symbol.iterator))`;
export const notObject = 'Result of the Symbol.iterator method is not an object';
export const notFunction = (what) => `${what} is not a function`;
export const notResult = (value) => `Iterator result ${value} is not an object`;
export const resultCount = 'multi-return length mismatch';

// Streaming; no prefix.
export const response = (value) =>
  'The "source" argument must be an instance of Response or an Promise resolving to Response. ' + `Received ${value}`;
export const responseType = (type) => `WebAssembly response has unsupported MIME type '${type}'`;
export const responseStatus = (status) => `WebAssembly response has status code ${status}`;
export const responseChunk = 'chunk must be an ArrayBufferView or an ArrayBuffer';
export const responseUsed = 'WebAssembly response body has already been used';

// Deadlines and interruption; no prefix.
export const deadline = (ms) => `the call exceeded its deadline of ${ms} ms`;
export const aborted = 'the call was aborted';
export const noTimer = 'wrt.withDeadline(): the system has no timer for it';
export const deadlineLimit = 'Argument 0 must be a number of milliseconds or an AbortSignal';
export const deadlineFunction = 'Argument 1 must be a function';
export const limitsObject = 'Argument 0 must be an object';
export const limitNumber = (name) => `${name} must be a number`;
export const limitNegative = (name) => `${name} must not be negative`;
export const interrupted = 'wrt: wasm was stopped between two instructions and cannot be called before it goes on';

export const internal = (what) => `wrt: internal error: ${what}`;
