'use strict';

/** The namespace object: what `WebAssembly` is in other places. */

const { CompileError, LinkError, RuntimeError } = require('./lib/errors');
const { Global } = require('./lib/global');
const { Instance } = require('./lib/instance');
const { withDeadline } = require('./lib/interrupt');
const { Memory } = require('./lib/memory');
const { Module } = require('./lib/module');
const { operations, streaming } = require('./lib/namespace');
const { ObjectDefineProperty, SymbolToStringTag } = require('./lib/primordials');
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
// What goes beyond the standard is not enumerable: a copy of the namespace has what V8's has.
ObjectDefineProperty(namespace, 'withDeadline', { value: withDeadline, writable: true, configurable: true });
ObjectDefineProperty(namespace, SymbolToStringTag, { value: 'WebAssembly', configurable: true });

module.exports = namespace;
