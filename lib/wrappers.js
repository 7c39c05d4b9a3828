/**
 * The two functions that a signature needs: the wrapper by which JavaScript calls a function of
 * wasm, and the thunk by which wasm calls one of JavaScript. Both are a handful of loads and stores
 * around the crossing.
 *
 * Their text knows how many values there are, and not their types: what it does with each of them it is given. So V8 compiles
 * a text once for all signatures of that shape. It runs anew for each (`lib/script.js`), and what V8 learns it keeps with the
 * functions of one run, so it has the types for constant there, and the functions in place of their calls.
 *
 * Types are as in `lib/signature.js`: i (i32), I (i64), f (f32), F (f64), v (v128), x (externref), a (funcref), or
 * the name of another reference type.
 *
 * The order in both: convert all values into locals, which may run code of the user; then hold functions and take the
 * slots of external references, after which none may run (see `putFirst`); then store.
 */

import { BigIntAsIntN, Map, MapGet, MapSet, ObjectDefineProperty, ReflectApply, TypeError } from './primordials.js';

import { EXTERN, isException, isFunctionType, parse, referenceType } from './signature.js';
import { run, runOnce } from './script.js';
import { CALL, DEADLINES, DEPTH, DONE, DOUBLES, FUNCTION, OK, STATE, WORDS, f32, f64, i32, i64 } from './scratch.js';
import { text } from './texts.js';

/**
 * @typedef {object} Runtime what wrappers and thunks call
 * @property {() => void} enter
 * @property {() => void} resume
 * @property {(depth: number, cell: object) => boolean} slow
 * @property {() => any} takeThrown
 * @property {(error: any) => number} caught
 * @property {() => void} checkDeadlines
 * @property {any[]} refs
 * @property {(slot: number) => any} reference the value in a slot of them
 * @property {(value: any) => number} put
 * @property {(value: any) => number} putFirst
 * @property {(value: any) => any} functionRecord
 * @property {(record: any, cell: object) => number} functionNumber
 * @property {(value: any, type: string) => void} checkReference
 * @property {(number: number, cell: object) => Function | null} functionObject
 * @property {(value: any, count: number) => any[]} resultList
 */

/**
 * Makes the exported function of a number: one a signature.
 * @typedef {(cell: object, number: number, name: string) => Function} WrapperFactory
 */

/**
 * What runs when wasm calls an import: one a signature, so that V8 has it in place of the call whatever is imported. It
 * catches, too, and returns the state in which the guest goes on: V8 would keep one that only throws in its interpreter.
 * @typedef {(func: Function, cell: object) => number} Thunk
 */

/**
 * Has a host function called that the guest wants, and resumes the guest.
 * @typedef {(depth: number, cell: any) => void} Serve
 */

/** How the text converts a value: to 32 bits, to a float, or by a function that it is given. */
const INTEGER = 0;
const FLOAT = 1;
const OTHER = 2;

/** Whether a type stands for values of the host. */
function isExtern(type) {
  if (type === 'x') return true;
  const reference = referenceType(type);
  return reference !== undefined && reference.top === EXTERN;
}

function isReference(type) {
  return referenceType(type) !== undefined;
}

/** Whether values of a reference type are no others than those of externref or funcref that pass a check. */
function isChecked(type) {
  return type !== 'x' && type !== 'a' && isReference(type);
}

/** Whether a test holds for an item of a list. */
function some(list, test) {
  for (let k = 0; k < list.length; k++) if (test(list[k])) return true;
  return false;
}

const same = (value) => value;
const toBigInt = (value) => BigIntAsIntN(64, value);

/** The array in which values of a type are. */
function arrayOf(type) {
  if (type === 'I') return i64;
  if (type === 'F') return f64;
  return type === 'f' ? f32 : i32;
}

/** The place of slot `k` in it. */
function placeOf(type, k) {
  return type === 'I' || type === 'F' ? DOUBLES + k : WORDS + 2 * k;
}

/** Comma-separated texts. (Not `Array.prototype.join`, which a user may patch.) */
function commas(count, item) {
  let list = '';
  for (let k = 0; k < count; k++) list += (k === 0 ? '' : ', ') + item(k);
  return list;
}

