/**
 * The two functions that a signature needs: the wrapper by which JavaScript calls a function of
 * wasm, and the thunk by which wasm calls one of JavaScript. Both are a handful of loads and stores
 * around the crossing, so their text is generated, once a signature; where code generation from
 * strings is not allowed, closures that interpret the signature take their place.
 *
 * Types are as in `lib/signature.js`: i (i32), I (i64), f (f32), F (f64), v (v128), x (externref), a (funcref), or
 * the name of another reference type.
 *
 * The order in both: convert all values into locals, which may run code of the user; then hold functions and take the
 * slots of external references, after which none may run (see `putFirst`); then store.
 */

import {
  BigIntAsIntN,
  EvalError,
  Function,
  Map,
  MapGet,
  MapSet,
  ObjectDefineProperty,
  ReflectApply,
  TypeError,
} from './primordials.js';

import { EXTERN, isException, isFunctionType, parse, referenceType } from './signature.js';
import { WRAPPERS } from './trace.js';
import { CALL, DEADLINES, DEPTH, DONE, DOUBLES, FUNCTION, OK, STATE, WORDS, f32, f64, i32, i64 } from './scratch.js';
import * as text from './texts.js';

/**
 * @typedef {object} Runtime what wrappers and thunks call
 * @property {() => void} enter
 * @property {() => void} resume
 * @property {(depth: number, cell: object) => boolean} slow
 * @property {() => any} takeThrown
 * @property {(error: any) => number} caught
 * @property {() => void} checkDeadlines
 * @property {any[]} refs
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

/** Where the value of slot `k` is, as text. */
function place(type, k) {
  switch (type) {
    case 'I':
      return `i64[${DOUBLES + k}]`;
    case 'F':
      return `f64[${DOUBLES + k}]`;
    case 'f':
      return `f32[${WORDS + 2 * k}]`;
    default:
      return `i32[${WORDS + 2 * k}]`;
  }
}

/** ToJSValue of slot `k`, as text. */
function reading(type, k) {
  if (isExtern(type)) return `refs[${place(type, k)}]`;
  if (isFunctionType(type)) return `functionObject(${place(type, k)}, cell)`;
  return place(type, k);
}

/** ToWebAssemblyValue of the expression `value`, as text. */
function converting(type, value) {
  switch (type) {
    case 'i':
      return `+${value} | 0`; // The plus makes a BigInt throw V8's text.
    case 'I':
      return `asIntN(64, ${value})`;
    case 'f':
    case 'F':
      return `+${value}`; // The store rounds an f32.
    default:
      return `functionRecord(${value})`;
  }
}

/** Whether a type stands for values of the host. */
function isExtern(type) {
  if (type === 'x') return true;
  const reference = referenceType(type);
  return reference !== undefined && reference.top === EXTERN;
}

/** Whether values of a reference type are no others than those of externref or funcref that pass a check. */
function isChecked(type) {
  return type !== 'x' && type !== 'a' && referenceType(type) !== undefined;
}

/** Statements that bring the values of the variables `p0`, `p1`... into slots. They change the variables. */
function storing(types) {
  let conversions = '';
  let functions = '';
  let references = '';
  let stores = '';
  for (let k = 0; k < types.length; k++) {
    const type = types[k];
    if (isChecked(type)) conversions += `checkReference(p${k}, '${type}');\n`;
    if (isExtern(type)) {
      references += `p${k} = ${references === '' ? 'putFirst' : 'put'}(p${k});\n`;
    } else {
      conversions += `p${k} = ${converting(type, `p${k}`)};\n`;
      if (isFunctionType(type)) functions += `p${k} = functionNumber(p${k}, cell);\n`;
    }
    stores += `${place(type, k)} = p${k};\n`;
  }
  return conversions + functions + references + stores;
}

/** Comma-separated texts. (Not `Array.prototype.join`, which a user may patch.) */
function commas(count, item) {
  let list = '';
  for (let k = 0; k < count; k++) list += (k === 0 ? '' : ', ') + item(k);
  return list;
}

/** An array of texts. */
function names(count, item) {
  const list = [];
  for (let k = 0; k < count; k++) list[k] = item(k);
  return list;
}

function wrapperText({ params, results }) {
  let parameters = '';
  for (let k = 0; k < params.length; k++) parameters += k === 0 ? 'p0' : `, p${k}`;
  const list = params.length === 0 ? '' : `, ${parameters}`;
  // All functions of a signature share `call` and `result`: so what V8 learns of them, and has for constant in them, holds
  // at a call site of many of them. A method is no constructor; its computed key gives it the name, which is an index:
  // with the first member V8 keeps the literal's elements in a dictionary, else it would make an array of that length.
  // The method throws, so that V8 has no more frames to look at, and in a loop: see `slow`.
  return `(() => {
const call = (cell, number${list}) => {
${storing(params)}i32[${FUNCTION}] = number;
enter();
return i32[${STATE}] !== ${DONE} && slow(i32[${DEPTH}], cell);
};
${several(results)}return (cell, number, name) => ({
4000000000: 0,
[name](${parameters}) {
if (call(cell, number${list})) for (var again = false; ; again = true) if (again) throw takeThrown();
${resulting(results)}},
})[name];
})()`;
}

