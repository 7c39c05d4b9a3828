'use strict';

/** A generator of numbers below `n` from a seed (xorshift). */
module.exports = (seed) => {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
};
