/** WebAssembly.Function, of the proposal "JS type reflection". Texts and order are those of V8 under its flag. */

import * as binding from './binding.js';
import { typeError } from './errors.js';
import { exportsOf } from './exports.js';
import { functionRecord } from './function.js';
import { instantiateCore } from './instance.js';
import { newCell } from './module.js';
import {
  FunctionPrototypeToString,
  Map,
  MapGet,
  MapSet,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  ReflectApply,
  Uint8Array,
} from './primordials.js';
import { letterOf } from './signature.js';
import { functionPrototype, functionType, listMember } from './types.js';
import { defineMembers, isObject, requireNew, toString } from './webidl.js';
import { text } from './texts.js';

/** Value types in the binary format, by the letters of signatures. */
const CODES = { i: 0x7f, I: 0x7e, f: 0x7d, F: 0x7c, v: 0x7b, x: 0x6f, a: 0x70 };

/** Modules that import a function and export it, by its signature. @type {Map<string, any>} */
const adapters = new Map();

/** Appends an unsigned LEB128 number. */
function number(bytes, value) {
  for (; value >= 0x80; value >>>= 7) bytes[bytes.length] = (value & 0x7f) | 0x80;
  bytes[bytes.length] = value;
}

/** Appends a section. */
function section(bytes, id, contents) {
  bytes[bytes.length] = id;
  number(bytes, contents.length);
  for (let i = 0; i < contents.length; i++) bytes[bytes.length] = contents[i];
}

/** Appends the value types of a part of a signature. */
function types(bytes, list) {
  number(bytes, list.length);
  for (let i = 0; i < list.length; i++) bytes[bytes.length] = CODES[list[i]];
}

/** The cell of `(module (import "" "" (func TYPE)) (export "" (func 0)))`. */
function adapter(params, results) {
  const signature = `${params}>${results}`;
  const known = MapGet(adapters, signature);
  if (known !== undefined) return known;
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const type = [1, 0x60];
  types(type, params);
  types(type, results);
  section(bytes, 1, type);
  section(bytes, 2, [1, 0, 0, 0, 0]);
  section(bytes, 7, [1, 0, 0, 0]);
  const handle = binding.compile(new Uint8Array(bytes));
  const cell = newCell(/** @type {number} */ (handle));
  MapSet(adapters, signature, cell);
  return cell;
}

/** The letters of a list of value types. */
function letters({ list, length }, what, api) {
  let result = '';
  for (let i = 0; i < length; i++) {
    const letter = letterOf(toString(list[i]));
    if (letter === undefined) throw typeError(api, text().functionTypeValue(what, i));
    result += letter;
  }
  return result;
}

/**
 * The constructor: a function of wasm that calls one of JavaScript.
 * @this {object}
 */
function WebAssemblyFunction(type) {
  const api = 'WebAssembly.Function()';
  requireNew(new.target, 'Function');
  if (!isObject(type)) throw typeError(api, text().functionTypeRequired);
  const parameters = listMember(type, 'parameters', api, text().functionTypeMember);
  const results = listMember(type, 'results', api, text().functionTypeMember);
  const cell = adapter(letters(parameters, 'parameter', api), letters(results, 'result', api));
  const callable = arguments[1];
  if (typeof callable !== 'function') throw typeError(api, text().callableRequired);
  // An exported function would come back as it is, and only if it has that type.
  const target =
    functionRecord(callable) === undefined ? callable : (...args) => ReflectApply(callable, undefined, args);
  const func = exportsOf(instantiateCore(cell, [target], api))[''];
  ObjectDefineProperty(func, 'length', { __proto__: null, value: 0 });
  ObjectDefineProperty(func, 'name', { __proto__: null, value: '' });
  return ObjectSetPrototypeOf(func, ObjectGetPrototypeOf(this));
}

// The second parameter counts neither in V8 nor here.
ObjectDefineProperty(WebAssemblyFunction, 'name', { value: 'Function' });
ObjectDefineProperty(WebAssemblyFunction, 'prototype', { value: functionPrototype, writable: false });
ObjectDefineProperty(functionPrototype, 'constructor', {
  value: WebAssemblyFunction,
  writable: true,
  configurable: true,
});
defineMembers(functionPrototype, {
  type() {
    const record = functionRecord(this);
    if (record === undefined) throw typeError('WebAssembly.Function.type()', text().functionReceiver);
    return functionType(record.signature);
  },
});

// Else it were the text of the wrapper.
ObjectDefineProperty(functionPrototype, 'toString', {
  value: {
    toString() {
      const record = functionRecord(this);
      if (record === undefined) return FunctionPrototypeToString(this);
      return `function ${binding.functionIndex(record.number)}() { [native code] }`;
    },
  }.toString,
  writable: true,
  configurable: true,
});

export { WebAssemblyFunction };