/** A function that makes the list of several results. */
function several(results) {
  if (results.length < 2) return '';
  return `const result = (cell) => [${commas(results.length, (k) => reading(results[k], k))}];\n`;
}

/** The end of a wrapper. All that have one result of a type share what reads it, which V8 then need not compile again. */
function resulting(results) {
  if (results.length === 0) return '';
  if (results.length > 1) return 'return result(cell);\n';
  const [type] = results;
  if (isExtern(type)) return 'return readx(cell);\n';
  return `return read${isFunctionType(type) ? 'a' : type}(cell);\n`;
}

function thunkText({ params, results }) {
  const call = `func(${commas(params.length, (k) => reading(params[k], k))})`;
  let body;
  if (results.length === 0) body = `${call};`;
  else if (results.length === 1) body = `let p0 = ${call};\n${storing(results)}`;
  else {
    const list = commas(results.length, (k) => `p${k} = r[${k}]`);
    body = `const r = resultList(${call}, ${results.length});\nlet ${list};\n${storing(results)}`;
  }
  return `(func, cell) => {
    try {
      ${body}
      if (i32[${DEADLINES}] !== 0) checkDeadlines();
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
 * @param {{ k: number, types: { params: string[], results: string[] } }[]} imports
 */
function serveText(imports) {
  let thunks = '';
  let cases = '';
  for (let i = 0; i < imports.length; i++) {
    const { k, types } = imports[i];
    thunks += `const f${k} = hosts[${k}];\nconst t${k} = ${thunkText(types)};\n`;
    cases += `case ${k}:\nanswer = t${k}(f${k}, cell);\nbreak;\n`;
  }
  return `(cell, common) => {
    const { hosts, hostBase } = cell;
    ${thunks}
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
    readi: () => i32[WORDS],
    readI: () => i64[DOUBLES],
    readf: () => f32[WORDS],
    readF: () => f64[DOUBLES],
    readx: () => refs[i32[WORDS]],
    reada: (cell) => functionObject(i32[WORDS], cell),
  };
}

/**
 * Evaluates the texts of factories. All that a module needs at once cost a third of one by one.
 * @param {string[]} texts
 * @param {Runtime} environment the runtime and what reads results
 * @returns {Function[]}
 */
function evaluate(texts, environment) {
  const make = new Function(
    'runtime',
    `'use strict';
const { i32, f32, f64, i64, asIntN } = runtime;
const { enter, resume, slow, takeThrown, caught, checkDeadlines, refs, put, putFirst } = runtime;
const { functionRecord, functionNumber, checkReference, functionObject, resultList } = runtime;
const { readi, readI, readf, readF, readx, reada } = runtime;
return [${commas(texts.length, (k) => texts[k])}];\n//# sourceURL=${WRAPPERS}`,
  );
  return make({ __proto__: null, i32, f32, f64, i64, asIntN: BigIntAsIntN, ...environment });
}

/**
 * Both factories of a signature by interpretation.
 * @returns {{ wrapper: WrapperFactory, thunk: Thunk }}
 */
function interpret({ params, results }, runtime) {
  const {
    enter,
    slow,
    takeThrown,
    caught,
    checkDeadlines,
    refs,
    put,
    putFirst,
    functionRecord,
    functionNumber,
    checkReference,
    functionObject,
    resultList,
  } = runtime;

  const load = (types, cell) => {
    const values = [];
    for (let k = 0; k < types.length; k++) {
      const type = types[k];
      if (type === 'I') values[k] = i64[DOUBLES + k];
      else if (type === 'F') values[k] = f64[DOUBLES + k];
      else if (type === 'f') values[k] = f32[WORDS + 2 * k];
      else if (isExtern(type)) values[k] = refs[i32[WORDS + 2 * k]];
      else if (isFunctionType(type)) values[k] = functionObject(i32[WORDS + 2 * k], cell);
      else values[k] = i32[WORDS + 2 * k];
    }
    return values;
  };

  const store = (types, values, cell) => {
    const converted = [];
    for (let k = 0; k < types.length; k++) {
      const type = types[k];
      if (isChecked(type)) checkReference(values[k], type);
      if (type === 'i') converted[k] = +values[k] | 0;
      else if (type === 'I') converted[k] = BigIntAsIntN(64, values[k]);
      else if (type === 'f' || type === 'F') converted[k] = +values[k];
      else if (!isExtern(type)) converted[k] = functionRecord(values[k]);
    }
    let first = true;
    for (let k = 0; k < types.length; k++) {
      if (isFunctionType(types[k])) converted[k] = functionNumber(converted[k], cell);
      if (!isExtern(types[k])) continue;
      converted[k] = first ? putFirst(values[k]) : put(values[k]);
      first = false;
    }
    for (let k = 0; k < types.length; k++) {
      const type = types[k];
      if (type === 'I') i64[DOUBLES + k] = converted[k];
      else if (type === 'F') f64[DOUBLES + k] = converted[k];
      else if (type === 'f') f32[WORDS + 2 * k] = converted[k];
      else i32[WORDS + 2 * k] = converted[k];
    }
  };

  return {
    wrapper(cell, number, name) {
      const wrapper = {
        [name](...args) {
          store(params, args, cell);
          i32[FUNCTION] = number;
          enter();
          if (i32[STATE] !== DONE && slow(i32[DEPTH], cell)) throw takeThrown();
          const values = load(results, cell);
          return results.length > 1 ? values : values[0];
        },
      }[name];
      return ObjectDefineProperty(wrapper, 'length', { __proto__: null, value: params.length });
    },
    thunk(func, cell) {
      try {
        const result = ReflectApply(func, undefined, load(params, cell));
        if (results.length > 0) {
          store(results, results.length === 1 ? [result] : resultList(result, results.length), cell);
        }
        if (i32[DEADLINES] !== 0) checkDeadlines();
        return OK;
      } catch (error) {
        return caught(error);
      }
    },
  };
}

