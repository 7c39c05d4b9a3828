/** What JavaScript does for a guest that called a host function, threw, or trapped. */

import * as binding from './binding.js';
import { STACK_OVERFLOW, Trap, beginTrap, isUncatchable } from './errors.js';
import { Error, setImmediate } from './primordials.js';
import { CALL, CODE, DONE, EXCEPTION, RETHROW, STATE, THREW, TRAP, i32 } from './scratch.js';
import createServing from './serving.cjs';
import { text } from './texts.js';

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
    binding.rare.reclaim();
  }).unref();
}

let handlersKnown = false;

/** Whether a guest could catch what is thrown: it costs more to tell the engine than to throw. */
function mayBeCaught() {
  return handlersKnown || (handlersKnown = binding.rare.hasHandlers());
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

/** The guest has returned, and caught what was thrown. */
function returned() {
  pending = undefined;
  return false;
}

/** What a guest left that did not return: the wrapper has to throw. */
function ended() {
  switch (i32[STATE]) {
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
      throw new Error(text().internal(`state ${i32[STATE]}`));
  }
}

const { slow, innermost } = createServing(i32, { STATE, CALL, DONE }, returned, ended);
binding.onCrowded(innermost);

export { caught, serveExceptions, slow, takeThrown };
