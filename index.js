'use strict';

/** The namespace object: what `WebAssembly` is in other places. */

const { CompileError, LinkError, RuntimeError } = require('./lib/errors');
const { Global } = require('./lib/global');
const { Instance } = require('./lib/instance');
const { Memory } = require('./lib/memory');
const { Module } = require('./lib/module');
const { operations, streaming } = require('./lib/namespace');
const { ObjectDefineProperty, SymbolToStringTag } = require('./lib/primordials');
const { stats } = require('./lib/stats');
const { Table } = require('./lib/table');
const { defineMembers } = require('./lib/webidl');

const namespace = {};

// Operations are enumerable, interfaces are not.
defineMembers(namespace, operations);
for (const constructor of [Module, Instance, Table, Memory, Global, CompileError, LinkError, RuntimeError]) {
  const { name } = constructor;
  ObjectDefineProperty(namespace, name, { value: constructor, writable: true, configurable: true });
}
defineMembers(namespace, streaming);
ObjectDefineProperty(namespace, SymbolToStringTag, { value: 'WebAssembly', configurable: true });

// Beyond the standard; not enumerable, so that copies and listings of the namespace are those of V8's.
ObjectDefineProperty(namespace, 'stats', { value: stats, writable: true, configurable: true });

module.exports = namespace;
