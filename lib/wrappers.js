'use strict';

/**
 * The two functions that a signature needs: the wrapper by which JavaScript calls a function of
 * wasm, and the thunk by which wasm calls one of JavaScript. Both are a handful of loads and stores
 * around the crossing, so their text is generated, once a signature; where code generation from
 * strings is not allowed, closures that interpret the signature take their place.
 *
 * A signature has one letter a value: i (i32), I (i64), f (f32), F (f64), v (v128), x (externref),
 * a (funcref); parameters, `>`, results.
 *
 * The order in both: convert all values into locals, which may run code of the user; then take the
 * slots of external references, after which none may run (see `putFirst`); then store.
 */

const {
  BigIntAsIntN,
  Function,
  Map,
  MapGet,
  MapSet,
  ObjectDefineProperty,
  ReflectApply,
  StringIncludes,
  StringIndexOf,
  StringSlice,
  TypeError,
} = require('./primordials');
const { text } = require('./errors');
const { DEPTH, DONE, DOUBLES, FUNCTION, OK, STATE, WORDS, f32, f64, i32, i64 } = require('./scratch');

/**
 * @typedef {object} Runtime what wrappers and thunks call
 * @property {() => void} enter
 * @property {(depth: number, cell: object) => void} slow
 * @property {any[]} refs
 * @property {(value: any) => number} put
 * @property {(value: any) => number} putFirst
 * @property {(value: any, cell: object) => number} functionNumber
 * @property {(number: number, cell: object) => Function | null} functionObject
 * @property {(value: any, count: number) => any[]} resultList
 */

/**
 * @typedef {object} Factories
 * @property {(cell: object, number: number, name: string) => Function} wrapper
 * @property {(func: Function, cell: object) => () => void} thunk
 */

/** Splits a signature into the letters of its parameters and results. */
function parse(signature) {
  const arrow = StringIndexOf(signature, '>');
  return { params: StringSlice(signature, 0, arrow), results: StringSlice(signature, arrow + 1) };
}

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
  if (type === 'x') return `refs[${place(type, k)}]`;
  if (type === 'a') return `functionObject(${place(type, k)}, cell)`;
  return place(type, k);
}

/** ToWebAssemblyValue of the expression `value`, as text. */
function converting(type, value) {
  switch (type) {
    case 'i':
      return `+${value} | 0`; // The plus makes a BigInt throw V8's text.
    case 'I':
      return `asIntN(64, ${value})`;
    case 'a':
      return `functionNumber(${value}, cell)`;
    default:
      return `+${value}`; // The store rounds an f32.
  }
}

/** Statements that bring values, given as expressions, into slots by way of the locals `c0`, `c1`... */
function storing(types, values) {
  let conversions = '';
  let references = '';
  let stores = '';
  for (let k = 0; k < types.length; k++) {
    if (types[k] === 'x') {
      references += `const c${k} = ${references === '' ? 'putFirst' : 'put'}(${values[k]});\n`;
    } else {
      conversions += `const c${k} = ${converting(types[k], values[k])};\n`;
    }
    stores += `${place(types[k], k)} = c${k};\n`;
  }
  return conversions + references + stores;
}

/** Comma-separated texts. (Not `Array.prototype.join`, which a user may patch.) */
function commas(count, item) {
  let list = '';
  for (let k = 0; k < count; k++) list += (k === 0 ? '' : ', ') + item(k);
  return list;
}

/** Expressions for `count` values: `p0`, `p1`... or `r[0]`, `r[1]`... */
function names(count, item) {
  const list = [];
  for (let k = 0; k < count; k++) list[k] = item(k);
  return list;
}

function wrapperText({ params, results }) {
  const read = (k) => reading(results[k], k);
  let result = '';
  if (results.length === 1) result = `return ${read(0)};`;
  if (results.length > 1) result = `return [${commas(results.length, read)}];`;
  // A method is no constructor; its computed key gives it the name.
  return `(cell, number, name) => ({
    [name](${commas(params.length, (k) => `p${k}`)}) {
      ${storing(
        params,
        names(params.length, (k) => `p${k}`),
      )}
      i32[${FUNCTION}] = number;
      i32[${STATE}] = ${OK};
      enter();
      if (i32[${STATE}] !== ${DONE}) slow(i32[${DEPTH}], cell);
      ${result}
    },
  })[name]`;
}

