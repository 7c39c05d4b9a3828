'use strict';

/** A generator of numbers below `n` from a seed (a counter, mixed). */
function random(seed) {
  // Seeds that the time gives have 41 bits; their lowest are those that differ.
  let state = (Math.imul(seed / 2 ** 32, 0x85ebca6b) + (seed % 2 ** 32)) | 0;
  return (n) => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % n;
  };
}

/** Seconds of processor time that this process has taken: others may be busy, too. */
function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

module.exports = { processorTime, random };
