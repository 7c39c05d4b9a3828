/** WebAssembly.Table. */

import * as binding from './binding.js';
import { createObject } from './carrier.js';
import { rangeError, typeError } from './errors.js';
import { functionObject } from './function.js';
import { TABLE, watch } from './lifetime.js';
import { applyLimits } from './limits.js';
import { ObjectGetPrototypeOf } from './primordials.js';
import { SLOT0, SLOT1, STATE, TRAP, WORDS, i32, loadSize, storeAddress } from './scratch.js';
import { refs } from './references.js';
import { wake } from './rest.js';
import { EXN, EXTERN, referenceType } from './signature.js';
import { tableType } from './types.js';
import { defaultValue, lacksDefault, store, toWebAssembly, typeNumber } from './values.js';
import {
  addressMember,
  addressType,
  addressValue,
  Brand,
  defineInterface,
  isObject,
  receiver,
  requireNew,
  toAddressValue,
  toString,
} from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').TableCell} TableCell */

/** An implementation limit of the standard. */
const MAX_SIZE = 10000000;

class tables extends Brand {
  /** @type {TableCell} */
  #cell;

  constructor(object, cell) {
    super(object);
    this.#cell = cell;
  }

  /** @returns {TableCell | undefined} */
  static get(value) {
    return isObject(value) && #cell in value ? value.#cell : undefined;
  }

  /** @returns {TableCell | undefined} */
  static expect(value) {
    try {
      return value.#cell;
    } catch {
      return undefined;
    }
  }
}

/**
 * The constructor; a second argument is the initial value of the elements.
 * @this {object}
 */
function Table(descriptor, value = undefined) {
  const api = 'WebAssembly.Table()';
  requireNew(new.target, 'Table');
  if (!isObject(descriptor)) throw typeError(api, text().descriptor('table'));
  // 1.-5. Members in this order.
  const element = elementType(/** @type {any} */ (descriptor).element, api);
  const address = addressType(descriptor, api);
  const initial = addressMember(descriptor, 'initial', address, api, true);
  const maximum = addressMember(descriptor, 'maximum', address, api, false);
  // 6.-7. The type must be valid.
  if (maximum !== undefined && maximum < initial) {
    throw rangeError(api, text().belowBound('maximum', maximum, initial));
  }
  // 8.-9. The value. The handle is not known yet, but the cell must hold the function.
  const cell = newCell(element, address, maximum);
  const init =
    value === undefined
      ? defaultValue(element)
      : toWebAssembly(value, element, cell, (problem) => typeError(api, text().tableInitial(problem)));
  // 10.-12. Allocate.
  if (initial > MAX_SIZE) throw rangeError(api, text().aboveBound('initial', initial, MAX_SIZE));
  store(init, element, 5);
  i32[SLOT0] = typeNumber(element);
  storeAddress(address === 'i32' ? 0 : 1, 1);
  storeAddress(initial, 2);
  storeAddress(maximum === undefined ? 0 : 1, 3);
  storeAddress(maximum === undefined ? 0 : maximum, 4);
  applyLimits();
  binding.tableNew();
  const handle = i32[SLOT0];
  if (handle === 0) throw rangeError(api, text().tableAllocation);
  // 13. Initialize.
  cell.handle = handle;
  return initialize(createObject(ObjectGetPrototypeOf(this)), watch(cell, TABLE));
}

/** ToValueType for a TableKind. @returns {'funcref' | 'externref'} */
function elementType(value, api) {
  const kind = toString(value);
  if (kind === 'anyfunc') return 'funcref';
  if (kind === 'externref') return 'externref';
  throw typeError(api, text().elementType);
}

/**
 * @param {string} element
 * @param {'i32' | 'i64'} address
 * @param {any} maximum
 * @returns {TableCell}
 */
function newCell(element, address = 'i32', maximum = -1) {
  const { top } = /** @type {import('./signature.js').ReferenceType} */ (referenceType(element));
  const known = { numbers: [], functions: [] };
  return { handle: 0, slot: 0, element, top, address, maximum, object: null, ...known, held: null, edges: null };
}

/**
 * The cell of a table of the engine.
 * @param {number} handle
 * @param {import('./module.js').ExternType} type
 * @returns {TableCell}
 */
function createCell(handle, type) {
  const cell = newCell(/** @type {string} */ (type.element), type.address, type.maximum);
  cell.handle = handle;
  return watch(cell, TABLE);
}

function initialize(object, cell) {
  cell.object = object;
  tables.set(object, cell);
  return object;
}

/**
 * "Create a table object": cell and object stay together, so the cell is the cache.
 * @param {TableCell} cell
 * @returns {object}
 */
