/** WebAssembly.Global. */

import * as binding from './binding.js';
import { createObject } from './carrier.js';
import { typeError } from './errors.js';
import { GLOBAL, watch } from './lifetime.js';
import { ObjectGetPrototypeOf } from './primordials.js';
import { SLOT0, SLOT1, i32 } from './scratch.js';
import { isException } from './signature.js';
import { globalType } from './types.js';
import { defaultValue, load, store, toWebAssembly, typeNumber } from './values.js';
import { Brand, defineInterface, isObject, receiver, requireNew, toString } from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').GlobalCell} GlobalCell */

class globals extends Brand {
  /** @type {GlobalCell} */
  #cell;

  constructor(object, cell) {
    super(object);
    this.#cell = cell;
  }

  /** @returns {GlobalCell | undefined} */
  static get(value) {
    return isObject(value) && #cell in value ? value.#cell : undefined;
  }

  /** @returns {GlobalCell | undefined} */
  static expect(value) {
    try {
      return value.#cell;
    } catch {
      return undefined;
    }
  }
}

/**
 * The constructor; a second argument is the initial value.
 * @this {object}
 */
function Global(descriptor, v = undefined) {
  const api = 'WebAssembly.Global()';
  requireNew(new.target, 'Global');
  if (!isObject(descriptor)) throw typeError(api, text().descriptor('global'));
  // 1.-3. Members in this order.
  const mutable = !!(/** @type {any} */ (descriptor).mutable);
  const type = valueType(/** @type {any} */ (descriptor).value, api);
  if (type === 'v128') throw typeError(api, text().vectorGlobal);
  // 4.-5. The value. Explicit undefined is a missing one, but no function reference.
  const cell = newCell(type, mutable);
  const value =
    v === undefined && (type !== 'funcref' || arguments.length < 2)
      ? defaultValue(type)
      : toWebAssembly(v, type, cell, (problem) => typeError(api, problem));
  // 6.-10. Allocate and initialize.
  allocate(cell, value);
  return initialize(createObject(ObjectGetPrototypeOf(this)), cell);
}

/** ToValueType. */
function valueType(value, api) {
  const type = toString(value);
  switch (type) {
    case 'i32':
    case 'i64':
    case 'f32':
    case 'f64':
    case 'v128':
    case 'externref':
      return type;
    case 'anyfunc':
      return 'funcref';
    default:
      throw typeError(api, text().valueType);
  }
}

/**
 * @param {string} type
 * @param {boolean} mutable
 * @returns {GlobalCell}
 */
function newCell(type, mutable) {
  return { handle: 0, type, mutable, slot: 1, object: null, held: null, edges: null };
}

/** global_alloc with a value that `toWebAssembly` returned. */
function allocate(cell, value) {
  store(value, cell.type, 2);
  i32[SLOT0] = typeNumber(cell.type);
  i32[SLOT1] = cell.mutable ? 1 : 0;
  binding.globalNew();
  cell.handle = i32[SLOT0];
  return watch(cell, GLOBAL);
}

/**
 * A constant global for a value that was imported.
 * @param {any} v
 * @param {string} type
 * @param {(problem: string) => Error} refusal
 * @returns {GlobalCell}
 */
function constantCell(v, type, refusal) {
  const cell = newCell(type, false);
  return allocate(cell, toWebAssembly(v, type, cell, refusal));
}

/**
 * The cell of a global of the engine.
 * @param {number} handle
 * @param {import('./module.js').ExternType} type
 * @returns {GlobalCell}
 */
function createCell(handle, type) {
  const cell = newCell(/** @type {string} */ (type.value), !!type.mutable);
  cell.handle = handle;
  return watch(cell, GLOBAL);
}

function initialize(object, cell) {
  cell.object = object;
  globals.set(object, cell);
  return object;
}

/**
 * "Create a global object": cell and object stay together, so the cell is the cache.
 * @param {GlobalCell} cell
 * @returns {object}
 */
function globalObject(cell) {
  return cell.object === null ? initialize(createObject(Global.prototype), cell) : cell.object;
}

/**
 * The cell of a Global; undefined for any other value.
 * @type {(value: unknown) => GlobalCell | undefined}
 */
const globalCell = globals.get;

/** GetGlobalValue. */
function getValue(cell, api) {
  if (cell.slot !== 1) return load(cell.type, cell.slot); // A number.
  if (cell.type === 'v128') throw typeError(api, text().getVector);
  if (isException(cell.type)) throw typeError(api, text().exceptionReference(cell.type));
  i32[SLOT0] = cell.handle;
  binding.globalGet();
  cell.slot = i32[SLOT0];
  return load(cell.type, cell.slot);
}

defineInterface({
  constructor: Global,

  valueOf() {
    const api = 'WebAssembly.Global.valueOf()';
    return getValue(receiver(globals.expect(this), 'Global', api), api);
  },

  get value() {
    const api = 'get WebAssembly.Global.value';
    return getValue(receiver(globals.expect(this), 'Global', api), api);
  },

  set value(v) {
    const api = 'set WebAssembly.Global.value';
    const cell = receiver(globals.expect(this), 'Global', api);
    // 4.-5. What cannot be set.
    if (cell.type === 'v128') throw typeError(api, text().setVector);
    if (!cell.mutable) throw typeError(api, text().setImmutable);
    // 6. The value.
    const value = toWebAssembly(v, cell.type, cell, (problem) => typeError(api, problem));
    // 7. Write.
    store(value, cell.type, cell.slot);
    if (cell.slot === 1) {
      i32[SLOT0] = cell.handle;
      binding.globalSet();
      cell.slot = i32[SLOT0];
    }
  },

  type() {
    const { mutable, type } = receiver(globals.expect(this), 'Global', 'WebAssembly.Global.type()');
    return globalType(mutable, type);
  },
});

export { Global, constantCell, createCell, globalCell, globalObject };
