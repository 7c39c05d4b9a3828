/**
 * Rest. While guests run, what JavaScript's collector sees is too much: the array of externrefs is a root, so a value
 * in a table would keep that alive itself if it leads back to it; and edges between cells stand for all that guests
 * could do (`lib/lifetime.js`). When no guest runs the store can *rest*: then values are with the cells of the
 * tables and globals that hold them, and edges lead to the instances whose functions are held, and to no others.
 * Before a guest runs again, or anything here reads or changes a table or global of externrefs, the store wakes: what is
 * alive is put back, and the edges are what they must be while guests run.
 *
 * Numbers of slots are as they were meanwhile, and no guest pays for any of this.
 */

import * as binding from './binding.js';
import { Set, SetAdd, SetForEach, setImmediate } from './primordials.js';
import { collect, refs } from './references.js';
import { SLOT0, i32 } from './scratch.js';

/**
 * A cell of an instance, a table or a global.
 * @typedef {object} Cell
 * @property {any[] | null} held while the store rests slots and values, in turns
 * @property {Set<object> | null} edges null while there are none
 * @property {number[]} [numbers] of functions that a table has given
 * @property {Function[]} [functions]
 * @property {Cell[]} [shared] parts of an instance that can hold functions
 * @property {import('./lifetime.js').FunctionRecord[]} [imported] functions of wasm that an instance imports
 */

/**
 * @param {{ edges: Set<object> | null }} cell
 * @param {object} to
 */
function addEdge(cell, to) {
  if (cell.edges === null) cell.edges = new Set();
  SetAdd(cell.edges, to);
}

let resting = false;

/**
 * @param {boolean} idle only if no guest waits for JavaScript
 * @returns {boolean} whether there was something to do; then it rests
 */
function rest(idle) {
  // Whatever is left then is held by someone. (And no value is known for the last one.)
  collect();
  /** @type {Cell[]} */
  const cells = [];
  const numbers = binding.rare.rest(cells, idle);
  if (numbers === null) return false;
  resting = true;
  const knowsFunctions = numbers[0] !== 0;
  const moved = [];
  let changed = false;
  for (let i = 0, at = 1; i < cells.length; i++) {
    const cell = cells[i];
    const slots = at + 1;
    const owners = slots + numbers[at] + 1;
    at = owners + numbers[owners - 1];
    hold(cell, numbers, slots, owners - 1, moved);
    if (!knowsFunctions || cell.edges === null) continue;
    changed = true;
    cell.edges = null;
    for (let k = owners; k < at; k++) addEdge(cell, cells[numbers[k]]);
    if (cell.numbers !== undefined) {
      cell.numbers = [];
      cell.functions = [];
    }
  }
  // Afterwards, since several cells may hold the same.
  for (let i = 0; i < moved.length; i++) refs[moved[i]] = undefined;
  if (changed || moved.length > 0) return true;
  wake();
  return false;
}

/** Has a cell hold the values of some slots. */
function hold(cell, numbers, start, end, moved) {
  const held = [];
  for (let at = start; at < end; at++) {
    const slot = numbers[at];
    const value = refs[slot];
    // Only what has properties can lead anywhere.
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') continue;
    held[held.length] = slot;
    held[held.length] = value;
    moved[moved.length] = slot;
  }
  if (held.length > 0) cell.held = held;
}

function wake() {
  if (!resting) return;
  /** @type {Cell[]} */
  const cells = [];
  binding.rare.wake(cells);
  resting = false;
  for (let i = 0; i < cells.length; i++) {
    const { held } = cells[i];
    if (held === null) continue;
    for (let k = 0; k < held.length; k += 2) refs[held[k]] = held[k + 1];
    cells[i].held = null;
  }
  for (let i = 0; i < cells.length; i++) connect(cells[i]);
}

/** Makes the edges from and to a cell that there are while guests run. */
function connect(cell) {
  // Whoever calls a function can pass others to its instance.
  if (cell.edges !== null) {
    SetForEach(cell.edges, (owner) => {
      if (owner !== cell) addEdge(owner, cell);
    });
  }
  if (cell.shared === undefined) return;
  for (let k = 0; k < cell.shared.length; k++) addEdge(cell.shared[k], cell);
  for (let k = 0; k < cell.imported.length; k++) {
    const owner = cell.imported[k].cell;
    addEdge(cell, owner);
    addEdge(owner, cell);
  }
}
binding.onEnterResting(wake);

/**
 * Has V8 collect while the store rests.
 * @returns {boolean} false if that would be nothing but a collection
 */
function collectResting() {
  const rests = rest(false);
  if (!rests) return false;
  binding.rare.collect();
  wake();
  return true;
}

let expected = false;

/** As soon as the thread is idle. */
function restSoon() {
  if (expected) return;
  expected = true;
  setImmediate(() => {
    expected = false;
    rest(true);
  }).unref();
}

/** Does what is due after something was added that holds references. */
function restWhenDue() {
  const due = i32[SLOT0];
  if (due === 1) restSoon();
  else if (due >= 2 && !collectResting() && due === 3) binding.rare.collect();
}

export { addEdge, collectResting, rest, restWhenDue, wake };
