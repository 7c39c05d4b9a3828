/** `withLimits`: limits for what is made in a call, and in what it awaits. */

import * as binding from './binding.js';

import { RangeError, TypeError } from './primordials.js';
import { text } from './texts.js';

/** What belongs to objects. Code belongs to modules, which others may share. */
const NAMES = ['maxMemoryBytes', 'maxTableElements', 'maxInstances'];

/**
 * Which limits are in force; made when there are any, since it costs each start and all promises a little.
 * @type {import('node:async_hooks').AsyncLocalStorage<object> | undefined}
 */
let storage;

/**
 * Checks the value of a limit.
 * @param {string} name
 * @param {any} most
 * @returns {number}
 */
function requireLimit(name, most) {
  if (typeof most !== 'number') throw new TypeError(text().limitNumber(name));
  if (!(most >= 0)) throw new RangeError(text().limitNegative(name));
  return most;
}

/**
 * @param {object} limits
 * @param {() => any} func
 * @returns {any} what `func` returns
 */
function withLimits(limits, func) {
  if (typeof limits !== 'object' || limits === null) throw new TypeError(text().limitsObject);
  if (typeof func !== 'function') throw new TypeError(text().deadlineFunction);
  storage = storage || new (require('async_hooks').AsyncLocalStorage)();
  const inner = binding.rare.newLimits(storage.getStore());
  for (let k = 0; k < NAMES.length; k++) {
    const most = limits[NAMES[k]];
    if (most !== undefined) binding.rare.setLimit(NAMES[k], requireLimit(`limits.${NAMES[k]}`, most), inner);
  }
  return storage.run(inner, func);
}

/** Tells the engine which limits hold for what is made next. */
function applyLimits() {
  if (storage !== undefined) binding.rare.useLimits(storage.getStore());
}

export { applyLimits, requireLimit, withLimits };
