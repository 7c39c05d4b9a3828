/** Calls of host functions by guests. */

import * as binding from './binding.js';
import { createServe } from './function.js';
import { describe, signatures } from './module.js';
import { Error, Set, SetAdd, SetForEach } from './primordials.js';
import { DEPTH, FUNCTION, STATE, i32 } from './scratch.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').InstanceCell} InstanceCell */

/** Calls after which V8 is to make code for an instance alone. It takes a millisecond, and saves some ten nanoseconds a call. */
const MANY = 1 << 15;
/** Which imports get it is seen in so many calls that follow. */
const OBSERVED = 1 << 10;

/**
 * Has the host function called that the guest wants, and resumes the guest. All instances share this until they have
 * called it often.
 * @param {number} depth
 * @param {InstanceCell} cell of the function that was entered
 */
function serve(depth, cell) {
  const { hosts, thunks } = cell;
  const host = i32[FUNCTION];
  // It is read here so that the cell, and so the instance, lives as long as the activation.
  const k = host - cell.hostBase;
  let answer;
  if (k >>> 0 < thunks.length) {
    if (--cell.callsLeft < 0) observe(cell, k);
    answer = thunks[k](hosts[k], cell);
  } else {
    answer = callForeign(host);
  }
  i32[DEPTH] = depth;
  i32[STATE] = answer;
  binding.resume();
}

/**
 * Notes import `k` as one that is called often; at last, has these served by code of their own. What others are called
 * often later is noted then, and added.
 * @param {InstanceCell} cell
 * @param {number} k
 */
function observe(cell, k) {
  if (cell.often === null) cell.often = new Set();
  SetAdd(cell.often, k);
  if (cell.callsLeft > -OBSERVED) return;
  cell.callsLeft = MANY;
  const all = signatures(describe(cell.module).imports);
  const imports = [];
  SetForEach(cell.often, (often) => (imports[imports.length] = { k: often, signature: all[often] }));
  cell.serve = createServe(cell, imports, serve);
}

/** Calls a host function of another instance than the one that was entered. */
function callForeign(host) {
  const cell = binding.hostCell(host);
  if (cell === undefined) throw new Error(text().internal(`host function ${host} has no instance`));
  const k = host - cell.hostBase;
  return cell.thunks[k](cell.hosts[k], cell);
}

export { MANY, serve };
