'use strict';

/** A generator of numbers below `n` from a seed (xorshift). */
function random(seed) {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/** Seconds of processor time that this process has taken: others may be busy, too. */
function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

module.exports = { processorTime, random };
