/** WebAssembly.Memory. */

import * as binding from './binding.js';
import { createObject, expectArrivals } from './carrier.js';
import { rangeError, typeError } from './errors.js';
import { MEMORY, watch } from './lifetime.js';
import { applyLimits } from './limits.js';
import {
  ArrayBufferPrototype,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  ObjectDefineProperty,
  RangeError,
  TypeError,
} from './primordials.js';
import { GROWTHS, SLOT0, i32, loadSize, storeAddress } from './scratch.js';
import { createShared, growShared, openShared, sharedBuffer } from './shared.js';
import { memoryType } from './types.js';
import {
  addressMember,
  addressType,
  addressValue,
  arrayBufferLength,
  Brand,
  defineInterface,
  isDetached,
  isObject,
  receiver,
  requireNew,
  toAddressValue,
} from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').MemoryCell} MemoryCell */

const PAGE = 65536;
/** Largest initial sizes and maxima: limits of the standard. What is initial must be there at once. */
const MAX_INITIAL = { i32: 65536, i64: 262144n };
const MAX_MAXIMUM = { i32: 65536, i64: 137438953471n };

/** Node 18 and 20 have no ArrayBuffers beyond 4 GiB, and would not survive an attempt to make one. */
const { MAX_LENGTH } = require('buffer').constants;

class memories extends Brand {
  /** @type {MemoryCell} */
  #cell;

  constructor(object, cell) {
    super(object);
    this.#cell = cell;
  }

  /** @returns {MemoryCell | undefined} */
  static get(value) {
    return isObject(value) && #cell in value ? value.#cell : undefined;
  }

  /** @returns {MemoryCell | undefined} */
  static expect(value) {
    try {
      return value.#cell;
    } catch {
      return undefined;
    }
  }
}

/**
 * The constructor.
 * @this {object}
 */
function Memory(descriptor) {
  const api = 'WebAssembly.Memory()';
  requireNew(new.target, 'Memory');
  if (!isObject(descriptor)) throw typeError(api, text().descriptor('memory'));
  // 1.-3. Members in this order.
  const address = addressType(descriptor, api);
  const initial = addressMember(descriptor, 'initial', address, api, true);
  const maximum = addressMember(descriptor, 'maximum', address, api, false);
  const shared = !!(/** @type {any} */ (descriptor).shared);
  // 4.-5. The type must be valid.
  const most = MAX_INITIAL[address];
  if (initial > most) throw rangeError(api, text().aboveBound('initial', initial, most));
  if (maximum !== undefined) {
    const bound = MAX_MAXIMUM[address];
    if (maximum < initial) throw rangeError(api, text().belowBound('maximum', maximum, initial));
    if (maximum > bound) throw rangeError(api, text().aboveBound('maximum', maximum, bound));
  }
  if (shared) {
    if (maximum === undefined) throw typeError(api, text().sharedMaximum);
    const { object, cell } = createSharedCell({ address, minimum: initial, maximum }, api);
    memories.set(ObjectSetPrototypeOf(object, ObjectGetPrototypeOf(this)), cell);
    return object;
  }
  // 6.-8. Allocate.
  i32[SLOT0] = address === 'i32' ? 0 : 1;
  storeAddress(initial, 1);
  storeAddress(maximum === undefined ? 0 : 1, 2);
  storeAddress(maximum === undefined ? 0 : maximum, 3);
  applyLimits();
  binding.memoryNew();
  const handle = i32[SLOT0];
  if (handle === 0) throw rangeError(api, text().memoryAllocation);
  // 9. Initialize.
  return initialize(createObject(ObjectGetPrototypeOf(this)), createCell(handle, { address, maximum }));
}

/**
 * The cell of a memory of the engine.
 * @param {number} handle
 * @param {{ address?: 'i32' | 'i64', maximum?: any, pageSize?: number, shared?: boolean }} type
 * @returns {MemoryCell}
 */
function createCell(handle, { address = 'i32', maximum = -1, pageSize = PAGE, shared = false }) {
  const cell = { handle, address, maximum, pageSize, shared, object: null, buffer: null, length: -1, growths: -1 };
  return watch(cell, MEMORY);
}

/**
 * A new shared memory: V8's object, which is to be a Memory, and the cell.
 * @param {any} type
 * @param {string} api
 */
function createSharedCell({ address = 'i32', minimum, maximum, pageSize = PAGE }, api) {
  applyLimits();
  const made = pageSize === PAGE ? createShared(address, minimum, maximum) : undefined;
  if (made === undefined) throw rangeError(api, text().memoryAllocation);
  const { object, handle } = made;
  const cell = createCell(handle, { address, maximum, shared: true });
  cell.object = object;
  return { object, cell };
}

/**
 * The cell of a shared memory that a module defines, with its object.
 * @param {any} type
 * @param {string} api
 * @returns {MemoryCell}
 */
function defineShared(type, api) {
  const { object, cell } = createSharedCell(type, api);
  memories.set(ObjectSetPrototypeOf(object, Memory.prototype), cell);
  return cell;
}

/** Makes a Memory of what a structured clone of one has become, and returns its cell. */
function arrivedCell(value) {
  const found = openShared(value);
  if (found === undefined) return undefined;
  return initialize(ObjectSetPrototypeOf(value, Memory.prototype), createCell(found.handle, found.type));
}

