/** The exports object of an instance. */

import { createFunction, functionRecord } from './function.js';
import { globalObject } from './global.js';
import { memoryObject } from './memory.js';
import { describe } from './module.js';
import { MapGet, MapSet, ObjectFreeze, ObjectSetPrototypeOf } from './primordials.js';
import { tableObject } from './table.js';
import { tagObject } from './tag.js';

/** @typedef {import('./lifetime.js').InstanceCell} InstanceCell */

/**
 * "Create an exports object" of an instance, when it is first asked for. The functions are what takes
 * time, and nobody can tell that they are made now; what else is exported exists since the instance does.
 * @param {InstanceCell} cell
 * @returns {any}
 */
function exportsOf(cell) {
  return cell.exports === null ? createExports(cell) : cell.exports;
}

function createExports(cell) {
  const { exports } = describe(cell.module);
  // Only an object that had a prototype at first gets fast properties: 6 ns a call of an export. Without one, nobody's
  // setter has a say in what is assigned.
  const object = ObjectSetPrototypeOf({}, null);
  let parts = 0;
  for (let i = 0; i < exports.length; i++) {
    const type = exports[i];
    if (type.kind !== 'function') object[type.name] = partObject(type.kind, cell.exported[parts++]);
    else object[type.name] = type.same === undefined ? exportedFunction(cell, type) : object[type.same];
  }
  cell.exported = null;
  return (cell.exports = ObjectFreeze(object));
}

/** The Exported Function of an export: one of wasm that is imported, one that was asked for by number, or a new one. */
function exportedFunction(cell, type) {
  if (type.index < cell.hosts.length) {
    const value = cell.hosts[type.index];
    if (functionRecord(value) !== undefined) return value;
  }
  const number = cell.functionBase + type.position;
  const known = cell.functions === null ? undefined : MapGet(cell.functions, number);
  if (known !== undefined) return known;
  const func = createFunction(cell, number, type.index, type.sig, type.type);
  if (cell.functions !== null) MapSet(cell.functions, number, func);
  return func;
}

/** The object of a cell. */
function partObject(kind, part) {
  if (kind === 'memory') return memoryObject(part);
  if (kind === 'tag') return tagObject(part);
  return kind === 'table' ? tableObject(part) : globalObject(part);
}

export { exportsOf };
