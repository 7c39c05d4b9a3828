/** WebAssembly.Module. */

import * as binding from './binding.js';
import { Carrier, createCarrier, expectArrivals, openCarrier } from './carrier.js';
import { CompileError, prefixed, typeError } from './errors.js';
import { MODULE, watch } from './lifetime.js';
import { inheritModuleSource } from './module-source.js';
import { allowed } from './policy.js';
import {
  BigInt,
  JSONParse,
  Map,
  MapGet,
  MapSet,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
} from './primordials.js';
import { externType } from './types.js';
import { Brand, bufferSource, defineInterface, isObject, isWellFormed, requireNew, toString } from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').ModuleCell} ModuleCell */

/**
 * The type of an import or export.
 * @typedef {object} ExternType
 * @property {string} name
 * @property {'function' | 'table' | 'memory' | 'global' | 'tag'} kind
 * @property {string} [module] of an import
 * @property {string} [sig] of a function or tag
 * @property {number} [type] of a function or tag: number of its type in this process
 * @property {number} [index] of an exported function in the module
 * @property {number} [position] of an exported function among those of the module that can be values
 * @property {string} [same] name of an earlier export of the same function
 * @property {string} [element] of a table
 * @property {string} [value] type of a global
 * @property {boolean} [mutable] of a global
 * @property {'i32' | 'i64'} [address] of a table or memory, if it is not i32
 * @property {any} [minimum] of a table or memory: a number or, by `address`, a BigInt
 * @property {any} [maximum]
 * @property {number} [pageSize] of a memory, if it is not the usual one
 * @property {boolean} [shared] of a memory
 */

/** @typedef {{ imports: ExternType[], exports: ExternType[], shared: ExternType[] }} Description `shared`: memories that it defines */

class modules extends Brand {
  /** @type {ModuleCell} */
  #cell;

  constructor(object, cell) {
    super(object);
    this.#cell = cell;
  }

  /** @returns {ModuleCell | undefined} */
  static get(value) {
    return isObject(value) && #cell in value ? value.#cell : undefined;
  }

  /** @returns {ModuleCell | undefined} */
  static expect(value) {
    try {
      return value.#cell;
    } catch {
      return undefined;
    }
  }
}

/**
 * The constructor: compiles at once.
 * @this {object}
 */
function Module(bytes) {
  const api = 'WebAssembly.Module()';
  requireNew(new.target, 'Module');
  // 1. Stable bytes.
  const source = allowed(requireBytes(bytes, api), api);
  // 2.-3. Compile.
  const result = source.length === 0 ? text().emptySource : binding.compile(source, Carrier);
  // 4.-9. The internal slots; there are no compile options yet.
  return construct(ObjectGetPrototypeOf(this), result, api);
}

/**
 * A new object for what the engine's compilation returned, or throws the error that it gave.
 * @param {object} prototype
 * @param {number | string | [number, object]} result
 * @param {string} api
 */
function construct(prototype, result, api) {
  if (typeof result === 'string') throw prefixed(CompileError, api, result);
  if (typeof result === 'object') return modules.set(ObjectSetPrototypeOf(result[1], prototype), newCell(result[0]));
  // The cell comes first: it releases the module also if there is no memory for the object.
  const cell = newCell(result);
  return modules.set(createCarrier(result, prototype), cell);
}

/** @returns {ModuleCell} */
function newCell(handle) {
  return watch({ handle, description: null, thunks: [], numbers: null }, MODULE);
}

/**
 * "Construct a WebAssembly module object" from what the engine's compilation returned.
 * @param {number | string} result
 * @param {string} api
 * @returns {object}
 */
function createModule(result, api) {
  return construct(Module.prototype, result, api);
}

/**
 * The bytes of a buffer source, or the TypeError.
 * @param {any} bytes
 * @param {string} api
 * @returns {Uint8Array}
 */
function requireBytes(bytes, api) {
  const source = bufferSource(bytes);
  if (source === undefined) throw typeError(api, text().bufferSource);
  return source;
}

