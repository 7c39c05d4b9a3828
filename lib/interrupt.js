'use strict';

/**
 * What happens when the engine has interrupted a guest, every few milliseconds that it runs, and the
 * deadlines that rest on it.
 */

const binding = require('./binding');
const { DeadlineError, text } = require('./errors');
const {
  AbortSignalAborted,
  AbortSignalReason,
  ObjectDefineProperty,
  TypeError,
  performanceNow,
} = require('./primordials');
const { DEADLINES, POLLED, i32 } = require('./scratch');

/**
 * @typedef {object} Deadline
 * @property {number} at by `performance.now()`, Infinity if there is only a signal
 * @property {AbortSignal | undefined} signal
 * @property {string} message
 */

/**
 * Deadlines of the calls of `withDeadline` that are running. Scratch memory says how many are in
 * force, 1 to that number: unlike this array it is right even after V8 has ended a script.
 * @type {(Deadline | undefined)[]}
 */
const deadlines = [];

/**
 * Called when a guest was interrupted, some milliseconds after JavaScript last had the thread. V8 acts on timeouts, on terminations and on the debugger when
 * a function is called, and this is one. What it throws ends the guest's activation; no other code may
 * run in here, since the guest did not call anything.
 */
function poll() {
  i32[POLLED] = 1;
  if (i32[DEADLINES] !== 0) checkDeadlines();
}

/** Throws if a deadline has passed. To be called if there is one. */
function checkDeadlines() {
  for (let k = i32[DEADLINES]; k > 0; k--) {
    const deadline = deadlines[k];
    // Those of another environment on this thread are its own business.
    if (deadline !== undefined) checkDeadline(deadline);
  }
}

/** @param {Deadline} deadline */
function checkDeadline({ at, signal, message }) {
  if (signal !== undefined && AbortSignalAborted(signal)) {
    const error = new DeadlineError(message);
    throw ObjectDefineProperty(error, 'cause', {
      __proto__: null,
      value: AbortSignalReason(signal),
      writable: true,
      configurable: true,
    });
  }
  if (performanceNow() >= at) throw new DeadlineError(message);
}

/**
 * What the user passed as a limit.
 * @param {any} limit
 * @returns {Deadline}
 */
function readLimit(limit) {
  if (typeof limit === 'number') {
    if (!(limit >= 0)) throw new TypeError(text.deadlineLimit);
    return { at: performanceNow() + limit, signal: undefined, message: text.deadline(limit) };
  }
  try {
    AbortSignalAborted(limit);
  } catch {
    throw new TypeError(text.deadlineLimit);
  }
  return { at: Infinity, signal: limit, message: text.aborted };
}

/**
 * Calls `func` and ends wasm that still runs in that call when the limit is reached.
 * @param {number | AbortSignal} limit
 * @param {() => any} func
 * @returns {any} what `func` returns
 */
function withDeadline(limit, func) {
  const deadline = readLimit(limit);
  if (typeof func !== 'function') throw new TypeError(text.deadlineFunction);
  checkDeadline(deadline);
  const level = i32[DEADLINES] + 1;
  deadlines[level] = deadline;
  try {
    return binding.within(func);
  } finally {
    deadlines[level] = undefined;
  }
}

binding.onInterrupt(poll);
// For tests and measurements; nobody else has to set it.
const interval = process.env.WRT_INTERRUPT_EVERY;
if (interval) binding.interruptEvery(+interval);

module.exports = { checkDeadlines, withDeadline };
