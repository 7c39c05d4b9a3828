/** Who may compile: a callback of the embedder that sees the bytes first, as V8's has one. */

import { CompileError } from './errors.js';
import { ReflectApply, TypeError, Uint8Array } from './primordials.js';
import { text } from './texts.js';

/** @type {((bytes: Uint8Array) => unknown) | null} */
let policy = null;

/**
 * The bytes that are to be compiled, if the policy allows that.
 * @param {Uint8Array} source
 * @param {string} api
 * @returns {Uint8Array}
 */
function allowed(source, api) {
  if (policy === null) return source;
  // A copy: what was allowed must be what is compiled, whoever writes to the source meanwhile.
  const bytes = new Uint8Array(source);
  const message = `${api}: ${text().disallowed}`;
  let answer;
  try {
    answer = ReflectApply(policy, undefined, [bytes]);
  } catch (cause) {
    throw new CompileError(message, { cause });
  }
  // Nothing but `true`: a promise of `false` must not allow anything.
  if (answer !== true) throw new CompileError(message);
  return bytes;
}

/** Whether there is a policy. */
function isRestricted() {
  return policy !== null;
}

const extensions = {
  setCodeGenerationPolicy(newPolicy) {
    if (newPolicy !== null && typeof newPolicy !== 'function') {
      throw new TypeError('wrt.setCodeGenerationPolicy(): Argument 0 must be a function or null');
    }
    policy = newPolicy;
  },
};

export { allowed, extensions, isRestricted };
