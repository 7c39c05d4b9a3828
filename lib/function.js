'use strict';

/** Exported Functions, and the loop that does in JavaScript what a running guest asks for. */

const binding = require('./binding');
const { STACK_OVERFLOW, text, trapError } = require('./errors');
const { hold } = require('./lifetime');
const {
  Error,
  MapGet,
  MapSet,
  ObjectSetPrototypeOf,
  ReflectApply,
  String,
  StringIncludes,
  SymbolIterator,
  TypeError,
  setImmediate,
} = require('./primordials');
const { checkDeadlines } = require('./interrupt');
const { put, putFirst, refs } = require('./references');
const { CALL, CODE, DEADLINES, DEPTH, DONE, FUNCTION, OK, RETHROW, STATE, THREW, TRAP, i32 } = require('./scratch');
const { functionPrototype } = require('./types');
const { createBrand, isObject } = require('./webidl');
const { createFactories } = require('./wrappers');

/** @typedef {import('./lifetime').InstanceCell} InstanceCell */
/** @typedef {import('./lifetime').FunctionRecord} FunctionRecord */
/** @typedef {import('./lifetime').Holder} Holder */

const { enter, resume } = binding;

/** Marks Exported Functions. */
const records = createBrand();

/**
 * The record of an Exported Function, undefined for any other value.
 * @type {(value: unknown) => FunctionRecord | undefined}
 */
const functionRecord = records.get;

let reclaiming = false;

/** After an overflow, lets the engine discard abandoned activations once the thread is idle. */
function scheduleReclaim() {
  if (reclaiming) return;
  reclaiming = true;
  setImmediate(() => {
    reclaiming = false;
    binding.reclaim();
  }).unref();
}

/**
 * Serves an activation that did not simply end. `depth` names it: every resume says which
 * activation it means, so the engine can discard any that were abandoned above it.
 * @param {number} depth
 * @param {InstanceCell} cell of the function that was called
 */
function slow(depth, cell) {
  const { thunks, hostBase } = cell;
  let thrown;
  for (;;) {
    switch (i32[STATE]) {
      case DONE:
        return;
      case CALL: {
        const host = i32[FUNCTION];
        const k = host - hostBase;
        try {
          if (k >>> 0 < thunks.length) thunks[k]();
          else callForeign(host);
          if (i32[DEADLINES] !== 0) checkDeadlines();
        } catch (error) {
          thrown = error;
          i32[DEPTH] = depth;
          i32[STATE] = THREW;
          resume();
          continue;
        }
        i32[DEPTH] = depth;
        i32[STATE] = OK;
        resume();
        continue;
      }
      case TRAP: {
        const code = i32[CODE];
        if (code === STACK_OVERFLOW) scheduleReclaim();
        throw trapError(code, slow);
      }
      case RETHROW:
        throw thrown;
      default:
        throw new Error(text.internal(`state ${i32[STATE]}`));
    }
  }
}

/** Calls a host function of another instance than the one that was entered. */
function callForeign(host) {
  const cell = binding.hostCell(host);
  if (cell === undefined) throw new Error(text.internal(`host function ${host} has no instance`));
  cell.thunks[host - cell.hostBase]();
}

/**
 * The Exported Function of a number.
 * @param {number} number 0 is null
 * @param {{ functions?: Map<number, Function> }} [cell] where it is likely to be known
 * @returns {Function | null}
 */
function functionObject(number, cell) {
  if (number === 0) return null;
  const known = cell && cell.functions && MapGet(cell.functions, number);
  if (known !== undefined) return known;
  const owner = binding.functionCell(number);
  if (owner === undefined) throw new Error(text.internal(`function ${number} has no instance`));
  return (
    MapGet(owner.functions, number) ||
    createFunction(owner, number, binding.functionIndex(number), binding.functionSignature(number))
  );
}

/**
 * The steps of "a new Exported Function" after it was not found in the cache: the `functions` of
 * its instance's cell.
 * @param {InstanceCell} cell
 * @param {number} number
 * @param {number} index in its module, the function's name
 * @param {string} signature
 * @returns {Function}
 */
function createFunction(cell, number, index, signature) {
  const func = ObjectSetPrototypeOf(wrapperFactory(signature)(cell, number, `${index}`), functionPrototype);
  records.set(func, { number, cell, signature, takesFunctions: StringIncludes(signature, 'a') });
  MapSet(cell.functions, number, func);
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
  const record = functionRecord(value);
  if (record === undefined) return -1;
  hold(holder, record);
  return record.number;
}

/** The same for parameters of exported functions and results of imported ones. */
function crossingNumber(value, cell) {
  const number = functionNumber(value, cell);
  if (number < 0) throw new TypeError(text.incompatible);
  return number;
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
  if (typeof method !== 'function') throw new TypeError(text.notIterable(describe(value)));
  // 3. GetIteratorFromMethod, IteratorToList.
  const iterator = ReflectApply(method, value, []);
  if (!isObject(iterator)) throw new TypeError(text.notObject);
  const { next } = /** @type {any} */ (iterator);
  if (typeof next !== 'function') throw new TypeError(text.notFunction(describe(next)));
  const values = [];
  for (;;) {
    const item = ReflectApply(next, iterator, []);
    if (!isObject(item)) throw new TypeError(text.notResult(String(item)));
    if (/** @type {any} */ (item).done) break;
    values[values.length] = /** @type {any} */ (item).value;
  }
  // 4.-5.
  if (values.length !== count) throw new TypeError(text.resultCount);
  return values;
}

/** A value in an error's text: its type, and itself if it is a simple one. */
function describe(value) {
  if (value === null) return 'object null';
  const type = typeof value;
  return type === 'number' || type === 'boolean' ? `${type} ${value}` : type;
}

const { prepare, thunkFactory, wrapperFactory } = createFactories({
  enter,
  slow,
  refs,
  put,
  putFirst,
  functionNumber: crossingNumber,
  functionObject,
  resultList,
});

/**
 * The steps of "create a host function": what runs when wasm calls an import that is `func`.
 * @param {Function} func
 * @param {string} signature
 * @param {InstanceCell} cell
 * @returns {() => void}
 */
function createThunk(func, signature, cell) {
  return thunkFactory(signature)(func, cell);
}

module.exports = { createFunction, createThunk, functionNumber, functionObject, functionRecord, prepare };
