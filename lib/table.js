'use strict';

/** WebAssembly.Table. */

const binding = require('./binding');
const { createObject } = require('./carrier');
const { rangeError, text, typeError } = require('./errors');
const { TABLE, watch } = require('./lifetime');
const { ObjectGetPrototypeOf, Set } = require('./primordials');
const { SLOT0, SLOT1, SLOT2, STATE, TRAP, i32 } = require('./scratch');
const { tableType } = require('./types');
const { defaultValue, load, store, toWebAssembly } = require('./values');
const {
  addressMember,
  checkAddressType,
  createBrand,
  defineInterface,
  isObject,
  receiver,
  requireNew,
  toString,
  unsignedLong,
} = require('./webidl');

/** @typedef {import('./lifetime').TableCell} TableCell */

/** An implementation limit of the standard. */
const MAX_SIZE = 10000000;

const tables = createBrand();

/**
 * The constructor; a second argument is the initial value of the elements.
 * @this {object}
 */
function Table(descriptor, value = undefined) {
  const api = 'WebAssembly.Table()';
  requireNew(new.target, 'Table');
  if (!isObject(descriptor)) throw typeError(api, text.descriptor('table'));
  // 1.-5. Members in this order.
  const element = elementType(/** @type {any} */ (descriptor).element, api);
  checkAddressType(descriptor, api);
  const initial = /** @type {number} */ (addressMember(descriptor, 'initial', api, true));
  const maximum = addressMember(descriptor, 'maximum', api, false);
  // 6.-7. The type must be valid.
  if (maximum !== undefined && maximum < initial) {
    throw rangeError(api, text.belowBound('maximum', maximum, initial));
  }
  // 8.-9. The value. The handle is not known yet, but the cell must hold the function.
  const cell = newCell(element, maximum);
  const init =
    value === undefined
      ? defaultValue(element)
      : toWebAssembly(value, element, cell, () => typeError(api, text.tableInitial));
  // 10.-12. Allocate.
  if (initial > MAX_SIZE) throw rangeError(api, text.aboveBound('initial', initial, MAX_SIZE));
  store(init, element, 3);
  i32[SLOT0] = element === 'funcref' ? 0 : 1;
  i32[SLOT1] = initial;
  i32[SLOT2] = cell.maximum;
  binding.tableNew();
  const handle = i32[SLOT0];
  if (handle === 0) throw rangeError(api, text.tableAllocation);
  // 13. Initialize.
  cell.handle = handle;
  return initialize(createObject(ObjectGetPrototypeOf(this)), watch(cell, TABLE));
}

/** ToValueType for a TableKind. @returns {'funcref' | 'externref'} */
function elementType(value, api) {
  const kind = toString(value);
  if (kind === 'anyfunc') return 'funcref';
  if (kind === 'externref') return 'externref';
  throw typeError(api, text.elementType);
}

/**
 * @param {'funcref' | 'externref'} element
 * @param {number | undefined} maximum
 * @returns {TableCell}
 */
function newCell(element, maximum = -1) {
  return { handle: 0, element, maximum, object: null, edges: new Set() };
}

/**
 * The cell of a table of the engine.
 * @param {number} handle
 * @param {import('./module').ExternType} type
 * @returns {TableCell}
 */
function createCell(handle, type) {
  const cell = newCell(/** @type {any} */ (type.element), type.maximum);
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
  i32[SLOT0] = cell.handle;
  binding.tableSize();
  return i32[SLOT0] >>> 0;
}

/** The RangeError for an index out of bounds. */
function addressError(cell, index, api) {
  return rangeError(api, text.tableAddress(index, cell.element, tableSize(cell)));
}

/**
 * The value argument of `grow` and `set`. Only a missing one is the default: explicit undefined is
 * refused by a table of functions, which the standard's tests want although its prose does not.
 */
function valueArgument(cell, args, api, message) {
  if (args.length < 2) return defaultValue(cell.element);
  return toWebAssembly(args[1], cell.element, cell, () => typeError(api, message));
}

defineInterface(Table, {
  get length() {
    return tableSize(receiver(tables, this, 'Table', 'WebAssembly.Table.length()'));
  },

  grow(delta) {
    const api = 'WebAssembly.Table.grow()';
    const cell = receiver(tables, this, 'Table', api);
    // 5. The number of elements.
    const count = unsignedLong(delta, api, 'Argument 0');
    // 6.-7. The value.
    const value = valueArgument(cell, arguments, api, text.tableGrowValue);
    // 8.-10. Grow.
    store(value, cell.element, 2);
    i32[SLOT0] = cell.handle;
    i32[SLOT1] = count;
    binding.tableGrow();
    const previous = i32[SLOT0];
    if (previous === -1) throw rangeError(api, text.tableGrowth(count));
    return previous;
  },

  set(index) {
    const api = 'WebAssembly.Table.set()';
    const cell = receiver(tables, this, 'Table', api);
    // 5. The index.
    const address = unsignedLong(index, api, 'Argument 0');
    // 6.-7. The value.
    const value = valueArgument(cell, arguments, api, text.tableValue);
    // 8.-9. Write.
    store(value, cell.element, 2);
    i32[SLOT0] = cell.handle;
    i32[SLOT1] = address;
    binding.tableSet();
    if (i32[STATE] === TRAP) throw addressError(cell, address, api);
  },

  get(index) {
    const api = 'WebAssembly.Table.get()';
    const cell = receiver(tables, this, 'Table', api);
    // 5. The index.
    const address = unsignedLong(index, api, 'Argument 0');
    // 6.-7. Read.
    i32[SLOT0] = cell.handle;
    i32[SLOT1] = address;
    binding.tableGet();
    if (i32[STATE] === TRAP) throw addressError(cell, address, api);
    // 8. ToJSValue.
    return load(cell.element, 0);
  },

  type() {
    /** @type {TableCell} */
    const cell = receiver(tables, this, 'Table', 'WebAssembly.Table.type()');
    return tableType(cell.element, tableSize(cell), cell.maximum === -1 ? undefined : cell.maximum);
  },
});

module.exports = { Table, createCell, tableCell, tableObject, tableSize };