/** Names of parameters for each of some values. */
function parameters(count, names) {
  let list = '';
  for (let k = 0; k < count; k++) for (let i = 0; i < names.length; i++) list += `, ${names[i]}${k}`;
  return list;
}

/** Statements that bring the values of the variables `p0`, `p1`... into slots. They change the variables. */
function storing(count, hasReferences) {
  let conversions = '';
  let references = '';
  let stores = '';
  for (let k = 0; k < count; k++) {
    conversions += `p${k} = t${k} === ${INTEGER} ? +p${k} | 0 : t${k} === ${FLOAT} ? +p${k} : c${k}(p${k});\n`;
    if (hasReferences) references += `p${k} = h${k}(p${k}, cell);\n`;
    stores += `a${k}[s${k}] = p${k};\n`;
  }
  return conversions + references + stores;
}

/** The parameters of a text that stores. */
const STORING = 'tchas';

/** Adds what they are. */
function addStoring(values, types, { functionRecord, functionNumber, checkReference, put, putFirst }) {
  let place = putFirst;
  for (let k = 0; k < types.length; k++) {
    const type = types[k];
    let kind = OTHER;
    let convert = same;
    let hold = same;
    if (type === 'i')
      kind = INTEGER; // The plus makes a BigInt throw V8's text.
    else if (type === 'f' || type === 'F')
      kind = FLOAT; // The store rounds an f32.
    else if (type === 'I') convert = toBigInt;
    else if (isExtern(type)) {
      hold = place;
      place = put;
    } else {
      convert = functionRecord;
      hold = functionNumber;
    }
    const checked = convert;
    if (isChecked(type)) {
      convert = (value) => {
        checkReference(value, type);
        return checked(value);
      };
    }
    push(values, kind, convert, hold, arrayOf(type), placeOf(type, k));
  }
}

/** Expressions for the values of slots. */
function reading(count, hasReferences) {
  return commas(count, (k) => (hasReferences ? `g${k}(b${k}[j${k}], cell)` : `b${k}[j${k}]`));
}

/** The parameters of a text that reads. */
const READING = 'gbj';

/** Adds what they are. */
function addReading(values, types, { reference, functionObject }) {
  for (let k = 0; k < types.length; k++) {
    const type = types[k];
    const get = isExtern(type) ? reference : isFunctionType(type) ? functionObject : same;
    push(values, get, arrayOf(type), placeOf(type, k));
  }
}

function push(list, ...items) {
  for (let k = 0; k < items.length; k++) list[list.length] = items[k];
}

function wrapperText(count, hasReferences) {
  const list = count === 0 ? '' : `, ${commas(count, (k) => `p${k}`)}`;
  // All functions of a signature share `call`: so what V8 learns of it, and has for constant in it, holds at a call site of
  // many of them. A method is no constructor; its computed key gives it the name, which is an index: with the first member
  // V8 keeps the literal's elements in a dictionary, else it would make an array of that length.
  // The method throws, so that V8 has no more frames to look at, and in a loop: see `slow`.
  return `(i32, enter, slow, takeThrown, read${parameters(count, STORING)}) => {
const call = (cell, number${list}) => {
${storing(count, hasReferences)}i32[${FUNCTION}] = number;
enter();
return i32[${STATE}] !== ${DONE} && slow(i32[${DEPTH}], cell);
};
return (cell, number, name) => ({
4000000000: 0,
[name](${commas(count, (k) => `p${k}`)}) {
if (call(cell, number${list})) for (var again = false; ; again = true) if (again) throw takeThrown();
return read(cell);
},
})[name];
}`;
}

/** The text of what makes the list of several results. */
function resultsText(count, hasReferences) {
  return `(_${parameters(count, READING)}) => (cell) => [${reading(count, hasReferences)}]`;
}

