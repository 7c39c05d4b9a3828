/**
 * The scratch memory: one buffer a thread, seen from both sides. It must match
 * `src/runtime/vm.rs`. Between the first store and the native call nothing of the user may run:
 * user code may call wasm, which overwrites everything in here.
 */

import * as binding from './binding.js';
import { BigInt64Array, Float32Array, Float64Array, Int32Array } from './primordials.js';

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

// Words of `i32`.
export const STATE = 0;
export const FUNCTION = 1;
export const DEPTH = 2;
export const CODE = 3;
export const GROWTHS = 4;
export const DEADLINES = 5;
export const SLOT0 = 16;
export const SLOT1 = 18;
export const SLOT2 = 20;
export const SLOT3 = 22;

// States. 0 means that the guest runs; JavaScript never stores it.
export const CALL = 1;
// 2 is that of a guest which was interrupted; JavaScript never sees it.
export const DONE = 3;
export const TRAP = 4;
export const RETHROW = 5;
export const OK = 6;
export const THREW = 7;
export const EXCEPTION = 8;

export { DOUBLES, WORDS, f32, f64, i32, i64, loadSize, storeAddress };
