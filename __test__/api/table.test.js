'use strict';

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const DESCRIPTORS = {
  none: undefined,
  number: 3,
  empty: {},
  'no initial': { element: 'anyfunc' },
  'no element': { initial: 1 },
  anyfunc: { element: 'anyfunc', initial: 2 },
  externref: { element: 'externref', initial: 2 },
  funcref: { element: 'funcref', initial: 2 },
  'element i32': { element: 'i32', initial: 2 },
  'element any text': { element: 'any', initial: 2 },
  'element object': { element: { toString: () => 'anyfunc' }, initial: 2 },
  'initial -1': { element: 'anyfunc', initial: -1 },
  'initial 10,000,001': { element: 'anyfunc', initial: 10_000_001 },
  'initial 2**32': { element: 'anyfunc', initial: 2 ** 32 },
  'maximum below': { element: 'anyfunc', initial: 2, maximum: 1 },
  'maximum 2**32-1': { element: 'anyfunc', initial: 0, maximum: 2 ** 32 - 1 },
  'maximum 2**32': { element: 'anyfunc', initial: 0, maximum: 2 ** 32 },
};
same.each(DESCRIPTORS)('new Table', (W, log, descriptor) => {
  const table = log.try(() => new W.Table(descriptor));
  if (table && table.length) log(table.length, table.get(0));
});

same('new Table with a value', (W, log) => {
  const { f } = instantiate(W, wat`(module (func (export "f")))`);
  const object = {};
  for (const [element, value] of [
    ['anyfunc', f],
    ['anyfunc', null],
    ['anyfunc', undefined],
    ['anyfunc', () => {}],
    ['anyfunc', 1],
    ['externref', object],
    ['externref', null],
    ['externref', undefined],
    ['externref', 4],
  ]) {
    log(element);
    const table = log.try(() => new W.Table({ element, initial: 3 }, value));
    if (table) log(table.get(2) === value, table.get(0));
  }
  log(new W.Table({ element: 'externref', initial: 1 }).get(0));
});

same('get, set, grow', (W, log) => {
  const { f, g } = instantiate(W, wat`(module (func (export "f")) (func (export "g")))`);
  const table = new W.Table({ element: 'anyfunc', initial: 2, maximum: 5 });
  const indices = [0, 1, 2, -1, 1.5, '0', NaN, undefined, null, 2 ** 32, 1n, Symbol('s'), {}];
  for (const index of indices) log.try(() => table.get(index));
  for (const index of indices) log.try(() => table.set(index, f));
  for (const value of [f, null, undefined, () => {}, {}, 1, Math.abs, class {}]) {
    log.try(() => table.set(1, value));
    log(table.get(1) === f, table.get(1));
  }
  table.set(0, g);
  log.try(() => table.set(0));
  log(table.get(0));
  for (const [delta, ...init] of [[1], [0], [1, g], [-1], [2 ** 32], [1, 7], ['1', f], [1], [undefined]]) {
    log.try(() => table.grow(delta, ...init));
    log(table.length, table.get(table.length - 1) === g, table.get(table.length - 1) === f);
  }
  log.try(() => table.get());
  log.try(() => table.set());
  log.try(() => table.grow());
});

same('tables of externref', (W, log) => {
  const table = new W.Table({ element: 'externref', initial: 2 });
  const values = [{}, null, undefined, 0, -0, NaN, 'x', 1n, Symbol.iterator, () => {}, table];
  for (const value of values) {
    table.set(0, value);
    log(Object.is(table.get(0), value));
  }
  table.set(0);
  log(
    table.get(0),
    table.grow(1),
    table.get(2),
    table.grow(1, 'init'),
    table.get(3),
    table.grow(1, undefined),
    table.get(4),
  );
});

same('the length, whoever makes the table grow', (W, log) => {
  const table = new W.Table({ element: 'externref', initial: 2, maximum: 9 });
  log(table.length);
  const { grow } = instantiate(
    W,
    wat`(module (table (import "m" "t") 2 externref)
      (func (export "grow") (param i32) (result i32) (table.grow (ref.null extern) (local.get 0))))`,
    { m: { t: table } },
  );
  for (const delta of [1, 0, 3, 100]) {
    log(grow(delta), table.length);
    log.try(() => table.grow(delta));
    log(table.length);
  }
});

same('what the guest and JavaScript do to one table', (W, log) => {
  const a = instantiate(
    W,
    wat`(module
    (type $t (func (result i32)))
    (func $one (export "one") (result i32) i32.const 1)
    (func $two (export "two") (result i32) i32.const 2)
    (func $other (export "other") (param i64))
    (table $t (export "t") 3 10 funcref) (elem (i32.const 0) $one $two)
    (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0)))
    (func (export "set") (param i32 funcref) (table.set (local.get 0) (local.get 1)))
    (func (export "get") (param i32) (result funcref) (table.get (local.get 0)))
    (func (export "grow") (param i32 funcref) (result i32) (table.grow (local.get 1) (local.get 0)))
    (func (export "fill") (param i32 funcref i32) (table.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32) (table.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "size") (result i32) table.size))`,
  );
  const b = instantiate(
    W,
    wat`(module (import "a" "t" (table 1 funcref)) (type $t (func (result i32)))
    (global $n (mut i32) (i32.const 40))
    (func (export "count") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
    (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0))))`,
    { a },
  );
  log(a.call(0), b.call(1), a.get(0) === a.one, a.t.get(1) === a.two);
  for (const index of [2, 3, -1]) log.try(() => a.call(index));
  a.t.set(2, b.count);
  log(a.call(2), b.call(2), b.count(), a.get(2) === b.count);
  a.set(2, a.other);
  log.try(() => b.call(2));
  log(a.grow(2, b.count), a.t.length, b.call(4), a.t.get(4) === b.count, a.grow(100, null), a.size());
  log(a.t.grow(1, a.two), a.size(), b.call(5));
  a.fill(0, b.count, 2);
  a.copy(2, 0, 2);
  log([0, 1, 2, 3].map((i) => b.call(i)));
  log.try(() => a.fill(5, null, 2));
  log.try(() => a.copy(0, 5, 2));
  log.try(() => a.get(6));
  log.try(() => a.set(6, null));
  log.try(() => a.set(0, () => {}));
  for (let i = 0; i < a.t.length; i++) a.t.set(i, null);
  log(a.t.get(0), a.get(4));
  log.try(() => b.call(0));
});

same('host functions in tables', (W, log) => {
  const seen = [];
  const { t, f, call } = instantiate(
    W,
    wat`(module (import "m" "f" (func $f (param i32) (result i32))) (export "f" (func $f)) (type $t (func (param i32) (result i32)))
      (table (export "t") funcref (elem $f))
      (func (export "call") (param i32) (result i32) (call_indirect (type $t) (local.get 0) (i32.const 0))))`,
    { m: { f: (x) => (seen.push(x), x * 2) } },
  );
  log(t.get(0) === f, call(21), t.get(0)(4), seen);
  const other = new W.Table({ element: 'anyfunc', initial: 1 });
  other.set(0, f);
  log(other.get(0) === f, other.get(0)(5));
});
