/**
 * Shared memories. What all threads see of one, and what is cloned, must be V8's: so the object of a shared Memory *is* a
 * memory of V8's with another prototype, which has the bytes, and the engine uses them where they are. V8 makes it grow,
 * in place, and then the engine is told; waiting and waking are `Atomics.wait` and `Atomics.notify` on V8's buffer, so that
 * JavaScript and wasm can wake each other.
 *
 * A copy that arrives from another thread is found by the address of its bytes, and gets wrt's prototype where it is first
 * seen, as modules do (`lib/carrier.js`).
 */

import * as binding from './binding.js';
import { arrivingPrototype, nativeClass } from './carrier.js';
import { timeLeft } from './interrupt.js';
import {
  AtomicsNotify,
  AtomicsWait,
  BigInt,
  BigInt64Array,
  FunctionPrototypeHasInstance,
  Int32Array,
  MathMin,
  Number,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  RangeError,
  Uint8Array,
  uncurryThis,
} from './primordials.js';
import { DEADLINES, SLOT0, i32, storeAddress } from './scratch.js';

/** @typedef {import('./lifetime.js').MemoryCell} MemoryCell */

const NativeMemory = nativeClass('Memory');
const arriving = arrivingPrototype(NativeMemory, 'Memory');
const nativeBuffer =
  NativeMemory &&
  uncurryThis(/** @type {any} */ (ObjectGetOwnPropertyDescriptor(NativeMemory.prototype, 'buffer')).get);
const nativeGrow = NativeMemory && uncurryThis(NativeMemory.prototype.grow);

/** Most pages that V8 gives a memory whose addresses have 32 bits, which all are for V8. */
const MOST = 65536;

/** The number of a trap. */
const MUST_NOT_WAIT = -19;

/**
 * Views of all bytes: of V8's buffer, and of a clone, which keeps the bytes but does not lead to the memory as that does.
 * Node loads what clones late, so it is asked for late; the engine sees to it that it is no other buffer.
 * @param {object} object
 * @returns {[Uint8Array, Uint8Array]}
 */
function views(object) {
  const buffer = nativeBuffer(object);
  return [new Uint8Array(buffer), new Uint8Array(structuredClone(buffer))];
}

/**
 * A new memory and its handle; undefined if it cannot be had.
 * @param {'i32' | 'i64'} address
 * @param {number | bigint} initial
 * @param {number | bigint} maximum
 * @returns {{ object: object, handle: number } | undefined}
 */
function createShared(address, initial, maximum) {
  if (NativeMemory === undefined) return undefined;
  const most = Number(maximum);
  const descriptor = { __proto__: null, initial: Number(initial), maximum: MathMin(most, MOST), shared: true };
  const object = binding.rare.newNativeMemory(NativeMemory, descriptor);
  if (object === undefined) return undefined;
  try {
    const handle = binding.rare.sharedMemory(...views(object), address === 'i64', most);
    return handle === 0 ? undefined : { object, handle };
  } catch {
    return undefined; // There is no memory for the views.
  }
}

/**
 * What a memory is that has arrived from another thread; undefined for all else.
 * @param {any} value
 * @returns {{ handle: number, type: { address: 'i32' | 'i64', maximum: any, shared: true } } | undefined}
 */
function openShared(value) {
  if (NativeMemory === undefined || typeof value !== 'object' || value === null) return undefined;
  let found;
  try {
    // A Proxy may throw here, or lie.
    if (ObjectGetPrototypeOf(value) !== arriving) return undefined;
    found = binding.rare.openSharedMemory(...views(value));
  } catch {
    return undefined; // No memory at all.
  }
  if (found === null) return undefined;
  const [handle, is64, maximum] = found;
  const type = is64 === 0 ? { address: 'i32', maximum } : { address: 'i64', maximum: BigInt(maximum) };
  return { handle, type: /** @type {any} */ ({ ...type, shared: true }) };
}

/**
 * The buffer, which is V8's: frozen, and another one after growth in any thread.
 * @param {MemoryCell} cell
 * @returns {any}
 */
function sharedBuffer(cell) {
  return nativeBuffer(cell.object);
}

/**
 * @param {MemoryCell} cell
 * @param {number | bigint} delta
 * @returns {number} pages before, -1 if it cannot grow by that
 */
function growShared(cell, delta) {
  const pages = Number(delta);
  if (pages > MOST || !account(binding.rare.sharedMemoryTake, cell, pages)) return -1;
  let before;
  try {
    before = nativeGrow(cell.object, pages);
  } catch {
    account(binding.rare.sharedMemoryGiveBack, cell, pages);
    return -1;
  }
  account(binding.rare.sharedMemoryGrown, cell, before + pages);
  return before;
}

function account(call, cell, pages) {
  i32[SLOT0] = cell.handle;
  storeAddress(pages, 1);
  call();
  return i32[SLOT0] !== 0;
}

/** The view of a memory for `Atomics` that has `address`, which the engine has found to be inside. */
function view(cell, address, View, size) {
  let buffer = nativeBuffer(cell.object);
  if (address + size > buffer.byteLength) {
    // Another thread has made it grow, and V8 has not come to tell this one.
    nativeGrow(cell.object, 0);
    buffer = nativeBuffer(cell.object);
  }
  return new View(buffer, address, 1);
}

/** Waits as `memory.atomic.wait` does, at most as long as deadlines let it: the engine looks at them afterwards. */
function wait(cell, address, expected, wide, timeout) {
  const words = wide ? view(cell, address, BigInt64Array, 8) : view(cell, address, Int32Array, 4);
  const most = i32[DEADLINES] === 0 ? timeout : MathMin(timeout, timeLeft());
  try {
    const result = AtomicsWait(words, 0, expected, most);
    return result === 'ok' ? 0 : result === 'not-equal' ? 1 : 2;
  } catch (error) {
    if (FunctionPrototypeHasInstance(RangeError, error)) throw error; // There is no room for the call.
    return MUST_NOT_WAIT; // Not in this thread.
  }
}

/**
 * What a guest asks for. It throws if V8's stack is full.
 * @param {number} action
 * @param {MemoryCell} cell
 * @param {number} at an address, or pages
 * @param {any} value what is expected, or the number of those to wake
 * @param {number} timeout in ms
 * @returns {number} see `src/runtime/request.rs`
 */
function serve(action, cell, at, value, timeout) {
  if (action === 0) return growShared(cell, at);
  if (action === 1) return AtomicsNotify(view(cell, at, Int32Array, 4), 0, value);
  return wait(cell, at, value, action === 3, timeout);
}

binding.onRequest(serve);

export { createShared, growShared, openShared, sharedBuffer };
