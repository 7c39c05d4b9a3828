'use strict';

/** WebAssembly.Memory. */

const binding = require('./binding');
const { createObject } = require('./carrier');
const { rangeError, text, typeError } = require('./errors');
const { MEMORY, watch } = require('./lifetime');
const { applyLimits } = require('./limits');
const {
  ArrayBufferPrototype,
  ObjectGetPrototypeOf,
  ObjectDefineProperty,
  RangeError,
  TypeError,
} = require('./primordials');
const { GROWTHS, SLOT0, i32, loadSize, storeAddress } = require('./scratch');
const { memoryType } = require('./types');
const {
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
} = require('./webidl');

/** @typedef {import('./lifetime').MemoryCell} MemoryCell */

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
  if (!isObject(descriptor)) throw typeError(api, text.descriptor('memory'));
  // 1.-3. Members in this order.
  const address = addressType(descriptor, api);
  const initial = addressMember(descriptor, 'initial', address, api, true);
  const maximum = addressMember(descriptor, 'maximum', address, api, false);
  // A memory that is silently not shared would be worse than an error.
  if (/** @type {any} */ (descriptor).shared) {
    throw typeError(api, maximum === undefined ? text.sharedMaximum : text.sharedMemory);
  }
  // 4.-5. The type must be valid.
  const most = MAX_INITIAL[address];
  if (initial > most) throw rangeError(api, text.aboveBound('initial', initial, most));
  if (maximum !== undefined) {
    const bound = MAX_MAXIMUM[address];
    if (maximum < initial) throw rangeError(api, text.belowBound('maximum', maximum, initial));
    if (maximum > bound) throw rangeError(api, text.aboveBound('maximum', maximum, bound));
  }
  // 6.-8. Allocate.
  i32[SLOT0] = address === 'i32' ? 0 : 1;
  storeAddress(initial, 1);
  storeAddress(maximum === undefined ? 0 : 1, 2);
  storeAddress(maximum === undefined ? 0 : maximum, 3);
  applyLimits();
  binding.memoryNew();
  const handle = i32[SLOT0];
  if (handle === 0) throw rangeError(api, text.memoryAllocation);
  // 9. Initialize.
  return initialize(createObject(ObjectGetPrototypeOf(this)), createCell(handle, { address, maximum }));
}

/**
 * The cell of a memory of the engine.
 * @param {number} handle
 * @param {{ address?: 'i32' | 'i64', maximum?: any, pageSize?: number }} type
 * @returns {MemoryCell}
 */
function createCell(handle, { address = 'i32', maximum = -1, pageSize = PAGE }) {
  const cell = { handle, address, maximum, pageSize, object: null, buffer: null, length: -1, growths: -1 };
  return watch(cell, MEMORY);
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
 * @type {(value: unknown) => MemoryCell | undefined}
 */
const memoryCell = memories.get;

/**
 * Current size in pages.
 * @param {MemoryCell} cell
 */
function memorySize(cell) {
  i32[SLOT0] = cell.handle;
  binding.memorySize();
  return loadSize();
}

/** Methods that would take the buffer away from its memory, and what they throw instead. */
const guards = [
  ['transfer', text.bufferTransfer],
  ['transferToFixedLength', text.bufferTransfer],
  ['resize', text.bufferResize],
];

/** "Create a fixed length memory buffer"; the former one is detached by that. */
function createBuffer(cell) {
  const bytes = memorySize(cell) * cell.pageSize;
  if (bytes > MAX_LENGTH) throw new RangeError(text.bufferTooLong(bytes));
  const buffer = binding.memoryBuffer(cell.handle);
  // Stands for [[ArrayBufferDetachKey]], which Node-API cannot set.
  for (let i = 0; i < guards.length; i++) {
    if (!(guards[i][0] in ArrayBufferPrototype)) continue;
    const key = guards[i][0];
    const guard = {
      [key]() {
        throw new TypeError(guards[i][1]);
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
  // A program can detach the buffer in spite of the guards; the memory itself is not lost by that.
  if (cell.growths === i32[GROWTHS] && length > 0 && arrayBufferLength(buffer) === length) return buffer;
  return refreshBuffer(cell);
}

defineInterface(Memory, {
  grow(delta) {
    const api = 'WebAssembly.Memory.grow()';
    // 1. The memory.
    const cell = receiver(memories.expect(this), 'Memory', api);
    // 4. The number of pages.
    const pages = addressValue(delta, cell.address, api, 'Argument 0');
    // 5. Grow; the engine detaches the buffer.
    i32[SLOT0] = cell.handle;
    storeAddress(pages, 1);
    binding.memoryGrow();
    const previous = loadSize();
    if (previous === -1) throw rangeError(api, text.memoryGrowth);
    // 6.
    return toAddressValue(previous, cell.address);
  },

  get buffer() {
    return currentBuffer(receiver(memories.expect(this), 'Memory', 'WebAssembly.Memory.buffer'));
  },

  toFixedLengthBuffer() {
    // All buffers have a fixed length.
    return currentBuffer(receiver(memories.expect(this), 'Memory', 'WebAssembly.Memory.toFixedLengthBuffer()'));
  },

  toResizableBuffer() {
    const api = 'WebAssembly.Memory.toResizableBuffer()';
    /** @type {MemoryCell} */
    const cell = receiver(memories.expect(this), 'Memory', api);
    throw typeError(api, cell.maximum === -1 ? text.memoryNoMaximum : text.resizableBuffer);
  },

  type() {
    /** @type {MemoryCell} */
    const cell = receiver(memories.expect(this), 'Memory', 'WebAssembly.Memory.type()');
    const minimum = toAddressValue(memorySize(cell), cell.address);
    const maximum = cell.maximum === -1 ? undefined : cell.maximum;
    return memoryType({ address: cell.address, minimum, maximum, pageSize: cell.pageSize });
  },
});

module.exports = { Memory, createCell, memoryCell, memoryObject, memorySize };
