'use strict';

// Text to binary, for tests: wat`(module ...)`, or wat(text).

const cache = new Map();

/** @returns {Uint8Array} */
module.exports = (strings, ...values) => {
  const text = typeof strings === 'string' ? strings : String.raw({ raw: strings }, ...values);
  if (!cache.has(text)) {
    const module = wrtTest.wabt.parseWat('test.wat', new TextEncoder().encode(text), {
      reference_types: true,
      simd: true,
      relaxed_simd: true,
      exceptions: true,
      tail_call: true,
      extended_const: true,
      memory64: true,
      threads: true,
    });
    try {
      cache.set(text, new Uint8Array(module.toBinary({}).buffer));
    } finally {
      module.destroy();
    }
  }
  return cache.get(text).slice();
};
