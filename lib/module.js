'use strict';

/** WebAssembly.Module. */

const binding = require('./binding');
const { CompileError, prefixed, text, typeError } = require('./errors');
const { MODULE, watch } = require('./lifetime');
const { JSONParse, ObjectCreate } = require('./primordials');
const {
  bufferSource,
  createBrand,
  defineInterface,
  isWellFormed,
  markUncloneable,
  requireNew,
  toString,
} = require('./webidl');

/** @typedef {import('./lifetime').ModuleCell} ModuleCell */

/**
 * The type of an import or export.
 * @typedef {object} ExternType
 * @property {string} name
 * @property {'function' | 'table' | 'memory' | 'global'} kind
 * @property {string} [module] of an import
 * @property {string} [sig] of a function
 * @property {number} [index] of an exported function in the module
 * @property {'funcref' | 'externref'} [element] of a table
 * @property {string} [value] type of a global
 * @property {boolean} [mutable] of a global
 * @property {number} [minimum] of a table or memory
 * @property {number} [maximum]
 */

/** @typedef {{ imports: ExternType[], exports: ExternType[] }} Description */

const modules = createBrand();

/**
 * The constructor: compiles at once.
 * @this {object}
 */
function Module(bytes) {
  const api = 'WebAssembly.Module()';
  requireNew(new.target, 'Module');
  // 1. Stable bytes.
  const source = requireBytes(bytes, api);
  // 2.-3. Compile.
  const result = source.length === 0 ? text.emptySource : binding.compile(source);
  // 4.-9. The internal slots; there are no compile options yet.
  initialize(this, result, api);
}

/** Marks a new object as the module of a handle, or throws the error that the engine gave. */
function initialize(object, result, api) {
  if (typeof result === 'string') throw prefixed(CompileError, api, result);
  modules.set(object, watch({ handle: result, description: null }, MODULE));
  markUncloneable(object);
  return object;
}

/**
 * "Construct a WebAssembly module object" from what the engine's compilation returned.
 * @param {number | string} result
 * @param {string} api
 * @returns {object}
 */
function createModule(result, api) {
  return initialize(ObjectCreate(Module.prototype), result, api);
}

/**
 * The bytes of a buffer source, or the TypeError.
 * @param {any} bytes
 * @param {string} api
 * @returns {Uint8Array}
 */
function requireBytes(bytes, api) {
  const source = bufferSource(bytes);
  if (source === undefined) throw typeError(api, text.bufferSource);
  return source;
}

/**
 * The cell of a module object; undefined for any other value.
 * @type {(value: unknown) => ModuleCell | undefined}
 */
const moduleCell = modules.get;

/**
 * @param {unknown} value
 * @param {string} api
 * @returns {ModuleCell}
 */
function requireModule(value, api) {
  const cell = moduleCell(value);
  if (cell === undefined) throw typeError(api, text.moduleRequired);
  return cell;
}

/**
 * Imports and exports of a module, with their types.
 * @param {ModuleCell} cell
 * @returns {Description}
 */
function describe(cell) {
  if (cell.description === null) cell.description = JSONParse(binding.describe(cell.handle));
  return cell.description;
}

defineInterface(
  Module,
  {},
  {
    imports(moduleObject) {
      const { imports } = describe(requireModule(moduleObject, 'WebAssembly.Module.imports()'));
      const list = [];
      for (let i = 0; i < imports.length; i++) {
        const { module, name, kind } = imports[i];
        list[i] = { module, name, kind };
      }
      return list;
    },

    exports(moduleObject) {
      const { exports } = describe(requireModule(moduleObject, 'WebAssembly.Module.exports()'));
      const list = [];
      for (let i = 0; i < exports.length; i++) {
        const { name, kind } = exports[i];
        list[i] = { name, kind };
      }
      return list;
    },

    customSections(moduleObject, sectionName) {
      const api = 'WebAssembly.Module.customSections()';
      const cell = requireModule(moduleObject, api);
      if (arguments.length < 2) throw typeError(api, text.argumentRequired(1));
      const name = toString(sectionName);
      // The engine would get a lone surrogate as U+FFFD, which may be a section's name.
      return isWellFormed(name) ? binding.customSections(cell.handle, name) : [];
    },
  },
);

module.exports = { Module, createModule, describe, moduleCell, requireBytes, requireModule };
