'use strict';

// An instance that calls imports often gets code of its own that serves them (`lib/host.js`): while it runs, and again
// when it calls others often.

const wat = require('../support/wat');

const W = wrtTest.impl;
/** More calls than are needed for that, twice. */
const MANY = 80000;

const instantiate = (bytes, imports) => new W.Instance(new W.Module(bytes), imports).exports;

const bytes = wat`(module
  (type $two (func (param i32 i32) (result i32)))
  (import "m" "add" (func $add (type $two)))
  (import "m" "long" (func $long (param i64) (result i64)))
  (import "m" "pair" (func $pair (param f32 f64) (result f64 f32)))
  (import "m" "same" (func $same (param externref) (result externref)))
  (import "m" "vector" (func $vector (param v128)))
  (import "m" "late" (func $late (type $two)))
  (import "m" "table" (table 1 funcref))
  (func (export "vector") (call $vector (v128.const i64x2 0 0)))
  (func (export "late") (param i32 i32) (result i32) (call $late (local.get 0) (local.get 1)))
  (func (export "add") (param $n i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (call $add (local.get $sum) (local.get $n)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "all") (param $n i32) (param $ref externref) (result i32 i64 f64 externref)
    (local $i i32) (local $sum i32) (local $long i64) (local $f f64)
    (local.set $f (f64.const 0.5))
    (loop $l
      (local.set $sum (call $add (local.get $sum) (local.get $i)))
      (local.set $long (call $long (local.get $long)))
      (call $pair (f32.const 0.25) (local.get $f))
      (drop)
      (local.set $f)
      (local.set $ref (call $same (local.get $ref)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    ;; Not one of those before.
    (local.set $i (i32.const 0))
    (loop $l
      (local.set $sum (call $late (local.get $sum) (local.get $i)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum) (local.get $long) (local.get $f) (local.get $ref))
  (func (export "indirect") (param $n i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (call_indirect (type $two) (local.get $sum) (local.get $n) (i32.const 0)))
      (local.set $sum (call $add (local.get $sum) (local.get $n)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))`;

function make(changes) {
  const imports = {
    add: (a, b) => (a + b) | 0,
    long: (a) => a + 3n,
    pair: (a, b) => [b + a, 1],
    same: (value) => value,
    vector: () => {},
    late: (a, b) => (a ^ b) | 0,
    table: new W.Table({ element: 'anyfunc', initial: 1 }),
    ...changes,
  };
  return { exports: instantiate(bytes, { m: imports }), table: imports.table };
}

/** The sum of `add(n)`. */
const sum = (n) => ((n * (n + 1)) / 2) | 0;

test('what is called often in one call, and what only then', () => {
  const { all } = make().exports;
  const value = { some: 'object' };
  let expected = 0;
  for (let i = 0; i < MANY; i++) expected = (expected + i) | 0;
  for (let i = 0; i < MANY; i++) expected ^= i;
  for (let k = 0; k < 2; k++) {
    expect(all(MANY, value)).toEqual([expected, BigInt(3 * MANY), 0.5 + MANY / 4, value]);
  }
});

test('what host functions throw arrives, and the next call is as before', () => {
  const error = {};
  let left = Infinity;
  const { add, late } = make({
    add(a, b) {
      if (--left === 0) throw error;
      return a + b;
    },
    late() {
      throw error;
    },
  }).exports;
  expect(add(MANY)).toBe(sum(MANY));
  for (let k = 1; k < 5; k++) {
    left = 100 * k;
    let thrown;
    try {
      add(MANY);
    } catch (e) {
      thrown = e;
    }
    expect(thrown).toBe(error);
    left = Infinity;
    expect(add(10)).toBe(55);
    expect(() => late(1, 2)).toThrow(expect.anything());
  }
});

test('host functions that call the instance again', () => {
  let depth = 0;
  let calls = 0;
  const { exports } = make({
    add(a, b) {
      calls++;
      if (depth === 3 || b % 1000 !== 1) return a + b;
      depth++;
      expect(exports.add(3)).toBe(6);
      expect(exports.late(calls, 1)).toBe(calls ^ 1);
      depth--;
      return a + b;
    },
  });
  for (let k = 0; k < 3; k++) expect(exports.add(MANY)).toBe(sum(MANY));
});

test('host functions of another instance', () => {
  const { exports, table } = make();
  const other = make({ late: (a, b) => (a - b) | 0 });
  table.set(0, other.exports.late);
  expect(exports.indirect(MANY)).toBe(0);
  expect(exports.add(MANY)).toBe(sum(MANY));
});

test('a function that cannot be called is refused', () => {
  const { add, vector } = make().exports;
  let refused = 0;
  for (let k = 0; k < MANY / 2; k++) {
    try {
      vector();
    } catch (error) {
      refused += error.message === 'type incompatibility when transforming from/to JS';
    }
  }
  expect(refused).toBe(MANY / 2);
  expect(add(MANY)).toBe(sum(MANY));
  expect(vector).toThrow('type incompatibility');
});

test('each of many instances calls its own', () => {
  const instances = Array.from({ length: 4 }, (_, k) => make({ add: (a, b) => (a + b + k) | 0 }).exports);
  for (let round = 0; round < 2; round++) {
    instances.forEach(({ add }, k) => expect(add(MANY)).toBe((sum(MANY) + k * MANY) | 0));
  }
});
