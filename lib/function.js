/** Exported Functions and host functions. */

import * as binding from './binding.js';

import { caught, slow, takeThrown } from './activation.js';
import { checkDeadlines } from './interrupt.js';
import { hold } from './lifetime.js';
import {
  Error,
  Map,
  MapGet,
  MapSet,
  ObjectSetPrototypeOf,
  ReflectApply,
  ReflectOwnKeys,
  String,
  SymbolIterator,
  TypeError,
} from './primordials.js';
import { put, putFirst, refs } from './references.js';
import { CONCRETE, EXN, EXTERN, FUNC, hasFunctions, referenceType } from './signature.js';
import { functionPrototype } from './types.js';
import { Brand, isObject } from './webidl.js';
import { createFactories } from './wrappers.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').InstanceCell} InstanceCell */
/** @typedef {import('./lifetime.js').FunctionRecord} FunctionRecord */
/** @typedef {import('./lifetime.js').Holder} Holder */
/** @typedef {import('./signature.js').ReferenceType} ReferenceType */

/** Marks Exported Functions. */
class records extends Brand {
  /** @type {FunctionRecord} */
  #record;

  constructor(object, record) {
    super(object);
    this.#record = record;
  }

  /** @returns {FunctionRecord | undefined} */
  static get(value) {
    return isObject(value) && #record in value ? value.#record : undefined;
  }

  /** @returns {FunctionRecord | undefined} */
  static expect(value) {
    try {
      return value.#record;
    } catch {
      return undefined;
    }
  }
}

/**
 * The record of an Exported Function, undefined for any other value.
 * @type {(value: unknown) => FunctionRecord | undefined}
 */
const functionRecord = records.get;

/**
 * The cache of the Exported Functions of an instance, by number. Most instances are never asked for one: until then their
 * exports, and what they import, are all that there is.
 * @param {InstanceCell} cell
 * @returns {Map<number, Function>}
 */
function functionsOf(cell) {
  if (cell.functions !== null) return cell.functions;
  const functions = (cell.functions = new Map());
  const note = (value) => {
    const record = functionRecord(value);
    if (record !== undefined) MapSet(functions, record.number, value);
  };
  for (let k = 0; k < cell.hosts.length; k++) note(cell.hosts[k]);
  if (cell.exports === null) return functions;
  const names = ReflectOwnKeys(cell.exports);
  for (let k = 0; k < names.length; k++) note(cell.exports[names[k]]);
  return functions;
}

/**
 * The Exported Function of a number.
 * @param {number} number 0 is null
 * @param {InstanceCell} [cell] where it is likely to be known
 * @returns {Function | null}
 */
function functionObject(number, cell) {
  if (number === 0) return null;
  const known = cell && MapGet(functionsOf(cell), number);
  if (known !== undefined) return known;
  const owner = binding.functionCell(number);
  if (owner === undefined) throw new Error(text().internal(`function ${number} has no instance`));
  const functions = functionsOf(owner);
  const found = MapGet(functions, number);
  if (found !== undefined) return found;
  const func = createFunction(
    owner,
    number,
    binding.functionIndex(number),
    binding.functionSignature(number),
    binding.functionType(number),
  );
  MapSet(functions, number, func);
  return func;
}

/**
 * The steps of "a new Exported Function" after it was not found in the cache.
 * @param {InstanceCell} cell
 * @param {number} number
 * @param {number} index in its module, the function's name
 * @param {string} signature
 * @param {number} type number of its type in this process
 * @returns {Function}
 */
function createFunction(cell, number, index, signature, type) {
  const func = ObjectSetPrototypeOf(wrapperFactory(signature)(cell, number, `${index}`), functionPrototype);
  records.set(func, { number, cell, signature, type, takesFunctions: hasFunctions(signature) });
  return func;
}

/**
 * ToWebAssemblyValue for funcref: the number of a function, or -1 if `value` is neither null nor an
 * Exported Function.
 * @param {any} value
 * @param {Holder} holder the cell of what gets the function
 * @returns {number}
 */