/** Whether a test holds for an item of a list. */
function some(list, test) {
  for (let k = 0; k < list.length; k++) if (test(list[k])) return true;
  return false;
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
          throw new TypeError(text.incompatible);
        },
      }[name];
      return ObjectDefineProperty(wrapper, 'length', { __proto__: null, value: params.length });
    },
    thunk: () => caught(new TypeError(text.incompatible)),
  };
}

/**
 * Returns the caches of factories that belong to `runtime`.
 * @param {Runtime} runtime
 */
function createFactories(runtime) {
  /** @type {Map<string, WrapperFactory>} */
  const wrappers = new Map();
  /** @type {Map<string, Thunk>} */
  const thunks = new Map();
  let mayGenerate = true;
  const environment = { ...runtime, ...readers(runtime) };

  /** Collects what is missing of a cache in `jobs`, or makes it if no text may be evaluated for it. */
  function request(jobs, cache, signatures, member, makeText) {
    const requested = new Map();
    for (let k = 0; k < signatures.length; k++) {
      const signature = signatures[k];
      // Thousands of functions may have the same.
      if (MapGet(cache, signature) !== undefined || MapGet(requested, signature) !== undefined) continue;
      MapSet(requested, signature, true);
      const types = parse(signature);
      if (some(types.params, cannotCross) || some(types.results, cannotCross))
        MapSet(cache, signature, refuse(types, runtime)[member]);
      else if (!mayGenerate) MapSet(cache, signature, interpret(types, runtime)[member]);
      else jobs[jobs.length] = { cache, signature, text: makeText(types) };
    }
  }

  /** Evaluates texts, if that is allowed. */
  function generate(texts) {
    try {
      return evaluate(texts, environment);
    } catch (error) {
      if (!(error instanceof EvalError)) throw error;
      mayGenerate = false; // Nor will it be allowed later.
      return undefined;
    }
  }

  /**
   * Makes all factories that a module needs.
   * @param {string[]} wrapperSignatures
   * @param {string[]} thunkSignatures
   */
  function prepare(wrapperSignatures, thunkSignatures) {
    /** @type {{ cache: Map<string, any>, signature: string, text: string }[]} */
    const jobs = [];
    request(jobs, wrappers, wrapperSignatures, 'wrapper', wrapperText);
    request(jobs, thunks, thunkSignatures, 'thunk', thunkText);
    if (jobs.length === 0) return;
    const made = generate(names(jobs.length, (k) => jobs[k].text));
    if (made === undefined) return prepare(wrapperSignatures, thunkSignatures);
    for (let k = 0; k < jobs.length; k++) MapSet(jobs[k].cache, jobs[k].signature, made[k]);
  }

  /** @type {(signature: string) => WrapperFactory} */
  function wrapperFactory(signature) {
    const known = MapGet(wrappers, signature);
    if (known !== undefined) return known;
    prepare([signature], []);
    return MapGet(wrappers, signature);
  }

  /** @type {(signature: string) => Thunk} */
  function thunkOf(signature) {
    const known = MapGet(thunks, signature);
    if (known !== undefined) return known;
    prepare([], [signature]);
    return MapGet(thunks, signature);
  }

  let serial = 0;

  /**
   * Serves an instance: some of its imports by code of its own, all others by `common`.
   * @param {import('./lifetime.js').InstanceCell} cell
   * @param {{ k: number, signature: string }[]} often
   * @param {Serve} common
   * @returns {Serve}
   */
  function createServe(cell, often, common) {
    const imports = [];
    for (let i = 0; i < often.length; i++) {
      const { k, signature } = often[i];
      const types = parse(signature);
      if (some(types.params, cannotCross) || some(types.results, cannotCross)) continue;
      imports[imports.length] = { k, types };
    }
    // Of equal texts V8 makes one function, whose places all instances would share.
    const made = mayGenerate ? generate([`/* ${serial++} */ ${serveText(imports)}`]) : undefined;
    return made === undefined ? common : made[0](cell, common);
  }

  return { createServe, prepare, thunkOf, wrapperFactory };
}

export { createFactories };
