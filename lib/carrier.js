/**
 * Structured clones. Whether an object can be cloned, and what arrives on the other side, is decided
 * by V8 from what the object *is*; nobody can have a say in it for objects of one's own. So objects
 * of wrt are objects of V8 whose prototype was replaced, the internal state comes on top as a brand:
 *
 * - A Module is a module of V8's, the *carrier*: without code, with a custom section that has the
 *   bytes of wrt's module and a number by which the process finds the compiled one. V8 sends it
 *   wherever it sends modules of its own. What arrives has the prototype of V8's modules until
 *   something of wrt sees it, which gives it a Module's state and prototype.
 * - A shared Memory is a shared memory of V8's, see `lib/shared.js`.
 * - Another Memory, a Table, Global or Instance is an array iterator, which V8 refuses to clone. (An object
 *   with no more than a brand would arrive as `{}`.)
 */

import * as binding from './binding.js';
import {
  ArrayPrototypeValues,
  FunctionPrototypeHasInstance,
  FunctionPrototypeToString,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  StringIncludes,
  SymbolHasInstance,
  Uint8Array,
  isProxy,
} from './primordials.js';

/** Name of the section in a carrier. */
const SECTION = 'wrt';

const NOTHING = [];

/** Rounds of a loop after which V8 looks at a function again. */
const ROUNDS = 500;

/**
 * A class of V8's, undefined where V8 has none (`--jitless`). Another copy of wrt, or a proxy of somebody who
 * watches what is compiled, may stand in its place on globalThis; the true one is then that of a new realm.
 * @param {string} name
 * @returns {any}
 */
function nativeClass(name) {
  const { WebAssembly } = /** @type {any} */ (globalThis);
  const found = WebAssembly && WebAssembly[name];
  if (typeof found !== 'function') return undefined;
  if (!isProxy(found) && StringIncludes(FunctionPrototypeToString(found), '[native code]')) return found;
  return require('vm').runInNewContext(`typeof WebAssembly === "object" ? WebAssembly.${name} : undefined`);
}

/**
 * The prototype of what arrives, which is of this realm: a proxy does not hide it.
 * @param {any} native what `nativeClass` gave
 * @param {string} name
 * @returns {object | undefined}
 */
function arrivingPrototype(native, name) {
  const found = native && /** @type {any} */ (globalThis).WebAssembly[name];
  return native && (isProxy(found) ? found.prototype : native.prototype);
}

/** @type {{ new (bytes: object): object, prototype: object, customSections: Function } | undefined} */
const Carrier = nativeClass('Module');
// A program may patch it.
const customSections = Carrier && Carrier.customSections;
const carrierPrototype = arrivingPrototype(Carrier, 'Module');

/**
 * A new object that cannot be cloned.
 * @param {object | null} prototype
 * @returns {object}
 */
function createObject(prototype) {
  return ObjectSetPrototypeOf(ArrayPrototypeValues(NOTHING), prototype);
}

/**
 * What makes objects of one prototype that cannot be cloned, in a tenth of the time: V8 refuses generators, too.
 * @param {object} prototype
 * @returns {() => object}
 */
function objectFactory(prototype) {
  const make = function* () {
    for (;;) yield;
  };
  // V8 keeps in its interpreter what never goes round a loop, which takes it two and a half times as long.
  const first = make();
  for (let k = 0; k < ROUNDS; k++) first.next();
  make.prototype = /** @type {any} */ (prototype);
  return make;
}

/**
 * A new object for a module, that can be cloned if V8 lets it be.
 * @param {number} handle of the module
 * @param {object | null} prototype
 * @returns {object}
 */
function createCarrier(handle, prototype) {
  if (Carrier === undefined) return createObject(prototype);
  let carrier;
  try {
    carrier = binding.carrier(handle, Carrier);
  } catch {
    // V8 may not compile in this realm, or has no memory for the bytes.
    return createObject(prototype);
  }
  return ObjectSetPrototypeOf(carrier, prototype);
}

/**
 * The handle of the module that a carrier brought here, 0 if `value` is none or was opened before.
 * @param {any} value
 * @returns {number}
 */
function openCarrier(value) {
  if (Carrier === undefined || typeof value !== 'object' || value === null) return 0;
  let section;
  try {
    // Who has another prototype is some copy's module already. A Proxy may throw here, or lie.
    if (ObjectGetPrototypeOf(value) !== carrierPrototype) return 0;
    section = /** @type {Function} */ (customSections)(value, SECTION)[0];
  } catch {
    return 0; // No module at all.
  }
  if (section === undefined) return 0;
  const result = binding.rare.open(new Uint8Array(section));
  return typeof result === 'number' ? result : 0;
}

/**
 * Has what has just arrived be an instance of its class even if that is the first question asked.
 * @param {Function} constructor
 * @param {(value: any) => unknown} see gives it state and prototype
 */
function expectArrivals(constructor, see) {
  if (Carrier === undefined) return; // Nothing is V8's, so nothing arrives.
  const members = {
    [SymbolHasInstance](value) {
      see(value);
      return FunctionPrototypeHasInstance(this, value);
    },
  };
  ObjectDefineProperty(constructor, SymbolHasInstance, { __proto__: null, value: members[SymbolHasInstance] });
}

export {
  Carrier,
  arrivingPrototype,
  createCarrier,
  createObject,
  expectArrivals,
  nativeClass,
  objectFactory,
  openCarrier,
};
