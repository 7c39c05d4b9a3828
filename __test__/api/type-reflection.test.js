'use strict';

// The proposal "JS type reflection". V8 has it under a flag, so what V8 does is recorded from a process of its own.

const fs = require('node:fs');
const path = require('node:path');
const { node } = require('../support/child');
const { outcomes } = require('../support/type-reflection');
const wat = require('../support/wat');

const W = wrtTest.impl;
const only = wrtTest.name === 'wrt' ? test : test.skip;
const recording = path.join(__dirname, 'newest', 'type-reflection.json');
const recorded = () => JSON.parse(fs.readFileSync(recording, 'utf8'));
const newest = Number(process.versions.node.split('.')[0]) >= 26;

(newest ? test : test.skip)('the newest V8 does what is recorded', async () => {
  const script = path.join(__dirname, '..', 'support', 'type-reflection.js');
  const { stdout, stderr } = await node(['--experimental-wasm-type-reflection', script]);
  expect(stderr).toBe('');
  if (process.env.WRT_RECORD) fs.writeFileSync(recording, stdout);
  expect(JSON.parse(stdout)).toEqual(recorded());
});

only('wrt does what V8 does under its flag', () => {
  expect(outcomes(W)).toEqual(recorded());
});

const MODULE = wat`(module
  (import "m" "f" (func (param i64 f32) (result f64 externref)))
  (import "m" "g" (global (mut i32)))
  (memory (export "m") 1 4) (table (export "t") 2 funcref) (global (export "c") v128 (v128.const i64x2 0 0))
  (func (export "f") (param funcref)))`;

only('descriptors of imports and exports have types, which do not show', () => {
  const module = new W.Module(MODULE);
  const imports = W.Module.imports(module);
  const exports = W.Module.exports(module);
  expect(imports).toEqual([
    { module: 'm', name: 'f', kind: 'function' },
    { module: 'm', name: 'g', kind: 'global' },
  ]);
  expect(imports.map(({ type }) => type)).toEqual([
    { parameters: ['i64', 'f32'], results: ['f64', 'externref'] },
    { mutable: true, value: 'i32' },
  ]);
  expect(exports.map(({ type }) => type)).toEqual([
    { minimum: 1, maximum: 4, shared: false, address: 'i32' },
    { element: 'funcref', minimum: 2, address: 'i32' },
    { mutable: false, value: 'v128' },
    { parameters: ['funcref'], results: [] },
  ]);
});

only('functions of the host keep their type where they are imported', () => {
  const add = new W.Function({ parameters: ['i32', 'i32'], results: ['i32'] }, (a, b) => a + b);
  const call = (type) =>
    new W.Instance(
      new W.Module(
        wat(`(module (type $t (func ${type})) (import "m" "f" (func $f (param i32 i32) (result i32)))
        (table 1 funcref) (elem (i32.const 0) func $f)
        (func (export "run") (result i32)
          (call $f (i32.const 2) (i32.const 3)) (drop)
          (call_indirect (type 1) (i32.const 20) (i32.const 3) (i32.const 0))))`),
      ),
      { m: { f: add } },
    ).exports.run();
  expect(call('')).toBe(23);
  const other = new W.Function({ parameters: ['f64'], results: ['i32'] }, () => 0);
  const module = new W.Module(wat`(module (import "m" "f" (func (param i32) (result i32))))`);
  expect(() => new W.Instance(module, { m: { f: other } })).toThrow(W.LinkError);
});

only('errors pass through, subclasses work', () => {
  const mine = new Error('mine');
  const thrower = new W.Function({ parameters: [], results: [] }, () => {
    throw mine;
  });
  expect(thrower).toThrow(mine);
  class Mine extends W.Function {}
  const f = new Mine({ parameters: [], results: ['i32'] }, () => 3);
  expect([f instanceof Mine, f instanceof W.Function, f()]).toEqual([true, true, 3]);
});
