/** Deadlines, which rest on the engine's interruption of guests that run long. */

import * as binding from './binding.js';
import { DeadlineError } from './errors.js';
import {
  MathMax,
  MathMin,
  ObjectDefineProperty,
  RangeError,
  TypeError,
  getterOf,
  processHrtime,
} from './primordials.js';
import { DEADLINES, i32 } from './scratch.js';
import { text } from './texts.js';

/**
 * @typedef {object} Deadline
 * @property {number} at by `now()`, Infinity if there is only a signal
 * @property {AbortSignal | undefined} signal
 * @property {string} message
 */

/**
 * Deadlines of the calls of `withDeadline` that are running. Scratch memory says how many there are on
 * this thread; unlike this array it is right even after V8 has ended a script. There are gaps if
 * others on the thread loaded this file, too.
 * @type {(Deadline | undefined)[]}
 */
const deadlines = [];

/**
 * Getters of AbortSignal, which Node loads when it is first named: that would take a twentieth of the start.
 * @type {{ aborted: (signal: object) => boolean, reason: (signal: object) => any } | undefined}
 */
let signals;

function signalGetters() {
  const { prototype } = AbortSignal;
  return (signals ??= { aborted: getterOf(prototype, 'aborted'), reason: getterOf(prototype, 'reason') });
}

/** Milliseconds by a clock that nobody sets. */
function now() {
  const time = processHrtime();
  return time[0] * 1e3 + time[1] / 1e6;
}

/** Throws if a deadline has passed. To be called after imports if there is one. */
function checkDeadlines() {
  for (let k = i32[DEADLINES]; k > 0; k--) {
    const deadline = deadlines[k];
    if (deadline !== undefined) checkDeadline(deadline);
  }
}

/** Milliseconds until the first deadline. */
function timeLeft() {
  let left = Infinity;
  for (let k = i32[DEADLINES]; k > 0; k--) {
    const deadline = deadlines[k];
    if (deadline !== undefined) left = MathMin(left, deadline.at - now());
  }
  return MathMax(left, 0);
}

/**
 * Also called when a guest was interrupted: nothing of the user may run in here, since the guest did not
 * call anything. What is thrown ends the guest's activation.
 * @param {Deadline} deadline
 */
function checkDeadline({ at, signal, message }) {
  if (signal !== undefined && signals.aborted(signal)) {
    const error = new DeadlineError(message);
    throw ObjectDefineProperty(error, 'cause', {
      __proto__: null,
      value: signals.reason(signal),
      writable: true,
      configurable: true,
    });
  }
  if (now() >= at) throw new DeadlineError(message);
}

/**
 * What the user passed as a limit.
 * @param {any} limit
 * @returns {Deadline}
 */
function readLimit(limit) {
  if (typeof limit === 'number') {
    if (!(limit >= 0)) throw new TypeError(text().deadlineLimit);
    return { at: now() + limit, signal: undefined, message: text().deadline(limit) };
  }
  try {
    signalGetters().aborted(limit);
  } catch {
    throw new TypeError(text().deadlineLimit);
  }
  return { at: Infinity, signal: limit, message: text().aborted };
}

/**
 * Calls `func` and ends wasm that still runs in that call when the limit is reached.
 * @param {number | AbortSignal} limit
 * @param {() => any} func
 * @returns {any} what `func` returns
 */
function withDeadline(limit, func) {
  const deadline = readLimit(limit);
  if (typeof func !== 'function') throw new TypeError(text().deadlineFunction);
  checkDeadline(deadline);
  if (!binding.rare.canInterrupt()) throw new RangeError(text().noTimer);
  const level = i32[DEADLINES] + 1;
  deadlines[level] = deadline;
  try {
    return binding.rare.within(func, () => checkDeadline(deadline));
  } finally {
    deadlines[level] = undefined;
  }
}

// For tests and measurements; nobody else has to set it.
const interval = process.env.WRT_INTERRUPT_EVERY;
if (interval) binding.rare.interruptEvery(+interval);

export { checkDeadlines, timeLeft, withDeadline };