function thunkText({ params, results }) {
  const call = `func(${commas(params.length, (k) => reading(params[k], k))})`;
  let body;
  if (results.length === 0) body = `${call};`;
  else if (results.length === 1) body = `const r = ${call};\n${storing(results, ['r'])}`;
  else {
    const values = names(results.length, (k) => `r[${k}]`);
    body = `const r = resultList(${call}, ${results.length});\n${storing(results, values)}`;
  }
  return `(func, cell) => () => {\n${body}\n}`;
}

/** @returns {Factories} */
function generate(types, runtime) {
  const { enter, slow, refs, put, putFirst, functionNumber, functionObject, resultList } = runtime;
  const make = new Function(
    'i32, f32, f64, i64, asIntN, enter, slow, refs, put, putFirst, functionNumber, functionObject, resultList',
    `'use strict';\nreturn { wrapper: ${wrapperText(types)}, thunk: ${thunkText(types)} };`,
  );
  return make(
    i32,
    f32,
    f64,
    i64,
    BigIntAsIntN,
    enter,
    slow,
    refs,
    put,
    putFirst,
    functionNumber,
    functionObject,
    resultList,
  );
}

/** The same by interpretation. @returns {Factories} */
function interpret({ params, results }, runtime) {
  const { enter, slow, refs, put, putFirst, functionNumber, functionObject, resultList } = runtime;

  const load = (types, cell) => {
    const values = [];
    for (let k = 0; k < types.length; k++) {
      const type = types[k];
      if (type === 'I') values[k] = i64[DOUBLES + k];
      else if (type === 'F') values[k] = f64[DOUBLES + k];
      else if (type === 'f') values[k] = f32[WORDS + 2 * k];
      else if (type === 'x') values[k] = refs[i32[WORDS + 2 * k]];
      else if (type === 'a') values[k] = functionObject(i32[WORDS + 2 * k], cell);
      else values[k] = i32[WORDS + 2 * k];
    }
    return values;
  };

  const store = (types, values, cell) => {
    const converted = [];
    for (let k = 0; k < types.length; k++) {
      const type = types[k];
      if (type === 'i') converted[k] = +values[k] | 0;
      else if (type === 'I') converted[k] = BigIntAsIntN(64, values[k]);
      else if (type === 'a') converted[k] = functionNumber(values[k], cell);
      else if (type !== 'x') converted[k] = +values[k];
    }
    let first = true;
    for (let k = 0; k < types.length; k++) {
      if (types[k] !== 'x') continue;
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
          i32[STATE] = OK;
          enter();
          if (i32[STATE] !== DONE) slow(i32[DEPTH], cell);
          const values = load(results, cell);
          return results.length > 1 ? values : values[0];
        },
      }[name];
      return ObjectDefineProperty(wrapper, 'length', { __proto__: null, value: params.length });
    },
    thunk(func, cell) {
      return () => {
        const result = ReflectApply(func, undefined, load(params, cell));
        if (results.length > 0) {
          store(results, results.length === 1 ? [result] : resultList(result, results.length), cell);
        }
      };
    },
  };
}

/** A vector cannot cross: calls throw before anything else happens. @returns {Factories} */
function refuse({ params }) {
  const fail = () => {
    throw new TypeError(text.incompatible);
  };
  return {
    wrapper(cell, number, name) {
      const wrapper = {
        [name]() {
          fail();
        },
      }[name];
      return ObjectDefineProperty(wrapper, 'length', { __proto__: null, value: params.length });
    },
    thunk: () => fail,
  };
}

/**
 * Returns the cache of factories that belongs to `runtime`.
 * @param {Runtime} runtime
 * @returns {(signature: string) => Factories}
 */
function createFactories(runtime) {
  const cache = new Map();
  let mayGenerate = true;
  return (signature) => {
    let factories = MapGet(cache, signature);
    if (factories !== undefined) return factories;
    const types = parse(signature);
    if (StringIncludes(signature, 'v')) {
      factories = refuse(types);
    } else {
      if (mayGenerate) {
        try {
          factories = generate(types, runtime);
        } catch {
          mayGenerate = false; // An EvalError: it will not be allowed later either.
        }
      }
      if (factories === undefined) factories = interpret(types, runtime);
    }
    MapSet(cache, signature, factories);
    return factories;
  };
}

module.exports = { createFactories };
