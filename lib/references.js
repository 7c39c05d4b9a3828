/**
 * External references. Wasm sees a JavaScript value as the number of a slot in `refs`; 0 is null.
 * So passing one costs no native call. Wasm does not say when it drops a reference: once enough
 * slots were taken, the engine marks those that it still holds and all others become free.
 *
 * `refs` is a root for the collector, except for tables and globals while the store rests (`lib/rest.js`).
 */

import * as binding from './binding.js';
import { MathMax, Uint32Array } from './primordials.js';

/**
 * Slots that are taken at least between two collections. More would cost memory: what a slot keeps until
 * the next one survives V8's scavenges, and then lies around until it collects its old generation.
 */
const COLLECT_AFTER = 1024;

/** A free slot holds the number of the next free one. @type {any[]} */
const refs = [null];
/** First free slot, 0 if there is none. */
let free = 0;
/** The slot of the object that was put last, 0 for none: the same one is often passed again and again. */
let latest = 0;
/** Slots in use after the last collection. */
let live = 0;
/** Slots to take before the next one: as many again, and in proportion to what the last one looked through. */
let allowance = COLLECT_AFTER;

/**
 * The slot of a value. Grows the array but never collects: for all references of one call except
 * the first, whose slots the engine does not see yet.
 * @param {any} value
 * @returns {number}
 */
function put(value) {
  if (value === null) return 0;
  const slot = free;
  if (slot === 0) return append(value);
  free = refs[slot];
  refs[slot] = value;
  return slot;
}

function append(value) {
  const slot = refs.length;
  refs[slot] = value;
  return slot;
}

/**
 * Like `put`, but may collect. Only for the first reference of a call: slots that are known to
 * JavaScript's locals alone would be taken for free.
 * @param {any} value
 * @returns {number}
 */
function putFirst(value) {
  if (value === null) return 0;
  // (Of -0 one cannot tell so whether it is the same.)
  if (typeof value === 'object' && refs[latest] === value) return latest;
  // No slot is free, so all that were not live after the last collection were taken since.
  if (free === 0 && refs.length - 1 - live >= allowance) collect();
  return (latest = put(value));
}

/** Frees all slots that the engine does not hold. */
function collect() {
  const marks = new Uint32Array((refs.length + 31) >>> 5);
  const lookedAt = binding.rare.markReferences(marks);
  let last = refs.length - 1;
  while (last > 0 && (marks[last >>> 5] & (1 << (last & 31))) === 0) last--;
  // After a burst give the array's memory back, too.
  if (last < refs.length >>> 2) refs.length = MathMax(last + 1, refs.length >>> 1);
  free = 0;
  live = 0;
  latest = 0;
  for (let slot = refs.length - 1; slot > 0; slot--) {
    if ((marks[slot >>> 5] & (1 << (slot & 31))) !== 0) {
      live++;
    } else {
      refs[slot] = free;
      free = slot;
    }
  }
  allowance = MathMax(MathMax(COLLECT_AFTER, live), lookedAt >>> 5);
}

/** Number of slots that are taken, by references that wasm holds or has dropped since the last collection. */
function countReferences() {
  let count = refs.length - 1;
  for (let slot = free; slot !== 0; slot = refs[slot]) count--;
  return count;
}

export { collect, countReferences, put, putFirst, refs };
