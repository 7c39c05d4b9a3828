/** `features` and `limits`, exports beyond the standard: what belongs to the process and can be set. */

import * as binding from './binding.js';
import { requireLimit } from './limits.js';
import { ObjectDefineProperty, ObjectFreeze, TypeError } from './primordials.js';

/**
 * An object with a property for each of the engine's settings of a kind. Other threads see what one of them has set.
 * @template T
 * @param {() => (string | T)[]} list names, each followed by the value of now
 * @param {(name: string, value: any) => void} set
 * @returns {Readonly<Record<string, T>>}
 */
function settings(list, set) {
  const object = {};
  const names = list();
  for (let k = 0; k < names.length; k += 2) {
    const name = /** @type {string} */ (names[k]);
    const get = () => list()[k + 1];
    ObjectDefineProperty(object, name, { get, set: (value) => set(name, value), enumerable: true });
  }
  return ObjectFreeze(object);
}

function setFeature(name, on) {
  if (typeof on !== 'boolean') throw new TypeError(`wrt.features.${name} must be a boolean`);
  binding.rare.setFeature(name, on);
}

function setLimit(name, most) {
  binding.rare.setLimit(name, requireLimit(`wrt.limits.${name}`, most));
}

/**
 * Defines the two. Neither is made before it is asked for: that takes an eighth of a millisecond.
 * @param {object} namespace
 */
function defineSettings(namespace) {
  let features, limits;
  const get = {
    features: () => (features ??= settings(binding.rare.features, setFeature)),
    limits: () => (limits ??= settings(binding.rare.limits, setLimit)),
  };
  ObjectDefineProperty(namespace, 'features', { get: get.features, configurable: true });
  ObjectDefineProperty(namespace, 'limits', { get: get.limits, configurable: true });
}

export { defineSettings };
