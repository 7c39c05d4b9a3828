/** WebAssembly.Instance, and instantiation in the three steps that the standard's texts need. */

import * as binding from './binding.js';
import { createObject } from './carrier.js';
import { LinkError, RuntimeError, prefixed, rangeError, typeError } from './errors.js';
import { exportsOf } from './exports.js';
import { createFunction, functionRecord, referenceProblem, thunkOf } from './function.js';
import * as globals from './global.js';
import { MANY, serve } from './host.js';
import { INSTANCE, hold, watch } from './lifetime.js';
import { applyLimits } from './limits.js';
import * as memories from './memory.js';
import { describe, requireModule } from './module.js';
import { Array, BigIntAsUintN, Int32Array, Map, MapGet, MapSet, MathMax, ObjectGetPrototypeOf } from './primordials.js';
import { addEdge, collectResting, wake } from './rest.js';
import { DOUBLES, SLOT0, SLOT1, STATE, TRAP, f64, i32, i64 } from './scratch.js';
import { hasFunctions, isFunctionType, isSubtype, referenceType } from './signature.js';
import * as tables from './table.js';
import * as tags from './tag.js';
import { Brand, defineInterface, isObject, receiver, requireNew } from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').InstanceCell} InstanceCell */
/** @typedef {import('./lifetime.js').ModuleCell} ModuleCell */
/** @typedef {import('./module.js').ExternType} ExternType */

/** What comes before the exports in the engine's answer. */
const HEADER = 4;

/** The list of those cells that have nothing to list. @type {any[]} */
const NONE = [];

class instances extends Brand {
  /** @type {InstanceCell} */
  #cell;

  constructor(object, cell) {
    super(object);
    this.#cell = cell;
  }

  /** @returns {InstanceCell | undefined} */
  static get(value) {
    return isObject(value) && #cell in value ? value.#cell : undefined;
  }

  /** @returns {InstanceCell | undefined} */
  static expect(value) {
    try {
      return value.#cell;
    } catch {
      return undefined;
    }
  }
}

/**
 * The constructor; a second argument has the imports.
 * @this {object}
 */
function Instance(module, importObject = undefined) {
  const api = 'WebAssembly.Instance()';
  requireNew(new.target, 'Instance');
  const moduleCell = requireModule(module, api);
  checkImportObject(importObject, api);
  // 1.-4. Read the imports.
  const values = readImports(moduleCell, importObject, api);
  // 5.-6. Instantiate and initialize.
  return initialize(createObject(ObjectGetPrototypeOf(this)), instantiateCore(moduleCell, values, api));
}

/** The conversion to `optional object`. */
function checkImportObject(importObject, api) {
  if (importObject !== undefined && !isObject(importObject)) throw typeError(api, text().argumentObject(1));
}

/** "Import #0 "module" "name"", by which texts name an import. */
function importLabel(index, type) {
  return `Import #${index} "${type.module}" "${type.name}": `;
}

/**
 * "Read the imports": the values in order. It checks their kinds only; types come in
 * `linkImports`, when no code of the user runs any more.
 * @param {ModuleCell} moduleCell
 * @param {any} importObject
 * @param {string} api
 * @returns {any[]}
 */
function readImports(moduleCell, importObject, api) {
  const { imports } = describe(moduleCell);
  // 1.
  if (imports.length > 0 && importObject === undefined) throw typeError(api, text().importsRequired);
  const values = new Array(imports.length);
  for (let i = 0; i < imports.length; i++) {
    const type = imports[i];
    // 7.2.-7.3. The module's object.
    const object = importObject[/** @type {string} */ (type.module)];
    if (!isObject(object)) throw typeError(api, `Import #${i} "${type.module}": ${text().importModule}`);
    // 7.4. The value.
    const value = object[type.name];
    const problem = kindProblem(type, value);
    if (problem !== undefined) throw prefixed(LinkError, api, importLabel(i, type) + problem);
    values[i] = value;
  }
  return values;
}

/**
 * What is wrong with the kind of an import's value, if anything.
 * @param {ExternType} type
 * @param {any} value
 * @returns {string | undefined}
 */