function thunkText(params, results, hasReferences) {
  const call = `func(${reading(params, hasReferences)})`;
  let body = `${call};`;
  if (results === 1) body = `let p0 = ${call};`;
  if (results > 1) {
    const list = commas(results, (k) => `p${k} = r[${k}]`);
    body = `const r = resultList(${call}, ${results});\nlet ${list};`;
  }
  return `(i32, resultList, checkDeadlines, caught${parameters(params, READING)}${parameters(results, STORING)}) =>
(func, cell) => {
try {
${body}
${storing(results, hasReferences)}if (i32[${DEADLINES}] !== 0) checkDeadlines();
return ${OK};
} catch (error) {
return caught(error);
}
}`;
}

/**
 * What serves an instance. Each of these imports has a thunk for itself, so that what V8 learns there is of one function:
 * then it has that in place of its call, and all for constant that is. `call` is apart, since a function in whose loop V8
 * comes to replace it has no such constants.
 * @param {number[]} imports
 */
function serveText(imports) {
  let constants = '';
  let cases = '';
  for (let i = 0; i < imports.length; i++) {
    const k = imports[i];
    constants += `const f${k} = hosts[${k}];\nconst t${k} = thunks[${i}];\n`;
    cases += `case ${k}:\nanswer = t${k}(f${k}, cell);\nbreak;\n`;
  }
  return `(i32, resume, cell, thunks, common) => {
const { hosts, hostBase } = cell;
${constants}
const call = (depth) => {
let answer;
switch (i32[${FUNCTION}] - hostBase) {
${cases}
default:
return common(depth, cell);
}
i32[${DEPTH}] = depth;
i32[${STATE}] = answer;
resume();
};
const serve = (depth) => {
do call(depth);
while (i32[${STATE}] === ${CALL} && cell.serve === serve);
};
return serve;
}`;
}

/** What reads the only result of a function, by its type. */
function readers({ refs, functionObject }) {
  return {
    i: () => i32[WORDS],
    I: () => i64[DOUBLES],
    f: () => f32[WORDS],
    F: () => f64[DOUBLES],
    x: () => refs[i32[WORDS]],
    a: (cell) => functionObject(i32[WORDS], cell),
  };
}

/**
 * Both factories of a signature by interpretation.
 * @returns {{ wrapper: WrapperFactory, thunk: Thunk }}
 */
function interpret({ params, results }, runtime) {
  const { enter, slow, takeThrown, caught, checkDeadlines, resultList } = runtime;

  const loader = (types) => {
    const steps = [];
    addReading(steps, types, runtime);
    return (cell) => {
      const values = [];
      for (let k = 0; k < types.length; k++) {
        const get = steps[3 * k];
        values[k] = get(steps[3 * k + 1][steps[3 * k + 2]], cell);
      }
      return values;
    };
  };

  const storer = (types) => {
    const steps = [];
    addStoring(steps, types, runtime);
    return (given, cell) => {
      const values = [];
      for (let k = 0; k < types.length; k++) {
        const kind = steps[5 * k];
        const convert = steps[5 * k + 1];
        values[k] = kind === INTEGER ? +given[k] | 0 : kind === FLOAT ? +given[k] : convert(given[k]);
      }
      for (let k = 0; k < types.length; k++) {
        const hold = steps[5 * k + 2];
        values[k] = hold(values[k], cell);
      }
      for (let k = 0; k < types.length; k++) steps[5 * k + 3][steps[5 * k + 4]] = values[k];
    };
  };

  const loadParams = loader(params);
  const loadResults = loader(results);
  const storeParams = storer(params);
  const storeResults = storer(results);

  return {
    wrapper(cell, number, name) {
      const wrapper = {
        [name](...args) {
          storeParams(args, cell);
          i32[FUNCTION] = number;
          enter();
          if (i32[STATE] !== DONE && slow(i32[DEPTH], cell)) throw takeThrown();
          const values = loadResults(cell);
          return results.length > 1 ? values : values[0];
        },
      }[name];
      return ObjectDefineProperty(wrapper, 'length', { __proto__: null, value: params.length });
    },
    thunk(func, cell) {
      try {
        const result = ReflectApply(func, undefined, loadParams(cell));
        if (results.length > 0) {
          storeResults(results.length === 1 ? [result] : resultList(result, results.length), cell);
        }
        if (i32[DEADLINES] !== 0) checkDeadlines();
        return OK;
      } catch (error) {
        return caught(error);
      }
    },
  };
}

