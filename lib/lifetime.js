'use strict';

/**
 * Who keeps what alive. Each engine object has a *cell* in the JavaScript heap, and the engine
 * object is released when its cell is collected. Whatever the engine object may reach is reachable
 * from its cell, too; then JavaScript's collector alone decides, cycles through closures included.
 * Such edges may be too many, never too few, and are never taken back.
 *
 * No WeakRef is made for a cell before it is needed: a WeakRef keeps its target until the current
 * job ends, so a loop that makes and drops instances would keep them all.
 */

const binding = require('./binding');
const {
  FinalizationRegistry,
  FinalizationRegistryRegister,
  Map,
  MapDelete,
  MapGet,
  MapSet,
  SetAdd,
  WeakRef,
  WeakRefDeref,
} = require('./primordials');

/**
 * @typedef {object} ModuleCell
 * @property {number} handle
 * @property {any} description lazily parsed, see `lib/module.js`
 */

/**
 * @typedef {object} InstanceCell
 * @property {number} handle
 * @property {ModuleCell} module
 * @property {number} hostBase number of its first host function
 * @property {(() => void)[]} thunks of its function imports
 * @property {Map<number, Function>} functions exported functions by number, imported ones too
 * @property {object[]} parts cells of its memories, tables and globals
 * @property {Set<object>} edges
 */

/**
 * @typedef {object} MemoryCell
 * @property {number} handle
 * @property {number} maximum pages, -1 if there is no maximum
 * @property {object | null} object
 * @property {ArrayBuffer | null} buffer
 * @property {number} length of `buffer` in bytes
 * @property {number} growths value of scratch's counter when `buffer` was known to be right
 */

/**
 * @typedef {object} TableCell
 * @property {number} handle
 * @property {'funcref' | 'externref'} element
 * @property {number} maximum -1 if there is no maximum
 * @property {object | null} object
 * @property {Set<object>} edges
 */

/**
 * @typedef {object} GlobalCell
 * @property {number} handle
 * @property {string} type
 * @property {boolean} mutable
 * @property {object | null} object
 * @property {Set<object>} edges
 */

/** @typedef {{ edges: Set<object> }} Holder a cell that functions can be stored in */

/**
 * A function of wasm as the facade knows it.
 * @typedef {object} FunctionRecord
 * @property {number} number in the thread's registry of functions
 * @property {InstanceCell} cell its instance
 * @property {string} signature
 * @property {boolean} takesFunctions whether its signature has a funcref
 */

/** Instances that may have to be found by a number, see `publish`. @type {Map<number, WeakRef<InstanceCell>>} */
const instances = new Map();
/** The same by the numbers of their host functions. @type {Map<number, WeakRef<InstanceCell>>} */
const hosts = new Map();

/**
 * What is left to do when a cell is gone. It must not refer to the cell.
 * @typedef {object} Remains
 * @property {(handle: number) => void} release
 * @property {number} handle
 * @property {number} hostBase
 * @property {number} hostEnd
 */

const registry = new FinalizationRegistry((/** @type {Remains} */ remains) => {
  const { release, handle, hostBase, hostEnd } = remains;
  // First forget an instance's numbers: the engine gives them away again once they are released.
  if (release === binding.releaseInstance && MapDelete(instances, handle)) {
    for (let host = hostBase; host < hostEnd; host++) MapDelete(hosts, host);
  }
  release(handle);
});

/**
 * Has `release` called with the cell's handle, once, after the cell is gone.
 * @template {{ handle: number, hostBase?: number, thunks?: object[] }} T
 * @param {T} cell
 * @param {(handle: number) => void} release
 * @returns {T}
 */
function watch(cell, release) {
  const { handle, hostBase = 0, thunks } = cell;
  const hostEnd = hostBase + (thunks ? thunks.length : 0);
  FinalizationRegistryRegister(registry, cell, { release, handle, hostBase, hostEnd });
  return cell;
}

/**
 * Makes an instance findable: its functions may come from the engine as values, or run in calls
 * that began in another instance.
 * @param {InstanceCell} cell
 */
function publish(cell) {
  if (MapGet(instances, cell.handle) !== undefined) return;
  const ref = new WeakRef(cell);
  MapSet(instances, cell.handle, ref);
  for (let k = 0; k < cell.thunks.length; k++) MapSet(hosts, cell.hostBase + k, ref);
}

/** @type {(map: Map<number, WeakRef<InstanceCell>>, number: number) => InstanceCell | undefined} */
function find(map, number) {
  const ref = MapGet(map, number);
  return ref && WeakRefDeref(ref);
}

/** @param {number} handle */
const instanceByHandle = (handle) => find(instances, handle);
/** @param {number} host */
const instanceByHost = (host) => find(hosts, host);

/**
 * Records that what `holder` stands for may hold a function from now on.
 * @param {Holder} holder
 * @param {FunctionRecord} record
 */
function hold(holder, record) {
  const owner = record.cell;
  if (owner === holder) return;
  publish(owner);
  SetAdd(holder.edges, owner);
  // Whoever calls it can pass functions of its own.
  if (record.takesFunctions) SetAdd(owner.edges, holder);
}

module.exports = { hold, instanceByHandle, instanceByHost, publish, watch };