function kindProblem(type, value) {
  switch (type.kind) {
    case 'function':
      return typeof value === 'function' ? undefined : text().importFunction;
    case 'memory':
      return memories.memoryCell(value) ? undefined : text().importMemory;
    case 'table':
      return tables.tableCell(value) ? undefined : text().importTable;
    case 'tag':
      return tags.tagCell(value) ? undefined : text().importTag;
    default:
      return globals.globalCell(value) ? undefined : globalProblem(type, value);
  }
}

/** The same for a global whose value is not a Global. */
function globalProblem({ value: type = '', mutable = false }, value) {
  const reference = referenceType(type);
  const problem = reference === undefined ? numberProblem(type, value) : referenceProblem(value, reference);
  if (problem === undefined) return undefined; // If it must be mutable: see `typeProblem`.
  return mutable && type !== 'v128' ? text().importMutable : problem;
}

function numberProblem(type, value) {
  if (type === 'v128') return text().importVector;
  return typeof value === (type === 'i64' ? 'bigint' : 'number') ? undefined : text().importGlobal;
}

/**
 * What is wrong with the type of an import of the right kind, with its label, if anything.
 * @param {number} index
 * @param {ExternType} type
 * @param {any} value
 * @returns {string | undefined}
 */
function typeProblem(index, type, value) {
  switch (type.kind) {
    case 'function': {
      const record = functionRecord(value);
      if (record === undefined || record.type === type.type) return undefined;
      if (binding.rare.isSubtype(record.type, /** @type {number} */ (type.type))) return undefined;
      return importLabel(index, type) + text().importSignature;
    }
    case 'tag': {
      const { handle } = /** @type {any} */ (tags.tagCell(value));
      return binding.rare.tagType(handle) === type.type ? undefined : importLabel(index, type) + text().importTagType;
    }
    case 'memory':
      return memoryProblem(index, type, /** @type {any} */ (memories.memoryCell(value)));
    case 'table':
      return tableProblem(index, type, /** @type {any} */ (tables.tableCell(value)));
    default: {
      const cell = globals.globalCell(value);
      if (cell === undefined) return type.mutable ? importLabel(index, type) + text().importMutable : undefined;
      if (cell.mutable !== !!type.mutable) return importLabel(index, type) + text().importMutability;
      const matches = type.mutable ? cell.type === type.value : isSubtype(cell.type, type.value);
      if (!matches) return importLabel(index, type) + text().importGlobalType;
      return undefined;
    }
  }
}

/**
 * `typeProblem` of a memory.
 * @param {number} index
 * @param {ExternType} type
 * @param {import('./lifetime.js').MemoryCell} cell
 */
function memoryProblem(index, type, cell) {
  const { minimum = 0, maximum, address = 'i32', pageSize = 65536, shared = false } = type;
  if (cell.address !== address) return text().importAddress('memory', cell.address, address);
  const size = memories.memorySize(cell);
  let problem;
  if (cell.pageSize !== pageSize) problem = text().importMemoryPages;
  else if (size < minimum) problem = text().importMemorySize(size, minimum);
  else if (cell.shared !== shared) problem = text().importMemoryShared(shared, cell.shared);
  else if (maximum === undefined) return undefined;
  else if (cell.maximum === -1) problem = text().importMemoryNoMaximum(maximum);
  else if (cell.maximum > maximum) problem = text().importMemoryMaximum(cell.maximum, maximum);
  else return undefined;
  return importLabel(index, type) + problem;
}

/**
 * `typeProblem` of a table.
 * @param {number} index
 * @param {ExternType} type
 * @param {import('./lifetime.js').TableCell} cell
 */
function tableProblem(index, type, cell) {
  const { element, minimum = 0, maximum, address = 'i32' } = type;
  const size = tables.tableSize(cell);
  if (size < minimum) return text().importTableSize(index, minimum, size);
  if (maximum !== undefined) {
    if (cell.maximum === -1) return text().importTableNoMaximum(index, maximum);
    if (cell.maximum > maximum) return text().importTableMaximum(index, cell.maximum, maximum);
  }
  if (cell.address !== address) return text().importAddress('table', cell.address, address);
  return cell.element === element ? undefined : importLabel(index, type) + text().importTableType;
}

/**
 * "Instantiate the core of a WebAssembly module" and what "initialize an instance object" needs.
 * @param {ModuleCell} moduleCell
 * @param {any[]} values what `readImports` returned
 * @param {string} api
 * @returns {InstanceCell}
 */
