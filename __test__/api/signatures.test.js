'use strict';

// Values of all types cross in all places: registers of both kinds and the stack, from JavaScript to wasm and back, by
// direct calls of an import and by calls of it through a table.

const { random: generator } = require('../../fuzz/random');
const wat = require('../support/wat');

const W = wrtTest.impl;
const random = generator(7);

const object = { some: 'object' };
const { f: wasmFunction } = new W.Instance(new W.Module(wat`(module (func (export "f")))`)).exports;
const VALUES = {
  i32: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 12345],
  i64: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 0x123456789abcdefn],
  f32: [0, -0, 1.5, -Infinity, NaN, 2 ** -149],
  f64: [0, -0, 1.1, Infinity, NaN, 5e-324],
  externref: [null, undefined, object, 'text', 7],
  funcref: [null, wasmFunction],
};
const TYPES = Object.keys(VALUES);
const pick = (list) => list[random(list.length)];

/** Many of one kind, so that registers do not suffice; or some of all. */
function signature() {
  const few = random(3) ? TYPES : [pick(TYPES), pick(TYPES)];
  const params = Array.from({ length: random(14) }, () => pick(few));
  return { params, results: random(4) ? [pick(few)] : [] };
}

const text = ({ params, results }) => {
  const type = `(param ${params.join(' ')}) (result ${results.join(' ')})`;
  const args = params.map((_, k) => `(local.get ${k})`).join(' ');
  return wat([
    `(module
      (type $t (func ${type}))
      (import "m" "f" (func $f (type $t)))
      (table funcref (elem $f))
      (func (export "direct") (type $t) (call $f ${args}))
      (func (export "twice") (type $t) ${results.length ? '(drop' : ''} (call $f ${args})${results.length ? ')' : ''} (call $f ${args}))
      (func (export "indirect") (type $t) (call_indirect (type $t) ${args} (i32.const 0)))
      (export "itself" (func $f)))`,
  ]);
};

const WAYS = ['direct', 'twice', 'indirect', 'itself'];

test.each(Array.from({ length: 60 }, signature).map((s) => [`(${s.params}) -> (${s.results})`, s]))('%s', (_, s) => {
  const calls = [];
  let answer;
  const f = (...args) => {
    calls.push(args);
    return answer();
  };
  const { exports } = new W.Instance(new W.Module(text(s)), { m: { f } });
  for (const way of WAYS) {
    for (let round = 0; round < 4; round++) {
      const args = s.params.map((type) => pick(VALUES[type]));
      const result = s.results.length ? pick(VALUES[s.results[0]]) : undefined;
      answer = () => result;
      calls.length = 0;
      expect(exports[way](...args)).toBe(result);
      expect(calls).toEqual(Array.from({ length: way === 'twice' ? 2 : 1 }, () => args));
      const thrown = new Error('thrown');
      answer = () => {
        throw thrown;
      };
      expect(() => exports[way](...args)).toThrow(thrown);
    }
  }
});

test('the stack ends in a call of an import', () => {
  const bytes = wat`(module
    (import "m" "f" (func $f (param i32 i32 i32 i32 i32 i32 i32 i32 f32) (result i32)))
    (func $g (export "g") (param i32) (result i32)
      (drop (call $f (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
        (local.get 0) (f32.const 1)))
      (call $g (i32.add (local.get 0) (i32.const 1)))))`;
  let depth = 0;
  const f = (a, b, c, d, e, g, h, i, j) => {
    if (a !== i || j !== 1) throw new Error('other arguments');
    depth = a;
    return 0;
  };
  const { g } = new W.Instance(new W.Module(bytes), { m: { f } }).exports;
  for (let i = 0; i < 3; i++) {
    depth = 0;
    expect(() => g(0)).toThrow('Maximum call stack size exceeded');
    expect(depth).toBeGreaterThan(200); // Guest stacks have 64 KiB at least.
  }
});
