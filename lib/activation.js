/**
 * The loop that does in JavaScript what a running guest asks for. Not strict code: see `innermost`.
 */

import * as binding from './binding.js';
import { STACK_OVERFLOW, Trap, beginTrap, isUncatchable } from './errors.js';
import { Error, setImmediate } from './primordials.js';
import { CALL, CODE, DONE, EXCEPTION, RETHROW, STATE, THREW, TRAP, i32 } from './scratch.js';
import * as text from './texts.js';

/** @typedef {import('./lifetime.js').InstanceCell} InstanceCell */

/** Says that what a host function threw must not be caught. */
const UNCATCHABLE = 1;

/**
 * What `lib/exception.js` does here: tells the engine what a host function threw, and finds what a guest threw.
 * @type {{ store: (error: any) => void, load: () => any }}
 */
let exceptions;

function serveExceptions(service) {
  exceptions = service;
}

let reclaiming = false;

/** After an overflow, lets the engine discard abandoned activations once the thread is idle. */
function scheduleReclaim() {
  if (reclaiming) return;
  reclaiming = true;
  setImmediate(() => {
    reclaiming = false;
    binding.reclaim();
  }).unref();
}

let handlersKnown = false;

/** Whether a guest could catch what is thrown: it costs more to tell the engine than to throw. */
function mayBeCaught() {
  return handlersKnown || (handlersKnown = binding.hasHandlers());
}

/** What was thrown last: by a host function, until the guest catches it or its wrapper throws it; or by a guest. */
let pending;

/**
 * Takes what a host function threw; the state that tells the guest.
 * @param {any} error
 */
function caught(error) {
  pending = error;
  if (!mayBeCaught() || isUncatchable(error)) i32[CODE] = UNCATCHABLE;
  else exceptions.store(error);
  return THREW;
}

/** What a wrapper has to throw. */
function takeThrown() {
  return i32[STATE] === TRAP ? new Trap(beginTrap(i32[CODE])) : takePending();
}

function takePending() {
  const thrown = pending;
  pending = undefined;
  return thrown;
}

/**
 * Serves an activation that did not simply end. `depth` names it: every resume says which
 * activation it means, so the engine can discard any that were abandoned above it.
 *
 * It does not throw what the wrapper has to throw but says so, and again when it is asked again. A function that never
 * returns and never goes round a loop stays in V8's interpreter, which then learns nothing of it: a wrapper whose guest
 * always throws would take several times as long.
 * @param {number} depth
 * @param {InstanceCell} cell of the function that was called
 * @returns {boolean} whether the wrapper has to throw
 */
function slow(depth, cell) {
  while (i32[STATE] === CALL) cell.serve(depth, cell);
  switch (i32[STATE]) {
    case DONE:
      pending = undefined; // The guest has caught it.
      return false;
    case TRAP:
      if (i32[CODE] === STACK_OVERFLOW) scheduleReclaim();
      return true;
    case RETHROW:
      i32[STATE] = THREW;
      return true;
    case EXCEPTION:
      pending = exceptions.load();
      i32[STATE] = THREW;
      return true;
    case THREW:
      return true;
    default:
      throw new Error(text.internal(`state ${i32[STATE]}`));
  }
}

/**
 * The depth of the innermost activation that is being served, 0 for none. Activations above it were left
 * when V8 ended the JavaScript that served them, which nothing else tells. A function that is not strict
 * shows the arguments of its innermost call.
 */
function innermost() {
  const served = slow.arguments;
  return served === null ? 0 : served[0];
}
binding.onCrowded(innermost);

export { caught, serveExceptions, slow, takeThrown };