function cannotCross(type) {
  return type === 'v' || isException(type);
}

/**
 * A vector or a reference to an exception cannot cross: calls throw before anything else happens.
 * @returns {{ wrapper: WrapperFactory, thunk: Thunk }}
 */
function refuse({ params }, { caught }) {
  return {
    wrapper(cell, number, name) {
      const wrapper = {
        [name]() {
          throw new TypeError(text().incompatible);
        },
      }[name];
      return ObjectDefineProperty(wrapper, 'length', { __proto__: null, value: params.length });
    },
    thunk: () => caught(new TypeError(text().incompatible)),
  };
}

/**
 * Returns what makes wrappers and thunks that belong to `runtime`.
 * @param {Runtime} runtime
 */
function createFactories(runtime) {
  /** @type {Map<string, WrapperFactory>} */
  const wrappers = new Map();
  /** @type {Map<string, Thunk>} */
  const thunks = new Map();
  const readersOf = readers(runtime);
  const none = () => undefined;

  /** What a wrapper returns. */
  function reader(types) {
    if (types.length === 0) return none;
    if (types.length > 1) {
      const hasReferences = some(types, isReference);
      const values = [undefined];
      addReading(values, types, runtime);
      return run(`results ${types.length} ${hasReferences}`, () => resultsText(types.length, hasReferences), values);
    }
    const [type] = types;
    return readersOf[isExtern(type) ? 'x' : isFunctionType(type) ? 'a' : type];
  }

  /** @returns {WrapperFactory} */
  function createWrapper({ params, results }) {
    const { enter, slow, takeThrown } = runtime;
    const hasReferences = some(params, isReference);
    const values = [i32, enter, slow, takeThrown, reader(results)];
    addStoring(values, params, runtime);
    return run(`wrapper ${params.length} ${hasReferences}`, () => wrapperText(params.length, hasReferences), values);
  }

  /** @returns {Thunk} */
  function createThunk({ params, results }) {
    const { resultList, checkDeadlines, caught } = runtime;
    const hasReferences = some(params, isReference) || some(results, isReference);
    const values = [i32, resultList, checkDeadlines, caught];
    addReading(values, params, runtime);
    addStoring(values, results, runtime);
    const makeText = () => thunkText(params.length, results.length, hasReferences);
    return run(`thunk ${params.length} ${results.length} ${hasReferences}`, makeText, values);
  }

  /** Makes the wrapper or thunk of a signature. */
  function create(signature, member, make) {
    const types = parse(signature);
    if (some(types.params, cannotCross) || some(types.results, cannotCross)) return refuse(types, runtime)[member];
    const made = make(types);
    return made === undefined ? interpret(types, runtime)[member] : made;
  }

  /** @type {(signature: string) => WrapperFactory} */
  function wrapperFactory(signature) {
    const known = MapGet(wrappers, signature);
    if (known !== undefined) return known;
    const made = create(signature, 'wrapper', createWrapper);
    MapSet(wrappers, signature, made);
    return made;
  }

  /** @type {(signature: string) => Thunk} */
  function thunkOf(signature) {
    const known = MapGet(thunks, signature);
    if (known !== undefined) return known;
    const made = create(signature, 'thunk', createThunk);
    MapSet(thunks, signature, made);
    return made;
  }

  /**
   * Serves an instance: some of its imports by code of its own, all others by `common`.
   * @param {import('./lifetime.js').InstanceCell} cell
   * @param {{ k: number, signature: string }[]} often
   * @param {Serve} common
   * @returns {Serve}
   */
  function createServe(cell, often, common) {
    const imports = [];
    const own = [];
    for (let i = 0; i < often.length; i++) {
      imports[i] = often[i].k;
      own[i] = create(often[i].signature, 'thunk', createThunk);
    }
    const made = runOnce(serveText(imports), [i32, runtime.resume, cell, own, common]);
    return made === undefined ? common : made;
  }

  return { createServe, thunkOf, wrapperFactory };
}

export { createFactories };
