'use strict';

/**
 * Rest. `refs` is a root for the collector, so a value in a table or global would keep that alive itself if it leads
 * back to it. When no guest runs it need not: the store *rests*, which means that the values in tables and globals
 * are with their cells and not in `refs`, and the collector sees who holds whom. Before a guest runs again, or anything
 * here reads or changes such a table or global, the store wakes: what is alive is put back.
 *
 * Numbers of slots are as they were meanwhile, and no guest pays for any of this.
 */

const binding = require('./binding');
const { setImmediate } = require('./primordials');
const { collect, refs } = require('./references');
const { SLOT0, i32 } = require('./scratch');

/** @typedef {{ held: any[] | null }} Holder a cell; while the store rests slots and values, in turns */

let resting = false;

/**
 * @param {boolean} idle only if no guest waits for JavaScript
 * @returns {boolean} whether there was something to do; then it rests
 */
function rest(idle) {
  // Whatever is left then is held by someone. (And no value is known for the last one.)
  collect();
  /** @type {Holder[]} */
  const cells = [];
  const numbers = binding.rest(cells, idle);
  if (numbers === null) return false;
  const moved = [];
  for (let i = 0, at = 0; i < cells.length; i++) {
    const held = [];
    for (const end = ++at + numbers[at - 1]; at < end; at++) {
      const slot = numbers[at];
      const value = refs[slot];
      // Only what has properties can lead anywhere.
      if ((typeof value !== 'object' || value === null) && typeof value !== 'function') continue;
      held[held.length] = slot;
      held[held.length] = value;
      moved[moved.length] = slot;
    }
    if (held.length > 0) cells[i].held = held;
  }
  // Afterwards, since several cells may hold the same.
  for (let i = 0; i < moved.length; i++) refs[moved[i]] = undefined;
  resting = true;
  if (moved.length > 0) return true;
  wake();
  return false;
}

function wake() {
  if (!resting) return;
  /** @type {Holder[]} */
  const cells = [];
  binding.wake(cells);
  resting = false;
  for (let i = 0; i < cells.length; i++) {
    const { held } = cells[i];
    if (held === null) continue;
    for (let k = 0; k < held.length; k += 2) refs[held[k]] = held[k + 1];
    cells[i].held = null;
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
  binding.collect();
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
  else if (due >= 2 && !collectResting() && due === 3) binding.collect();
}

module.exports = { collectResting, rest, restWhenDue, wake };