function functionNumber(value, holder) {
  if (value === null) return 0;
  const record = records.expect(value);
  if (record === undefined) return -1;
  hold(holder, record);
  return record.number;
}

/**
 * The same for parameters of exported functions and results of imported ones, in two steps: the second one is for
 * when no code of the user runs any more, which could have the edge taken back.
 * @param {any} value
 * @returns {FunctionRecord | null}
 */
function crossingRecord(value) {
  if (value === null) return null;
  const record = records.expect(value);
  if (record === undefined) throw new TypeError(text().incompatible);
  return record;
}

/**
 * @param {FunctionRecord | null} record
 * @param {InstanceCell} cell
 */
function crossingNumber(record, cell) {
  if (record === null) return 0;
  hold(cell, record);
  return record.number;
}

/**
 * What forbids ToWebAssemblyValue for a reference type; undefined if nothing does.
 * @param {any} value
 * @param {ReferenceType} type
 * @returns {string | undefined}
 */
function referenceProblem(value, { nullable, heap, top }) {
  const isBottom = heap < CONCRETE && heap !== top;
  if (top === EXN) {
    if (isBottom && value !== null) return text().onlyNull;
    return text().exception(value === null && nullable ? (isBottom ? 'null noexn' : 'null exn') : 'exn');
  }
  if (value === null && nullable) return undefined;
  if (isBottom) return text().onlyNull;
  if (top === EXTERN) return value === null ? text().notNull('extern') : undefined;
  const record = functionRecord(value);
  if (heap === FUNC) return record === undefined ? text().functionRequired : undefined;
  if (record === undefined) return text().typedFunctionRequired;
  const wanted = heap - CONCRETE;
  return record.type === wanted || binding.rare.isSubtype(record.type, wanted) ? undefined : text().subtypeRequired;
}

/**
 * Throws unless a parameter of an exported function or a result of an imported one may be `value`.
 * @param {any} value
 * @param {string} type
 */
function checkReference(value, type) {
  const reference = /** @type {ReferenceType} */ (referenceType(type));
  if (referenceProblem(value, reference) !== undefined) throw new TypeError(text().incompatible);
}

/**
 * The results of a host function that has several.
 * @param {any} value
 * @param {number} count
 * @returns {any[]}
 */
function resultList(value, count) {
  // 1.-2. GetMethod, once: for-of after a check would read it twice.
  const method = value === undefined || value === null ? undefined : value[SymbolIterator];
  if (typeof method !== 'function') throw new TypeError(text().notIterable(describe(value)));
  // 3. GetIteratorFromMethod, IteratorToList.
  const iterator = ReflectApply(method, value, []);
  if (!isObject(iterator)) throw new TypeError(text().notObject);
  const { next } = /** @type {any} */ (iterator);
  if (typeof next !== 'function') throw new TypeError(text().notFunction(describe(next)));
  const values = [];
  for (;;) {
    const item = ReflectApply(next, iterator, []);
    if (!isObject(item)) throw new TypeError(text().notResult(String(item)));
    if (/** @type {any} */ (item).done) break;
    values[values.length] = /** @type {any} */ (item).value;
  }
  // 4.-5.
  if (values.length !== count) throw new TypeError(text().resultCount);
  return values;
}

/** A value in an error's text: its type, and itself if it is a simple one. */
function describe(value) {
  if (value === null) return 'object null';
  const type = typeof value;
  return type === 'number' || type === 'boolean' ? `${type} ${value}` : type;
}

const { createServe, thunkOf, wrapperFactory } = createFactories({
  enter: binding.enter,
  resume: binding.resume,
  slow,
  takeThrown,
  caught,
  checkDeadlines,
  refs,
  reference: (slot) => refs[slot],
  put,
  putFirst,
  functionRecord: crossingRecord,
  functionNumber: crossingNumber,
  checkReference,
  functionObject,
  resultList,
});

export { createFunction, createServe, functionNumber, functionObject, functionRecord, referenceProblem, thunkOf };