function instantiateCore(moduleCell, values, api) {
  const description = describe(moduleCell);
  // 2. module_instantiate: match types, allocate, initialize tables and memories.
  const numbers = prepareNumbers(moduleCell, description);
  const cells = linkImports(description.imports, values, numbers, api);
  const shared = defineShared(description, numbers, api);
  applyLimits();
  // Segments read globals and change tables.
  wake();
  let refusal = binding.instantiate(moduleCell.handle, numbers);
  if (refusal !== null && collectResting()) refusal = binding.instantiate(moduleCell.handle, numbers);
  if (refusal !== null) throw rangeError(api, refusal);
  const trap = i32[STATE] === TRAP ? segmentError(api) : undefined;
  const cell = createCell(moduleCell, values, cells, shared, numbers);
  // The cell exists first even if a segment was out of bounds: tables may hold functions by then.
  if (trap !== undefined) throw trap;
  // The start function.
  const start = numbers[2];
  if (start !== 0) createFunction(cell, start, binding.functionIndex(start), '>', binding.functionType(start))();
  return cell;
}

/**
 * What each instantiation of a module needs: its array of numbers. The first one finds the thunks, too.
 * @param {ModuleCell} moduleCell
 * @param {import('./module.js').Description} description
 * @returns {Int32Array}
 */
function prepareNumbers(moduleCell, { imports, exports, shared }) {
  if (moduleCell.numbers === null) {
    moduleCell.thunks = [];
    for (let i = 0; i < imports.length; i++) {
      if (imports[i].kind === 'function') moduleCell.thunks[moduleCell.thunks.length] = thunkOf(imports[i].sig);
    }
    moduleCell.numbers = new Int32Array(MathMax(imports.length + shared.length, HEADER + exports.length));
  }
  return moduleCell.numbers;
}

/** The RuntimeError for an active segment out of bounds. */
function segmentError(api) {
  if (i32[SLOT1] !== 0) return prefixed(RuntimeError, api, text().elementSegment);
  const offset = BigIntAsUintN(64, i64[DOUBLES + 2]);
  const message = text().dataSegment(i32[SLOT0], offset, f64[DOUBLES + 3], f64[DOUBLES + 4]);
  return prefixed(RuntimeError, api, message);
}

/**
 * Checks the types of imports and finds the numbers by which the engine knows them.
 * @param {ExternType[]} imports
 * @param {any[]} values
 * @param {Int32Array} numbers
 * @param {string} api
 * @returns {any[]} cells of memories, tables, globals and tags; undefined at functions
 */
function linkImports(imports, values, numbers, api) {
  for (let i = 0; i < imports.length; i++) {
    const problem = typeProblem(i, imports[i], values[i]);
    if (problem !== undefined) throw prefixed(LinkError, api, problem);
  }
  const cells = [];
  for (let i = 0; i < imports.length; i++) {
    const { kind, value: type } = imports[i];
    const value = values[i];
    let cell;
    if (kind === 'function') {
      const record = functionRecord(value);
      numbers[i] = record === undefined ? 0 : record.number;
    } else {
      if (kind === 'memory') cell = memories.memoryCell(value);
      else if (kind === 'table') cell = tables.tableCell(value);
      else if (kind === 'tag') cell = tags.tagCell(value);
      else cell = globals.globalCell(value) || globals.constantCell(value, /** @type {string} */ (type), unreachable);
      numbers[i] = /** @type {any} */ (cell).handle;
    }
    cells[i] = cell;
  }
  return cells;
}

/**
 * Makes the shared memories that a module defines: V8 has to.
 * @param {import('./module.js').Description} description
 * @param {Int32Array} numbers get their handles
 * @param {string} api
 */
function defineShared({ imports, shared }, numbers, api) {
  const cells = [];
  for (let k = 0; k < shared.length; k++) {
    cells[k] = memories.defineShared(shared[k], api);
    numbers[imports.length + k] = cells[k].handle;
  }
  return cells;
}

/** `readImports` has accepted the value. */
function unreachable() {
  return new LinkError(text().functionRequired);
}

