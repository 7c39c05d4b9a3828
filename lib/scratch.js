'use strict';

/**
 * The scratch memory: one buffer a thread, seen from both sides. It must match
 * `src/runtime/vm.rs`. Between the first store and the native call nothing of the user may run:
 * user code may call wasm, which overwrites everything in here.
 */

const binding = require('./binding');
const { BigInt64Array, Float32Array, Float64Array, Int32Array } = require('./primordials');

const i32 = new Int32Array(binding.scratch);
const f32 = new Float32Array(binding.scratch);
const f64 = new Float64Array(binding.scratch);
const i64 = new BigInt64Array(binding.scratch);

/** Slot k is i32[WORDS + 2 * k], f32[WORDS + 2 * k], f64[DOUBLES + k] and i64[DOUBLES + k]. */
const WORDS = 16;
const DOUBLES = 8;

/**
 * Stores an address, index or size in slot `k`: 64 bits, whichever its type.
 * @param {number | bigint} value
 * @param {number} k
 */
function storeAddress(value, k) {
  if (typeof value === 'bigint') {
    i64[DOUBLES + k] = value;
  } else {
    i32[WORDS + 2 * k] = value;
    i32[WORDS + 2 * k + 1] = 0;
  }
}

/**
 * The size in slot 0, -1 for "none". No size is beyond what a number can hold.
 * @returns {number}
 */
function loadSize() {
  return i32[WORDS + 1] * 0x100000000 + (i32[WORDS] >>> 0);
}

module.exports = {
  storeAddress,
  loadSize,

  i32,
  f32,
  f64,
  i64,

  // Words of `i32`.
  STATE: 0,
  FUNCTION: 1,
  DEPTH: 2,
  CODE: 3,
  GROWTHS: 4,
  DEADLINES: 5,

  WORDS,
  DOUBLES,
  SLOT0: 16,
  SLOT1: 18,
  SLOT2: 20,
  SLOT3: 22,

  // States. 0 means that the guest runs; JavaScript never stores it.
  CALL: 1,
  // 2 is that of a guest which was interrupted; JavaScript never sees it.
  DONE: 3,
  TRAP: 4,
  RETHROW: 5,
  OK: 6,
  THREW: 7,
  EXCEPTION: 8,
};
