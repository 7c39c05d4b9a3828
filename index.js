'use strict';

/** The namespace object: what `WebAssembly` is in other places. */

const cache = require('./lib/cache');
const { CompileError, LinkError, RuntimeError } = require('./lib/errors');
const { Exception } = require('./lib/exception');
const { Function } = require('./lib/function-interface');
const { Global } = require('./lib/global');
const { Instance } = require('./lib/instance');
const { withDeadline } = require('./lib/interrupt');
const { withLimits } = require('./lib/limits');
const { Memory } = require('./lib/memory');
const { Module } = require('./lib/module');
const { operations, streaming } = require('./lib/namespace');
const { ObjectDefineProperty, SymbolToStringTag } = require('./lib/primordials');
const policy = require('./lib/policy');
const settings = require('./lib/settings');
const { stats } = require('./lib/stats');
const { Table } = require('./lib/table');
const { Tag, jsTag, tagObject } = require('./lib/tag');
const { defineMembers } = require('./lib/webidl');

const namespace = {};

/** Adds what the standard does not have. */
function defineExtensions(object, extensions) {
  for (const name of Object.keys(extensions)) {
    ObjectDefineProperty(object, name, { value: extensions[name], writable: true, configurable: true });
  }
}

// Operations are enumerable, interfaces are not.
defineMembers(namespace, operations);
const interfaces = [Module, Instance, Table, Memory, Global, Tag, Exception, Function];
for (const constructor of [...interfaces, CompileError, LinkError, RuntimeError]) {
  const { name } = constructor;
  ObjectDefineProperty(namespace, name, { value: constructor, writable: true, configurable: true });
}
ObjectDefineProperty(namespace, 'JSTag', { value: tagObject(jsTag), configurable: true });
defineMembers(namespace, streaming);
ObjectDefineProperty(namespace, SymbolToStringTag, { value: 'WebAssembly', configurable: true });

// Beyond the standard; not enumerable, so that copies and listings of the namespace are those of V8's.
defineExtensions(namespace, {
  ...cache.extensions,
  ...policy.extensions,
  stats,
  withDeadline,
  withLimits,
  ...settings.extensions,
});
defineExtensions(Module, cache.moduleExtensions);

module.exports = namespace;
