/** WebAssembly.Tag, and WebAssembly.JSTag. */

import * as binding from './binding.js';
import { createObject } from './carrier.js';
import { typeError } from './errors.js';
import { TAG, watch } from './lifetime.js';
import { ObjectGetPrototypeOf, Set, SetAdd } from './primordials.js';
import { hasFunctions, letterOf } from './signature.js';
import { functionType, listMember } from './types.js';
import { typeNumber } from './values.js';
import { Brand, defineInterface, isObject, receiver, requireNew, toString } from './webidl.js';
import { text } from './texts.js';

/** @typedef {import('./lifetime.js').TagCell} TagCell */

class tags extends Brand {
  /** @type {TagCell} */
  #cell;

  constructor(object, cell) {
    super(object);
    this.#cell = cell;
  }

  /** @returns {TagCell | undefined} */
  static get(value) {
    return isObject(value) && #cell in value ? value.#cell : undefined;
  }

  /** @returns {TagCell | undefined} */
  static expect(value) {
    try {
      return value.#cell;
    } catch {
      return undefined;
    }
  }
}

/**
 * Tags whose exceptions can have functions. An exception in the engine does not keep the functions that it has, nor
 * is it known who has the exception; so these tags are kept, and with them all instances that know them.
 */
const kept = new Set();

/**
 * The constructor.
 * @this {object}
 */
function Tag(type) {
  const api = 'WebAssembly.Tag()';
  requireNew(new.target, 'Tag');
  if (!isObject(type)) throw typeError(api, text().tagTypeRequired);
  const { list, length } = listMember(type, 'parameters', api, text().tagTypeMember);
  let signature = '';
  const numbers = [];
  for (let i = 0; i < length; i++) {
    const name = toString(list[i]);
    const letter = name === 'funcref' ? undefined : letterOf(name);
    if (letter === undefined) throw typeError(api, text().functionTypeValue('parameter', i));
    signature += letter;
    numbers[i] = typeNumber(name === 'anyfunc' ? 'funcref' : name);
  }
  const cell = createCell(binding.rare.tagNew(numbers), `${signature}>`);
  return initialize(createObject(ObjectGetPrototypeOf(this)), cell);
}

/**
 * The cell of a tag of the engine.
 * @param {number} handle
 * @param {string} signature
 * @returns {TagCell}
 */
function createCell(handle, signature) {
  /** @type {TagCell} */
  const cell = { handle, signature, types: null, object: null, edges: null };
  if (hasFunctions(signature)) SetAdd(kept, cell);
  return watch(cell, TAG);
}

function initialize(object, cell) {
  cell.object = object;
  tags.set(object, cell);
  return object;
}

/**
 * "Create a Tag object": cell and object stay together, so the cell is the cache.
 * @param {TagCell} cell
 * @returns {object}
 */
function tagObject(cell) {
  return cell.object === null ? initialize(createObject(Tag.prototype), cell) : cell.object;
}

/**
 * The cell of a Tag; undefined for any other value.
 * @type {(value: unknown) => TagCell | undefined}
 */
const tagCell = tags.get;

defineInterface({
  constructor: Tag,

  type() {
    const { signature } = receiver(tags.expect(this), 'Tag', 'WebAssembly.Tag.type()');
    return { parameters: functionType(signature).parameters };
  },
});

/** The tag of what JavaScript throws. */
const jsTag = createCell(binding.jsTag(), 'x>');

export { Tag, createCell, jsTag, tagCell, tagObject };