/**
 * Makes the cell of a new instance with all its edges.
 * @param {ModuleCell} moduleCell
 * @param {any[]} values of the imports
 * @param {any[]} cells what `linkImports` returned
 * @param {any[]} shared what `defineShared` returned
 * @param {Int32Array} answer of the engine
 */
function createCell(moduleCell, values, cells, shared, answer) {
  const { imports, exports } = describe(moduleCell);
  /** @type {InstanceCell} */
  const cell = {
    handle: answer[0],
    module: moduleCell,
    hostBase: answer[1],
    // Of an array that grows as it is filled V8 makes one with places for more.
    hosts: moduleCell.thunks.length === 0 ? NONE : new Array(moduleCell.thunks.length),
    thunks: moduleCell.thunks,
    serve,
    callsLeft: MANY,
    often: null,
    functionBase: answer[3],
    exports: null,
    exported: NONE,
    functions: null,
    parts: NONE,
    shared: NONE,
    imported: NONE,
    held: null,
    edges: null,
  };
  // Cells of imported memories, tables and globals by handle: the object caches of the standard.
  const known = { memory: null, table: null, global: null, tag: null };

  let host = 0;
  for (let i = 0; i < imports.length; i++) {
    const type = imports[i];
    if (type.kind === 'function') {
      addFunction(cell, host++, values[i]);
      continue;
    }
    const part = cells[i];
    remember(known, type.kind, part);
    addPart(cell, type, part);
  }
  for (let k = 0; k < shared.length; k++) {
    remember(known, 'memory', shared[k]);
    cell.parts = append(cell.parts, shared[k]);
  }
  watch(cell, INSTANCE);

  for (let i = 0; i < exports.length; i++) {
    const type = exports[i];
    if (type.kind === 'function') continue;
    const number = answer[HEADER + i];
    let part = known[type.kind] === null ? undefined : MapGet(known[type.kind], number);
    if (part === undefined) {
      part = createPart(type, number);
      remember(known, type.kind, part);
      addPart(cell, type, part);
    }
    cell.exported = append(cell.exported, part);
  }
  return cell;
}

/** Notes a cell by its handle. */
function remember(known, kind, part) {
  if (known[kind] === null) known[kind] = new Map();
  MapSet(known[kind], part.handle, part);
}

/**
 * Whether functions can come and go through an import or export.
 * @param {ExternType} type
 */
function canHoldFunctions({ sig, element, value }) {
  if (sig !== undefined) return hasFunctions(sig);
  return isFunctionType(/** @type {string} */ (element || value || ''));
}

/** A list with one more item: the list itself, unless that has none. */
function append(list, item) {
  if (list === NONE) return [item];
  list[list.length] = item;
  return list;
}

/** Adds function import `k` to a cell. */
function addFunction(cell, k, value) {
  // Host functions count all imports; the engine calls those of wasm directly.
  cell.hosts[k] = value;
  const record = functionRecord(value);
  if (record === undefined) return;
  cell.imported = append(cell.imported, record);
  hold(cell, record);
}

/**
 * Adds a memory, table or global to a cell. What can hold functions needs the edge back, too: the
 * instance may store its own in there, or pass them to those that it finds there.
 */
function addPart(cell, type, part) {
  cell.parts = append(cell.parts, part);
  if (!canHoldFunctions(type)) return;
  cell.shared = append(cell.shared, part);
  addEdge(part, cell);
}

/** The cell of an export that the instance has made. */
function createPart(type, handle) {
  if (type.kind === 'memory') return memories.createCell(handle, type);
  if (type.kind === 'tag') return tags.createCell(handle, type.sig);
  return type.kind === 'table' ? tables.createCell(handle, type) : globals.createCell(handle, type);
}

/** "Initialize an instance object". */
function initialize(object, cell) {
  instances.set(object, cell);
  return object;
}

/**
 * @param {ModuleCell} moduleCell
 * @param {any[]} values what `readImports` returned
 * @param {string} api
 * @returns {object}
 */
function createInstance(moduleCell, values, api) {
  return initialize(createObject(Instance.prototype), instantiateCore(moduleCell, values, api));
}

defineInterface({
  constructor: Instance,

  get exports() {
    return exportsOf(receiver(instances.expect(this), 'Instance', 'WebAssembly.Instance.exports()'));
  },
});

export { Instance, checkImportObject, createInstance, instantiateCore, readImports };
