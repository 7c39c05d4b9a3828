/**
 * Who keeps what alive. Each engine object has a *cell* in the JavaScript heap, and the engine
 * object is released when its cell is collected. Whatever the engine object may reach is reachable
 * from its cell, too; then JavaScript's collector alone decides, cycles through closures included.
 * Such edges may be too many, never too few, and are taken back when no guest runs (`lib/rest.js`).
 *
 * The engine refers to cells weakly and looks whether they are gone (`src/binding/cells.rs`). There is
 * no WeakRef and no FinalizationRegistry for them: a WeakRef keeps its target until the current job
 * ends, and a registry calls back after it, so a job that makes and drops instances would keep them all.
 */

import * as binding from './binding.js';
import { FinalizationRegistry, FinalizationRegistryRegister } from './primordials.js';
import { addEdge, rest, restWhenDue } from './rest.js';
import { SLOT0, SLOT1, i32 } from './scratch.js';

/**
 * @typedef {object} ModuleCell
 * @property {number} handle
 * @property {any} description lazily parsed, see `lib/module.js`
 * @property {import('./wrappers.js').Thunk[]} thunks of its function imports, once it was instantiated
 * @property {Int32Array | null} numbers through which imports and exports of a new instance cross
 */

/**
 * @typedef {object} InstanceCell
 * @property {number} handle
 * @property {ModuleCell} module
 * @property {number} hostBase number of its first host function
 * @property {Function[]} hosts its function imports
 * @property {import('./wrappers.js').Thunk[]} thunks of their signatures: what calls them
 * @property {import('./wrappers.js').Serve} serve see `lib/host.js`
 * @property {number} callsLeft of imports, before it is observed which are called often
 * @property {Set<number> | null} often those that are
 * @property {number} functionBase number of its first function, by which those that it exports are counted
 * @property {object | null} exports the exports object, once it was asked for
 * @property {any[] | null} exported cells of its exports that are no functions, in their order, until then
 * @property {Map<number, Function> | null} functions exported functions by number, imported ones too; null until one is wanted
 * @property {object[]} parts cells of its memories, tables, globals and tags
 * @property {any[]} shared those of them that can hold functions
 * @property {FunctionRecord[]} imported functions of wasm that it imports
 * @property {any[] | null} held see `lib/rest.js`
 * @property {Set<object> | null} edges null while there are none
 */

/**
 * @typedef {object} MemoryCell
 * @property {number} handle
 * @property {'i32' | 'i64'} address
 * @property {any} maximum pages: a number or, by `address`, a BigInt; -1 if there is no maximum
 * @property {number} pageSize
 * @property {boolean} shared
 * @property {object | null} object
 * @property {ArrayBuffer | null} buffer
 * @property {number} length of `buffer` in bytes
 * @property {number} growths value of scratch's counter when `buffer` was known to be right
 */

/**
 * @typedef {object} TableCell
 * @property {number} handle
 * @property {number} slot of scratch memory where the length is; 0 if not known
 * @property {string} element
 * @property {'i32' | 'i64'} address
 * @property {any} maximum a number or, by `address`, a BigInt; -1 if there is no maximum
 * @property {object | null} object
 * @property {number} top hierarchy of `element`, see `lib/signature.js`
 * @property {Function[]} functions that `get` has returned, by address
 * @property {number[]} numbers theirs
 * @property {any[] | null} held see `lib/rest.js`
 * @property {Set<object> | null} edges null while there are none
 */

/**
 * @typedef {object} GlobalCell
 * @property {number} handle
 * @property {string} type
 * @property {boolean} mutable
 * @property {number} slot of scratch memory where a number lies for good; 1, where others are copied to, if not known
 * @property {object | null} object
 * @property {any[] | null} held see `lib/rest.js`
 * @property {Set<object> | null} edges null while there are none
 */

/**
 * @typedef {object} TagCell
 * @property {number} handle
 * @property {string} signature without results
 * @property {string[] | null} types of it, once they were wanted
 * @property {object | null} object
 * @property {Set<object> | null} edges null while there are none
 */

/** @typedef {{ edges: Set<object> | null }} Holder a cell that functions can be stored in */

/**
 * A function of wasm as the facade knows it.
 * @typedef {object} FunctionRecord
 * @property {number} number in the thread's registry of functions
 * @property {InstanceCell} cell its instance
 * @property {string} signature
 * @property {number} type number of its type in this process
 * @property {boolean} takesFunctions whether its signature has functions
 */

/** Kinds of cells, as the engine numbers them. */
const MODULE = 0;
const INSTANCE = 1;
const MEMORY = 2;
const TABLE = 3;
const GLOBAL = 4;
const TAG = 5;

/**
 * Has what the cell stands for released after the cell is gone.
 * @template {{ handle: number }} T
 * @param {T} cell
 * @param {number} kind
 * @returns {T}
 */
function watch(cell, kind) {
  i32[SLOT0] = kind;
  i32[SLOT1] = cell.handle;
  binding.watch(cell);
  restWhenDue();
  return cell;
}

/**
 * Its callback tells that there was a collection: a program that makes nothing more has none swept otherwise.
 * The next one shall find the store at rest.
 */
const collections = new FinalizationRegistry(() => {
  binding.rare.sweep();
  rest(true);
  expectCollection();
});

function expectCollection() {
  FinalizationRegistryRegister(collections, {}, undefined);
}

expectCollection();

/**
 * Records that what `holder` stands for may hold a function from now on.
 * @param {Holder} holder
 * @param {FunctionRecord} record
 */
function hold(holder, record) {
  const owner = record.cell;
  if (owner === holder) return;
  addEdge(holder, owner);
  // Whoever calls it can pass functions of its own.
  if (record.takesFunctions) addEdge(owner, holder);
}

export { GLOBAL, INSTANCE, MEMORY, MODULE, TABLE, TAG, hold, watch };
