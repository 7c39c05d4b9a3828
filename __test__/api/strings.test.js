'use strict';

// Realms other than Node's own, such as those of test runners: there wrappers are made by `Function`, or without text where
// that is forbidden. In Node's own they are made by scripts, which nothing forbids.

const { execFileSync } = require('node:child_process');
const path = require('node:path');
const wat = require('../support/wat');

const only = wrtTest.name === 'wrt' ? test : test.skip;
const dist = path.join(__dirname, '..', '..', 'dist');

const BYTES = wat`(module
  (type $list (func (param i32 i64 f32 f64 externref funcref) (result i32 i64 f32 f64 externref funcref)))
  (import "m" "list" (func $list (type $list)))
  (import "m" "one" (func $one (param externref) (result i64)))
  (func (export "list") (type $list)
    (call $list (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5)))
  (func (export "one") (param externref) (result i64) (call $one (local.get 0)))
  (func (export "none") unreachable))`;

const PROGRAM = `
const fs = require('node:fs'), vm = require('node:vm');
const [dist, bytes, own, strings] = JSON.parse(process.argv[1]);
const context = vm.createContext({ console, setImmediate, setTimeout, TextDecoder }, { codeGeneration: { strings } });
const load = (file) => {
  const module = { exports: {} };
  const text = '(function (require, module, exports, __dirname, process) {' + fs.readFileSync(file, 'utf8') + '})';
  const from = (id) => (id.endsWith('facade.js') ? load(id) : require(id));
  vm.runInContext(text, context)(from, module, module.exports, dist, process);
  return module.exports;
};
const W = own ? require(dist + '/wrt.js') : load(dist + '/wrt.js');
const realm = own ? globalThis : vm.runInContext('globalThis', context);
const calls = [];
const object = { some: 'object' };
const m = {
  list: (...values) => (calls.push(values.length), values),
  one: (value) => BigInt(value.some.length),
};
const { exports } = new W.Instance(new W.Module(Uint8Array.from(bytes)), { m });
const list = exports.list('7', 8n, 0.1, { valueOf: () => 2.5 }, object, exports.one);
const error = (f) => {
  try {
    f();
  } catch (e) {
    return [e instanceof realm.TypeError, e instanceof W.RuntimeError, String(e)];
  }
};
console.log(JSON.stringify([
  list.length, list[0], String(list[1]), list[2], list[3], list[4] === object, list[5] === exports.one,
  Array.isArray(list), list instanceof realm.Array, calls, exports.list.length, exports.list.name, String(exports.list),
  String(exports.one(object)), typeof exports.one, 'prototype' in exports.one, error(() => exports.one(undefined)) !== undefined,
  error(() => exports.list(1n)), error(() => exports.list(1, 2)), error(() => exports.list(1, 2n, 3, 4, 5, 6)),
  error(() => exports.none()),
]));
`;

const run = (own, strings, flags = []) =>
  JSON.parse(
    String(execFileSync(process.execPath, [...flags, '-e', PROGRAM, JSON.stringify([dist, [...BYTES], own, strings])])),
  );

const EXPECTED = [
  ...[6, 7, '8', Math.fround(0.1), 2.5, true, true, true, true, [6], 6, '2', 'function 2() { [native code] }'],
  ...['6', 'function', false, true],
  [true, false, 'TypeError: Cannot convert a BigInt value to a number'],
  [true, false, 'TypeError: Cannot convert 2 to a BigInt'],
  [true, false, 'TypeError: type incompatibility when transforming from/to JS'],
  [false, true, 'RuntimeError: unreachable'],
];

only.each([
  ['own', true, true, []],
  ['own, strings forbidden', true, true, ['--disallow-code-generation-from-strings']],
  ['another', false, true, []],
  ['another, strings forbidden', false, false, []],
])('wrappers in a realm: %s', (_, own, strings, flags) => {
  expect(run(own, strings, flags)).toEqual(EXPECTED);
});