function initialize(object, cell) {
  cell.object = object;
  memories.set(object, cell);
  return object;
}

/**
 * "Create a memory object": cell and object stay together, so the cell is the cache.
 * @param {MemoryCell} cell
 * @returns {object}
 */
function memoryObject(cell) {
  return cell.object === null ? initialize(createObject(Memory.prototype), cell) : cell.object;
}

/**
 * The cell of a Memory; undefined for any other value.
 * @param {unknown} value
 * @returns {MemoryCell | undefined}
 */
function memoryCell(value) {
  return memories.get(value) || arrivedCell(value);
}

/**
 * The same for the receiver of a method.
 * @param {unknown} value
 * @param {string} api
 * @returns {MemoryCell}
 */
function expectMemory(value, api) {
  return receiver(memories.expect(value) || arrivedCell(value), 'Memory', api);
}

/**
 * Current size in pages.
 * @param {MemoryCell} cell
 */
function memorySize(cell) {
  i32[SLOT0] = cell.handle;
  binding.memorySize();
  return loadSize();
}

/**
 * Methods that would take the buffer away from its memory, and what they throw instead.
 * @type {[string, 'bufferTransfer' | 'bufferResize'][]}
 */
const guards = [
  ['transfer', 'bufferTransfer'],
  ['transferToFixedLength', 'bufferTransfer'],
  ['resize', 'bufferResize'],
];

/** "Create a fixed length memory buffer"; the former one is detached by that. */
function createBuffer(cell) {
  const bytes = memorySize(cell) * cell.pageSize;
  if (bytes > MAX_LENGTH) throw new RangeError(text().bufferTooLong(bytes));
  const buffer = binding.memoryBuffer(cell.handle);
  // Stands for [[ArrayBufferDetachKey]], which Node-API cannot set.
  for (let i = 0; i < guards.length; i++) {
    if (!(guards[i][0] in ArrayBufferPrototype)) continue;
    const key = guards[i][0];
    const guard = {
      [key]() {
        throw new TypeError(text()[guards[i][1]]);
      },
    };
    ObjectDefineProperty(buffer, key, { __proto__: null, value: guard[key] });
  }
  cell.buffer = buffer;
  cell.length = arrayBufferLength(buffer);
  cell.growths = i32[GROWTHS];
  return buffer;
}

/**
 * The buffer after some memory of this thread has grown, or when it is not certain that it is
 * still attached: the same one if it is, else a new one.
 */
function refreshBuffer(cell) {
  const { buffer, length } = cell;
  if (buffer !== null && arrayBufferLength(buffer) === length && memorySize(cell) * cell.pageSize === length) {
    // Without bytes an attached buffer looks like a detached one.
    if (length !== 0 || !isDetached(buffer)) {
      cell.growths = i32[GROWTHS];
      return buffer;
    }
  }
  return createBuffer(cell);
}

/** @param {MemoryCell} cell */
function currentBuffer(cell) {
  const { buffer, length } = cell;
  if (cell.shared) return sharedBuffer(cell);
  // A program can detach the buffer in spite of the guards; the memory itself is not lost by that.
  if (cell.growths === i32[GROWTHS] && length > 0 && arrayBufferLength(buffer) === length) return buffer;
  return refreshBuffer(cell);
}

/** Grows a memory that is not shared: the engine detaches the buffer. Pages before, or -1. */
function grow(cell, pages) {
  i32[SLOT0] = cell.handle;
  storeAddress(pages, 1);
  binding.memoryGrow();
  return loadSize();
}

defineInterface({
  constructor: Memory,

  grow(delta) {
    const api = 'WebAssembly.Memory.grow()';
    // 1. The memory.
    const cell = expectMemory(this, api);
    // 4. The number of pages.
    const pages = addressValue(delta, cell.address, api, 'Argument 0');
    // 5. Grow.
    const previous = cell.shared ? growShared(cell, pages) : grow(cell, pages);
    if (previous === -1) throw rangeError(api, text().memoryGrowth);
    // 6.
    return toAddressValue(previous, cell.address);
  },

  get buffer() {
    return currentBuffer(expectMemory(this, 'WebAssembly.Memory.buffer'));
  },

  toFixedLengthBuffer() {
    // All buffers have a fixed length.
    return currentBuffer(expectMemory(this, 'WebAssembly.Memory.toFixedLengthBuffer()'));
  },

  toResizableBuffer() {
    const api = 'WebAssembly.Memory.toResizableBuffer()';
    const cell = expectMemory(this, api);
    throw typeError(api, cell.maximum === -1 ? text().memoryNoMaximum : text().resizableBuffer);
  },

  type() {
    const cell = expectMemory(this, 'WebAssembly.Memory.type()');
    const minimum = toAddressValue(memorySize(cell), cell.address);
    const maximum = cell.maximum === -1 ? undefined : cell.maximum;
    return memoryType({ address: cell.address, minimum, maximum, pageSize: cell.pageSize, shared: cell.shared });
  },
});

expectArrivals(Memory, memoryCell);

export { Memory, createCell, defineShared, memoryCell, memoryObject, memorySize };
