/**
 * %AbstractModuleSource% of ECMAScript, which Module inherits from. The realm's own, if it has it (Node 24): V8 finds
 * what it asks for in a Module, which is an object of V8's. Else one that does the same.
 */

import { nativeClass } from './carrier.js';
import {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ObjectSetPrototypeOf,
  SymbolToStringTag,
  TypeError,
} from './primordials.js';

function AbstractModuleSource() {
  throw new TypeError('Illegal invocation');
}

/** @param {(value: any) => unknown} isModule */
function createModuleSource(isModule) {
  const tag = {
    get [SymbolToStringTag]() {
      return isModule(this) ? 'WebAssembly.Module' : undefined;
    },
  };
  const descriptor = /** @type {PropertyDescriptor} */ (ObjectGetOwnPropertyDescriptor(tag, SymbolToStringTag));
  descriptor.enumerable = false;
  ObjectDefineProperty(AbstractModuleSource.prototype, SymbolToStringTag, descriptor);
  ObjectDefineProperty(AbstractModuleSource, 'prototype', { writable: false });
  return AbstractModuleSource;
}

/**
 * Has Module inherit from it.
 * @param {Function} Module
 * @param {(value: any) => unknown} isModule
 */
function inheritModuleSource(Module, isModule) {
  const native = nativeClass('Module');
  const found = native && ObjectGetPrototypeOf(native);
  // Function.prototype has no prototype.
  const source = found && found.prototype ? found : createModuleSource(isModule);
  ObjectSetPrototypeOf(Module, source);
  ObjectSetPrototypeOf(Module.prototype, source.prototype);
}

export { inheritModuleSource };
