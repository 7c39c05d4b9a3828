/**
 * Types as objects, of the proposal "JS type reflection": what the methods `type` return, and
 * `Module.imports` and `Module.exports` under `type`.
 */

import { typeError } from './errors.js';
import { ObjectCreate, FunctionPrototype, Number } from './primordials.js';
import { parse, typeName } from './signature.js';
import { isObject, toString } from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./module.js').ExternType} ExternType */

/**
 * The prototype of Exported Functions, which `lib/function-interface.js` completes. It has no
 * `@@toStringTag`, which V8 gives it: programs (lodash's `isFunction`) tell functions by that.
 */
const functionPrototype = ObjectCreate(FunctionPrototype);

/** An implementation limit of the standard, for parameters and for results. */
const MAX_TYPES = 1000;

/** A member of a function or tag type: an array-like object and its length. `required` makes the text for others. */
function listMember(type, name, api, required) {
  const list = type[name];
  if (!isObject(list)) throw typeError(api, required(name));
  const length = arrayIndex(/** @type {any} */ (list).length);
  if (length === undefined) throw typeError(api, text().functionTypeLength(name));
  if (length > MAX_TYPES) throw typeError(api, text().functionTypeTooMany(name));
  return { list, length };
}

/** A value as an array index, undefined if it is none. */
function arrayIndex(value) {
  if (value === undefined) return undefined;
  const string = toString(value);
  const index = Number(string) >>> 0;
  return `${index}` === string ? index : undefined;
}

/** @param {string} signature */
function functionType(signature) {
  const { params, results } = parse(signature);
  return { parameters: names(params), results: names(results) };
}

function names(types) {
  const list = [];
  for (let i = 0; i < types.length; i++) list[i] = typeName(types[i]);
  return list;
}

/** Sizes are numbers, or BigInts if addresses have 64 bits. A page size that is not the usual one is told. */
function memoryType({ address = 'i32', minimum, maximum, pageSize = 65536, shared = false }) {
  const type = maximum === undefined ? { minimum, shared, address } : { minimum, maximum, shared, address };
  return pageSize === 65536 ? type : { ...type, pageSize };
}

function tableType({ element, address = 'i32', minimum, maximum }) {
  return maximum === undefined ? { element, minimum, address } : { element, minimum, maximum, address };
}

function globalType(mutable, value) {
  return { mutable, value };
}

/**
 * The type of an import or export.
 * @param {ExternType} type
 */
function externType(type) {
  switch (type.kind) {
    case 'function':
      return functionType(/** @type {string} */ (type.sig));
    case 'memory':
      return memoryType(/** @type {any} */ (type));
    case 'table':
      return tableType(/** @type {any} */ (type));
    case 'tag':
      return { parameters: functionType(/** @type {string} */ (type.sig)).parameters };
    default:
      return globalType(!!type.mutable, type.value);
  }
}

export { externType, functionPrototype, functionType, globalType, listMember, memoryType, tableType };
