/** The functions of the namespace object. */

import * as binding from './binding.js';
import { typeError } from './errors.js';
import { checkImportObject, createInstance, readImports } from './instance.js';
import { createModule, moduleCell, requireBytes } from './module.js';
import { allowed } from './policy.js';
import { Promise, setImmediate } from './primordials.js';
import { compileSource } from './streaming.js';
import { bufferSource, isObject } from './webidl.js';
import { text } from './texts.js';

/** Bytes of a module that is compiled at once: its own thread would start later than this one is done. */
const SMALL = 1 << 15;

/**
 * "Asynchronously compile a WebAssembly module": the promise is never settled within the same task.
 * @param {Uint8Array} source
 * @param {string} api
 * @returns {Promise<object>}
 */
async function compileBytes(source, api) {
  if (source.length === 0) return createModule(text().emptySource, api);
  const result = source.length < SMALL ? inNextTask(binding.compile(source)) : binding.compileAsync(source);
  return createModule(await result, api);
}

function inNextTask(value) {
  return new Promise((resolve) => setImmediate(resolve, value));
}

async function compile(bytes) {
  const api = 'WebAssembly.compile()';
  return compileBytes(allowed(requireBytes(bytes, api), api), api);
}

/** "Asynchronously instantiate a WebAssembly module": reads the imports now, does the rest in a later job. */
async function instantiateModule(cell, importObject, api) {
  const values = readImports(cell, importObject, api);
  await undefined;
  return createInstance(cell, values, api);
}

/** "Instantiate a promise of a module". */
async function instantiatePromise(promise, importObject, api) {
  const module = await promise;
  const cell = /** @type {import('./lifetime.js').ModuleCell} */ (moduleCell(module));
  const instance = await instantiateModule(cell, importObject, api);
  return { module, instance };
}

async function instantiate(bytesOrModule, importObject) {
  const api = 'WebAssembly.instantiate()';
  const cell = moduleCell(bytesOrModule);
  const source = cell === undefined ? bufferSource(bytesOrModule) : undefined;
  // The order and the texts are V8's; all are TypeErrors.
  if (!isObject(bytesOrModule)) throw typeError(api, text().bufferSourceOrModule);
  checkImportObject(importObject, api);
  if (cell === undefined && source === undefined) throw typeError(api, text().bufferSource);
  if (cell !== undefined) return instantiateModule(cell, importObject, api);
  const bytes = allowed(/** @type {Uint8Array} */ (source), api);
  return instantiatePromise(compileBytes(bytes, api), importObject, api);
}

async function compileResponse(source, api) {
  return createModule(await compileSource(source, api), api);
}

async function instantiateStreaming(source, importObject) {
  const api = 'WebAssembly.instantiateStreaming()';
  checkImportObject(importObject, api);
  // What the imports lack is said in the name of `instantiate`, as V8 does.
  return instantiatePromise(compileResponse(source, api), importObject, 'WebAssembly.instantiate()');
}

/**
 * The functions of Web IDL are no async functions: those have another prototype. The async ones
 * behind them turn every throw into a rejection.
 */
const operations = {
  compile(bytes) {
    return compile(bytes);
  },

  validate(bytes) {
    return binding.rare.validate(requireBytes(bytes, 'WebAssembly.validate()'));
  },

  instantiate(bytes) {
    return instantiate(bytes, arguments[1]);
  },
};

/** The functions of the Web API. */
const streaming = {
  compileStreaming(source) {
    return compileResponse(source, 'WebAssembly.compileStreaming()');
  },

  instantiateStreaming(source) {
    return instantiateStreaming(source, arguments[1]);
  },
};

export { operations, streaming };
