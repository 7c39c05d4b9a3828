'use strict';

/** `features`, an export beyond the standard: a switch for each feature of the engine beyond WebAssembly 2.0. */

const binding = require('./binding');
const { ObjectDefineProperty, ObjectFreeze, TypeError } = require('./primordials');

function isOn(name) {
  const list = binding.features();
  for (let k = 0; k < list.length; k += 2) if (list[k] === name) return list[k + 1] === true;
  return false;
}

/** The switches belong to the process: other threads see what one of them has set. */
const features = /** @type {Record<string, boolean>} */ ({});
const names = binding.features();
for (let k = 0; k < names.length; k += 2) {
  const name = /** @type {string} */ (names[k]);
  ObjectDefineProperty(features, name, {
    get: () => isOn(name),
    set(on) {
      if (typeof on !== 'boolean') throw new TypeError(`wrt.features.${name} must be a boolean`);
      binding.setFeature(name, on);
    },
    enumerable: true,
  });
}
ObjectFreeze(features);

module.exports = { features };
