/** The namespace object: what `WebAssembly` is in other places. */

import * as cache from './cache.js';
import { CompileError, LinkError, RuntimeError } from './errors.js';
import { Exception } from './exception.js';
import { WebAssemblyFunction } from './function-interface.js';
import { Global } from './global.js';
import { Instance } from './instance.js';
import { withDeadline } from './interrupt.js';
import { withLimits } from './limits.js';
import { Memory } from './memory.js';
import { Module } from './module.js';
import { operations, streaming } from './namespace.js';
import { ObjectDefineProperty, SymbolToStringTag } from './primordials.js';
import * as policy from './policy.js';
import { defineSettings } from './settings.js';
import { stats } from './stats.js';
import { Table } from './table.js';
import { Tag, jsTag, tagObject } from './tag.js';
import { defineMembers } from './webidl.js';

const namespace = {};

/** Adds what the standard does not have. */
function defineExtensions(object, extensions) {
  for (const name of Object.keys(extensions)) {
    ObjectDefineProperty(object, name, { value: extensions[name], writable: true, configurable: true });
  }
}

// Operations are enumerable, interfaces are not.
defineMembers(namespace, operations);
const interfaces = [Module, Instance, Table, Memory, Global, Tag, Exception, WebAssemblyFunction];
for (const constructor of [...interfaces, CompileError, LinkError, RuntimeError]) {
  const { name } = constructor;
  ObjectDefineProperty(namespace, name, { value: constructor, writable: true, configurable: true });
}
ObjectDefineProperty(namespace, 'JSTag', { value: tagObject(jsTag), configurable: true });
defineMembers(namespace, streaming);
ObjectDefineProperty(namespace, SymbolToStringTag, { value: 'WebAssembly', configurable: true });

// Beyond the standard; not enumerable, so that copies and listings of the namespace are those of V8's.
defineExtensions(namespace, cache.extensions);
defineExtensions(namespace, policy.extensions);
defineExtensions(namespace, { stats, withDeadline, withLimits });
defineSettings(namespace);
defineExtensions(Module, cache.moduleExtensions);

export default namespace;