/**
 * The cell of a module object; undefined for any other value.
 * @param {any} value
 * @returns {ModuleCell | undefined}
 */
function moduleCell(value) {
  return modules.get(value) || arrivedCell(value);
}

/**
 * Signatures of the functions among imports or exports.
 * @param {ExternType[]} types
 * @returns {string[]}
 */
function signatures(types) {
  const list = [];
  for (let i = 0; i < types.length; i++) {
    const { kind, sig } = types[i];
    if (kind === 'function') list[list.length] = /** @type {string} */ (sig);
  }
  return list;
}

/** Makes a module of what a structured clone of one has become, and returns its cell. */
function arrivedCell(value) {
  const handle = openCarrier(value);
  if (handle === 0) return undefined;
  const cell = newCell(handle);
  modules.set(ObjectSetPrototypeOf(value, Module.prototype), cell);
  return cell;
}

/**
 * @param {unknown} value
 * @param {string} api
 * @returns {ModuleCell}
 */
function requireModule(value, api) {
  const cell = moduleCell(value);
  if (cell === undefined) throw typeError(api, text().moduleRequired);
  return cell;
}

/**
 * Imports and exports of a module, with their types.
 * @param {ModuleCell} cell
 * @returns {Description}
 */
function describe(cell) {
  if (cell.description === null) {
    const description = JSONParse(binding.describe(cell.handle));
    readLimits(description.imports);
    readLimits(description.exports);
    readLimits(description.shared);
    findSame(description.exports);
    cell.description = description;
  }
  return cell.description;
}

/**
 * Has exports of one function name the first of them: it is one object.
 * @param {ExternType[]} exports
 */
function findSame(exports) {
  const names = new Map();
  for (let i = 0; i < exports.length; i++) {
    const type = exports[i];
    if (type.kind !== 'function') continue;
    const first = MapGet(names, type.index);
    if (first === undefined) MapSet(names, type.index, type.name);
    else type.same = first;
  }
}

/**
 * Limits of 64 bits are strings in JSON.
 * @param {ExternType[]} types
 */
function readLimits(types) {
  for (let i = 0; i < types.length; i++) {
    const type = types[i];
    if (type.address !== 'i64') continue;
    type.minimum = BigInt(type.minimum);
    if (type.maximum !== undefined) type.maximum = BigInt(type.maximum);
  }
}

/**
 * Adds the type to a descriptor. It is not enumerable: the descriptors of the standard have none, and programs
 * compare them as a whole.
 * @param {object} descriptor
 * @param {ExternType} type
 */
function withType(descriptor, type) {
  return ObjectDefineProperty(descriptor, 'type', {
    __proto__: null,
    value: externType(type),
    writable: true,
    configurable: true,
  });
}

defineInterface(
  { constructor: Module },
  {
    imports(moduleObject) {
      const { imports } = describe(requireModule(moduleObject, 'WebAssembly.Module.imports()'));
      const list = [];
      for (let i = 0; i < imports.length; i++) {
        const { module, name, kind } = imports[i];
        list[i] = withType({ module, name, kind }, imports[i]);
      }
      return list;
    },

    exports(moduleObject) {
      const { exports } = describe(requireModule(moduleObject, 'WebAssembly.Module.exports()'));
      const list = [];
      for (let i = 0; i < exports.length; i++) {
        const { name, kind } = exports[i];
        list[i] = withType({ name, kind }, exports[i]);
      }
      return list;
    },

    customSections(moduleObject, sectionName) {
      const api = 'WebAssembly.Module.customSections()';
      const cell = requireModule(moduleObject, api);
      if (arguments.length < 2) throw typeError(api, text().argumentRequired(1));
      const name = toString(sectionName);
      // The engine would get a lone surrogate as U+FFFD, which may be a section's name.
      return isWellFormed(name) ? binding.rare.customSections(cell.handle, name) : [];
    },
  },
);

inheritModuleSource(Module, moduleCell);
expectArrivals(Module, moduleCell);

export { Module, createModule, describe, moduleCell, newCell, requireBytes, requireModule, signatures };
