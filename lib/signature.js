/**
 * Value types as text. A signature has one letter a value, for parameters, `>`, results; reference types that have
 * no letter have their name there, such as `(ref func)` or `(ref null 3)`, where 3 is the number of a declared type
 * in this process: `iI>f`, `(ref null 3)i>`.
 */

import * as binding from './binding.js';
import { Map, MapGet, MapSet, Number, StringIncludes, StringIndexOf, StringSlice } from './primordials.js';

const LETTERS = 'iIfFvxaeXAE';
const NAMES = [
  'i32',
  'i64',
  'f32',
  'f64',
  'v128',
  'externref',
  'funcref',
  'exnref',
  'nullexternref',
  'nullfuncref',
  'nullexnref',
];

/** How many of them JavaScript can name. */
const NAMEABLE = 8;

/**
 * The letter of a value type that JavaScript names, undefined if there is no such type.
 * @param {string} name
 * @returns {string | undefined}
 */
function letterOf(name) {
  if (name === 'anyfunc') return 'a';
  for (let i = 0; i < NAMEABLE; i++) if (NAMES[i] === name) return LETTERS[i];
  return undefined;
}

/**
 * The name of a type of a signature.
 * @param {string} type
 * @returns {string}
 */
function typeName(type) {
  return type.length === 1 ? NAMES[StringIndexOf(LETTERS, type)] : type;
}

/**
 * Splits a signature into its types.
 * @param {string} signature
 * @returns {{ params: string[], results: string[] }}
 */
function parse(signature) {
  const params = [];
  const results = [];
  let list = params;
  for (let i = 0; i < signature.length; i++) {
    let type = signature[i];
    if (type === '>') {
      list = results;
      continue;
    }
    if (type === '(') {
      const end = StringIndexOf(signature, ')', i);
      type = StringSlice(signature, i, end + 1);
      i = end;
    }
    list[list.length] = type;
  }
  return { params, results };
}

/** Heap types in the order by which the engine numbers them. Each top of a hierarchy has its bottom behind it. */
const HEAP_TYPES = ['func', 'nofunc', 'extern', 'noextern', 'exn', 'noexn'];
const FUNC = 0;
const EXTERN = 2;
const EXN = 4;
/** First number of a declared type; all are of functions. */
const CONCRETE = 16;
/** First number of a reference type for the engine. */
const REFERENCE = 8;

/**
 * @typedef {object} ReferenceType
 * @property {boolean} nullable
 * @property {number} heap in `HEAP_TYPES`, or the number of a declared type and `CONCRETE`
 * @property {number} top its hierarchy: FUNC, EXTERN or EXN
 */

/** By name. @type {Map<string, ReferenceType>} */
const known = new Map();

function add(name, nullable, heap) {
  const type = { nullable, heap, top: heap < CONCRETE ? heap & ~1 : FUNC };
  MapSet(known, name, type);
  return type;
}

for (let heap = 0; heap < HEAP_TYPES.length; heap++) {
  const name = HEAP_TYPES[heap];
  add((heap & 1) === 0 ? `${name}ref` : `null${HEAP_TYPES[heap - 1]}ref`, true, heap);
  add(`(ref ${name})`, false, heap);
}

/**
 * The reference type of a name or letter; undefined if it is another type.
 * @param {string} type
 * @returns {ReferenceType | undefined}
 */
function referenceType(type) {
  const name = typeName(type);
  const found = MapGet(known, name);
  if (found !== undefined || name[0] !== '(') return found;
  const nullable = name[5] === 'n';
  const number = StringSlice(name, nullable ? 10 : 5, name.length - 1);
  return add(name, nullable, CONCRETE + Number(number));
}

/**
 * The number of a reference type for the engine.
 * @param {ReferenceType} type
 */
function referenceNumber({ nullable, heap }) {
  return REFERENCE + 2 * heap + (nullable ? 1 : 0);
}

/**
 * Whether a value type is a subtype of another.
 * @param {string} sub
 * @param {string} of
 */
function isSubtype(sub, of) {
  if (sub === of) return true;
  const a = referenceType(sub);
  const b = referenceType(of);
  if (a === undefined || b === undefined || a.top !== b.top || (a.nullable && !b.nullable)) return false;
  if (b.heap === b.top || a.heap === b.heap) return true;
  if (a.heap < CONCRETE) return a.heap !== a.top; // The bottom.
  return b.heap >= CONCRETE && binding.rare.isSubtype(a.heap - CONCRETE, b.heap - CONCRETE);
}

/**
 * Whether values of a type are exceptions or null, which JavaScript never sees.
 * @param {string} type
 */
function isException(type) {
  const reference = referenceType(type);
  return reference !== undefined && reference.top === EXN;
}

/**
 * Whether values of a type are functions or null.
 * @param {string} type
 */
function isFunctionType(type) {
  const reference = referenceType(type);
  return reference !== undefined && reference.top === FUNC;
}

/**
 * Whether a signature has functions among its values.
 * @param {string} signature
 */
function hasFunctions(signature) {
  if (StringIncludes(signature, 'a')) return true;
  if (!StringIncludes(signature, '(')) return false;
  const { params, results } = parse(signature);
  for (let i = 0; i < params.length; i++) if (isFunctionType(params[i])) return true;
  for (let i = 0; i < results.length; i++) if (isFunctionType(results[i])) return true;
  return false;
}

export {
  CONCRETE,
  EXN,
  EXTERN,
  FUNC,
  hasFunctions,
  isException,
  isFunctionType,
  isSubtype,
  letterOf,
  parse,
  referenceNumber,
  referenceType,
  typeName,
};