function tableObject(cell) {
  return cell.object === null ? initialize(createObject(Table.prototype), cell) : cell.object;
}

/**
 * The cell of a Table; undefined for any other value.
 * @type {(value: unknown) => TableCell | undefined}
 */
const tableCell = tables.get;

/**
 * Current number of elements.
 * @param {TableCell} cell
 */
function tableSize(cell) {
  if (cell.slot !== 0) return i32[WORDS + 2 * cell.slot];
  i32[SLOT0] = cell.handle;
  binding.tableSize();
  cell.slot = i32[SLOT1];
  return i32[SLOT0];
}

/** The RangeError for an index out of bounds. */
function addressError(cell, index, api) {
  return rangeError(api, text().tableAddress(index, cell.element, tableSize(cell)));
}

/**
 * The value argument of `grow` and `set`. Only a missing one is the default: explicit undefined is
 * refused by a table of functions, which the standard's tests want although its prose does not.
 */
function valueArgument(cell, isGiven, value, api, message, noDefault) {
  if (isGiven) return givenValue(cell, value, api, message);
  if (lacksDefault(cell.element)) throw typeError(api, noDefault(cell.element));
  return defaultValue(cell.element);
}

/** (Apart, since what a closure captures is an object for each call, also of one that does not make the closure.) */
function givenValue(cell, value, api, message) {
  return toWebAssembly(value, cell.element, cell, (problem) => typeError(api, message(problem)));
}

/**
 * ToJSValue of the element in slot 0. A function that the table gave at an address it finds there again; its edges
 * keep that alive anyway.
 */
function currentElement(cell, address) {
  if (cell.top === EXTERN) {
    wake();
    return refs[i32[SLOT0]];
  }
  const { numbers, functions } = cell;
  const number = i32[SLOT0];
  if (numbers[address] === number) return functions[address];
  const value = functionObject(number);
  if (value !== null) {
    numbers[address] = number;
    functions[address] = value;
  }
  return value;
}

defineInterface({
  constructor: Table,

  get length() {
    /** @type {TableCell} */
    const cell = receiver(tables.expect(this), 'Table', 'WebAssembly.Table.length()');
    return toAddressValue(tableSize(cell), cell.address);
  },

  grow(delta) {
    const api = 'WebAssembly.Table.grow()';
    const cell = receiver(tables.expect(this), 'Table', api);
    // 5. The number of elements.
    const count = addressValue(delta, cell.address, api, 'Argument 0');
    // 6.-7. The value.
    const value = valueArgument(
      cell,
      arguments.length > 1,
      arguments[1],
      api,
      text().tableGrowValue,
      text().tableGrowNoDefault,
    );
    // 8.-10. Grow.
    store(value, cell.element, 2);
    i32[SLOT0] = cell.handle;
    storeAddress(count, 1);
    binding.tableGrow();
    const previous = loadSize();
    if (previous === -1) throw rangeError(api, text().tableGrowth(count));
    return toAddressValue(previous, cell.address);
  },

  set(index) {
    const api = 'WebAssembly.Table.set()';
    const cell = receiver(tables.expect(this), 'Table', api);
    // 5. The index.
    const address = addressValue(index, cell.address, api, 'Argument 0');
    // 6.-7. The value.
    const value = valueArgument(
      cell,
      arguments.length > 1,
      arguments[1],
      api,
      text().tableValue,
      text().tableNoDefault,
    );
    // 8.-9. Write.
    store(value, cell.element, 2);
    i32[SLOT0] = cell.handle;
    storeAddress(address, 1);
    binding.tableSet();
    if (i32[STATE] === TRAP) throw addressError(cell, address, api);
  },

  get(index) {
    const api = 'WebAssembly.Table.get()';
    const cell = receiver(tables.expect(this), 'Table', api);
    // 5. The index.
    const address = addressValue(index, cell.address, api, 'Argument 0');
    // 6.-7. Read.
    i32[SLOT0] = cell.handle;
    storeAddress(address, 1);
    binding.tableGet();
    if (i32[STATE] === TRAP) throw addressError(cell, address, api);
    // 8. ToJSValue.
    if (cell.top === EXN) throw typeError(api, text().exceptionReference(cell.element));
    return currentElement(cell, address);
  },

  type() {
    /** @type {TableCell} */
    const cell = receiver(tables.expect(this), 'Table', 'WebAssembly.Table.type()');
    const minimum = toAddressValue(tableSize(cell), cell.address);
    const maximum = cell.maximum === -1 ? undefined : cell.maximum;
    return tableType({ element: cell.element, address: cell.address, minimum, maximum });
  },
});

export { Table, createCell, tableCell, tableObject, tableSize };
