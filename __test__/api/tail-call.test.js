'use strict';

const wat = require('../support/wat');

const W = wrtTest.impl;
// Not every V8 that the tests run on has tail calls.
const only = wrtTest.name === 'wrt' ? test : test.skip;

const instantiate = (bytes, imports) => new W.Instance(new W.Module(bytes), imports).exports;

// Each form of call, with more arguments than fit into registers.
const loops = wat`(module
  (type $t (func (param i64 i64 i64 i64 i64 i64 i64 i64 f64 f64) (result i64 f64)))
  (table funcref (elem $many))
  (func $few (export "direct") (param i64) (result i64 f64)
    (return_call $many (local.get 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
      (i64.const 0) (f64.const 0) (f64.const 0.5)))
  (func $many (type $t)
    (if (i64.eqz (local.get 0)) (then (return (local.get 7) (local.get 8))))
    (return_call $other (i64.sub (local.get 0) (i64.const 1)) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
      (i64.const 0) (i64.const 0) (i64.add (local.get 7) (i64.const 2)) (f64.add (local.get 8) (local.get 9))
      (local.get 9)))
  (func $other (type $t)
    (if (i64.eqz (local.get 0)) (then (return (local.get 7) (local.get 8))))
    (return_call_indirect (type $t) (i64.sub (local.get 0) (i64.const 1)) (local.get 1) (local.get 2) (local.get 3)
      (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (i32.const 0))))`;

only('a million tail calls of functions with more and fewer arguments take no stack', () => {
  const { direct } = instantiate(loops);
  for (let i = 0; i < 3; i++) expect(direct(1000000n)).toEqual([1000000n, 250000]);
});

// Numbers of parameters i64 and f64, so that each function needs another place for what is on the stack.
const RING = [
  [1, 0],
  [3, 2],
  [5, 8],
  [6, 9],
  [12, 20],
  [7, 3],
  [1, 30],
  [40, 1],
];

/** The text of a ring of functions that call the next with what they have, turned around and changed. */
function ring(call) {
  const all = (count, text) => Array.from({ length: count }, (_, k) => text(k)).join(' ');
  const params = ([i, f]) => `${all(i, () => '(param i64)')} ${all(f, () => '(param f64)')} (result f64)`;
  const next = (k) => (k + 1) % RING.length;
  const body = ([i, f], k) => {
    const [ni, nf] = RING[next(k)];
    const integer = (j) => `(i64.add (local.get ${(j + 1) % i}) (i64.const ${j}))`;
    const float = (j) => (f === 0 ? `(f64.const ${j})` : `(f64.add (local.get ${i + ((j + 1) % f)}) (f64.const 0.5))`);
    return `(if (i32.eqz (global.get $n)) (then (return (f64.add
        (f64.convert_i64_s ${all(i, (j) => (j < i - 1 ? `(i64.add (i64.mul (local.get ${j}) (i64.const ${j + 1}))` : `(local.get ${j})`))}${')'.repeat(i - 1)})
        ${all(f, (j) => `(f64.add (f64.mul (local.get ${i + j}) (f64.const ${j + 1}))`)} (f64.const 0)${')'.repeat(f)}))))
      (global.set $n (i32.sub (global.get $n) (i32.const 1)))
      ${call(next(k), `${all(ni, integer)} ${all(nf, float)}`)}`;
  };
  return `(module (global $n (mut i32) (i32.const 0)) (table funcref (elem ${all(RING.length, (k) => `$f${k}`)}))
    ${RING.map((counts, k) => `(type $t${k} (func ${params(counts)}))`).join('\n')}
    (elem declare func ${all(RING.length, (k) => `$f${k}`)})
    ${RING.map((counts, k) => `(func $f${k} (type $t${k}) ${body(counts, k)})`).join('\n')}
    (func (export "run") (param $rounds i32) (param $x i64) (result f64) (local $before i64)
      (local.set $before (i64.mul (local.get $x) (i64.const 1000)))
      (global.set $n (local.get $rounds))
      (f64.add (call $f0 (local.get $x)) (f64.convert_i64_s (local.get $before)))))`;
}

/** What comes of it. */
function turned(rounds, x) {
  let [integers, floats] = [[x], []];
  for (let k = 0; k < rounds; k++) {
    const [i, f] = RING[(k + 1) % RING.length];
    const [a, b] = [integers, floats];
    integers = Array.from({ length: i }, (_, j) => a[(j + 1) % a.length] + j);
    floats = Array.from({ length: f }, (_, j) => (b.length === 0 ? j : b[(j + 1) % b.length] + 0.5));
  }
  const last = integers.length - 1;
  const sum = integers.reduce((total, value, j) => total + value * (j < last ? j + 1 : 1), 0);
  return floats.reduceRight((total, value, j) => total + value * (j + 1), 0) + sum + x * 1000;
}

const CALLS = {
  direct: (k, args) => `(return_call $f${k} ${args})`,
  'through a table': (k, args) => `(return_call_indirect (type $t${k}) ${args} (i32.const ${k}))`,
};

only.each(Object.entries(CALLS))('arguments in registers and on the stack, more and fewer: %s', (_, call) => {
  const { run } = instantiate(wat([ring(call)]));
  for (const rounds of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 20000, 3, 20001])
    expect([rounds, run(rounds, 7n)]).toEqual([rounds, turned(rounds, 7)]);
});

only('more results than registers', () => {
  const count = 20;
  const results = Array.from({ length: count }, (_, i) => `(i32.add (local.get 0) (i32.const ${i}))`);
  const type = `(param i32) (result ${'i32 '.repeat(count)})`;
  const { f } = instantiate(
    wat([
      `(module (func $g ${type} ${results.join(' ')})
       (func $f (export "f") ${type}
         (if (i32.lt_s (local.get 0) (i32.const 100000))
           (then (return_call $f (i32.add (local.get 0) (i32.const 1)))))
         (return_call $g (local.get 0))))`,
    ]),
  );
  expect(f(0)).toEqual(Array.from({ length: count }, (_, i) => 100000 + i));
});

only('functions of the host and of other instances', () => {
  const other = instantiate(wat`(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))`);
  const module = wat`(module (import "m" "add" (func $add (param i32 i32) (result i32)))
    (table funcref (elem $add))
    (type $t (func (param i32 i32) (result i32)))
    (func (export "direct") (param i32) (result i32) (return_call $add (local.get 0) (i32.const 1)))
    (func (export "indirect") (param i32) (result i32)
      (return_call_indirect (type $t) (local.get 0) (i32.const 2) (i32.const 0))))`;
  for (const add of [other.add, (a, b) => a + b]) {
    const { direct, indirect } = instantiate(module, { m: { add } });
    expect([direct(40), indirect(40)]).toEqual([41, 42]);
  }
});

only('what is called in place of a function is outside of its handlers', () => {
  const thrown = new Error('mine');
  const { host, guest } = instantiate(
    wat`(module (import "m" "throws" (func $throws)) (tag $e)
      (func $throw (throw $e))
      (func (export "host") (try (do (return_call $throws)) (catch_all)))
      (func (export "guest") (result i32)
        (try (result i32) (do (try (do (call $inner)) (catch_all)) (i32.const 1)) (catch_all (i32.const 2))))
      (func $inner (try (do (return_call $throw)) (catch_all))))`,
    {
      m: {
        throws() {
          throw thrown;
        },
      },
    },
  );
  expect(host).toThrow(thrown);
  expect(guest()).toBe(1);
});

only('functions that become a part of their callers', () => {
  // Locals are zero at each call, loops, calls of itself, handlers and traps are those of each body.
  const { f, trap } = instantiate(wat`(module (tag $t (param i32))
    (func $f (export "f") (param $n i32) (param $sum i32) (result i32) (local $fresh i32)
      (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
      (local.set $fresh (i32.add (local.get $fresh) (i32.const 1)))
      (return_call $g (local.get $sum) (i32.sub (local.get $n) (i32.const 1)) (local.get $fresh)))
    (func $g (param $sum i32) (param $n i32) (param $add i32) (result i32) (local $fresh i32)
      (loop $l
        (local.set $fresh (i32.add (local.get $fresh) (i32.const 10)))
        (br_if $l (i32.lt_u (local.get $fresh) (i32.const 30))))
      (try
        (do (call $throws (i32.const 100)) (unreachable))
        (catch $t (local.set $fresh (i32.add (local.get $fresh)))))
      (return_call $f (local.get $n)
        (i32.add (i32.add (local.get $sum) (local.get $add)) (i32.add (local.get $fresh) (call $fib (i32.const 6))))))
    (func $throws (param i32) (throw $t (local.get 0)))
    (func $fib (param i32) (result i32)
      (if (i32.lt_u (local.get 0) (i32.const 2)) (then (return (local.get 0))))
      (return_call $sum (local.get 0)))
    (func $sum (param i32) (result i32)
      (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))
    (func (export "trap") (param i32) (result i32) (return_call $divide (i32.const 1) (local.get 0)))
    (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))`);
  for (const n of [1, 20000, 1, 20000, 2]) expect(f(n, 5)).toBe(5 + 139 * n);
  for (let i = 0; i < 12_000; i++) expect(trap(1)).toBe(1);
  expect(() => trap(0)).toThrow('divide by zero');
});

only('tail calls through a table that come to the function itself, and to the same one of another instance', () => {
  const bytes = wat`(module (type $t (func (param i32 i32) (result i32))) (import "m" "t" (table 2 funcref))
    (import "m" "place" (global $place i32)) (global $count (mut i32) (i32.const 0))
    (elem (global.get $place) $f)
    (func $f (type $t)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
      (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 3))
        (i32.rem_u (i32.div_u (local.get 0) (i32.const 3)) (i32.const 2))))
    (func (export "f") (param i32) (result i32) (return_call $f (local.get 0) (i32.const 0)))
    (func (export "count") (result i32) (global.get $count)))`;
  const t = new W.Table({ element: 'anyfunc', initial: 2 });
  const one = instantiate(bytes, { m: { t, place: 0 } });
  const other = instantiate(bytes, { m: { t, place: 1 } });
  for (let i = 0; i < 4; i++) expect(one.f(60000)).toBe(180000);
  expect(one.count() + other.count()).toBe(240004);
  expect(other.count()).toBe(120000);
});

/** Has three types of a module, which begin its section of types, be open, the second one a subtype of the first. */
function withSubtypes(bytes) {
  // Magic, version, then the section's number and size. (The text has no word for it that wabt knows.)
  const [head, types] = [[...bytes.slice(0, 8)], [...bytes.slice(10, 10 + bytes[9])]];
  const [count, ...rest] = types;
  const forms = [rest.slice(0, 5), rest.slice(5, 10), rest.slice(10, 16)];
  const open = [0x50, 0, ...forms[0], 0x50, 1, 0, ...forms[1], 0x50, 0, ...forms[2]];
  const section = [count, ...open, ...rest.slice(16)];
  return new Uint8Array([...head, 1, section.length, ...section, ...bytes.slice(10 + bytes[9])]);
}

only('through a table, of a type that has subtypes', () => {
  const module = withSubtypes(wat`(module (type $t (func (param i32) (result i32)))
    (type $s (func (param i32) (result i32))) (type $other (func (param i32 i32) (result i32)))
    (table 4 funcref) (elem (i32.const 0) $t $s $other)
    (func $t (type $t) (i32.add (local.get 0) (i32.const 1))) (func $s (type $s) (i32.mul (local.get 0) (i32.const 3)))
    (func $other (type $other) (local.get 1))
    (func (export "call") (param f64 i32 i32) (result f64)
      (f64.add (local.get 0) (f64.convert_i32_s (call_indirect (type $t) (local.get 1) (local.get 2)))))
    (func (export "sub") (param i32 i32) (result i32) (return_call_indirect (type $s) (local.get 0) (local.get 1)))
    (func (export "tail") (param i32 i32) (result i32) (return_call_indirect (type $t) (local.get 0) (local.get 1))))`);
  for (const rounds of [1, 3000]) {
    const { call, tail, sub } = instantiate(module);
    for (let i = 0; i < rounds; i++) {
      expect([call(0.5, 5, 0), call(0.5, 5, 1), tail(7, 0), tail(7, 1), sub(7, 1)]).toEqual([6.5, 15.5, 8, 21, 21]);
    }
    for (const index of [2, 3]) expect(() => call(0, 0, index)).toThrow(W.RuntimeError);
    for (const index of [2, 3, 4]) expect(() => tail(0, index)).toThrow(W.RuntimeError);
    for (const index of [0, 2, 3]) expect(() => sub(0, index)).toThrow(W.RuntimeError);
  }
});

only('a tail call into a wrong function is a trap', () => {
  const { f } = instantiate(wat`(module (type $t (func (result i32))) (table 2 funcref) (elem (i32.const 0) $g)
    (func $g) (func (export "f") (param i32) (result i32) (return_call_indirect (type $t) (local.get 0))))`);
  expect(() => f(0)).toThrow(W.RuntimeError);
  expect(() => f(1)).toThrow(W.RuntimeError);
  expect(() => f(2)).toThrow(W.RuntimeError);
});

only('constant expressions of several instructions', () => {
  const { a, b, memory } = instantiate(
    wat`(module (import "m" "g" (global $g i32)) (import "m" "h" (global $h i64))
      (memory (export "memory") 1)
      (global (export "a") i32 (i32.mul (i32.sub (global.get $g) (i32.const 2)) (i32.const -0x40000000)))
      (global (export "b") i64 (i64.add (i64.mul (global.get $h) (global.get $h)) (i64.const -1)))
      (data (i32.add (global.get $g) (i32.const 3)) "x"))`,
    { m: { g: 5, h: 0x100000001n } },
  );
  expect(a.value).toBe(0x40000000);
  expect(b.value).toBe(0x200000000n);
  expect(new Uint8Array(memory.buffer)[8]).toBe(120);
});

only('a tail call leaves the handlers around it, where its caller has a place in another body as well', () => {
  const { run, f } = instantiate(wat`(module
    (tag $t (param i32))
    (func $g (param i32) (result i32)
      (if (local.get 0) (then (throw $t (i32.const 7))))
      (i32.const 1))
    (func $f (export "f") (param i32) (result i32)
      (block $caught (result i32)
        (try_table (result i32) (catch $t $caught) (return_call $g (local.get 0)))))
    (func $h (param i32) (result i32)
      (block $caught (result i32)
        (return (try_table (result i32) (catch $t $caught) (call $f (local.get 0)))))
      (i32.add (i32.const 100)))
    (func (export "run") (param $n i32) (result i32) (local $sum i32)
      (loop $next
        (local.set $sum (i32.add (local.get $sum) (call $h (i32.eqz (i32.and (local.get $n) (i32.const 3))))))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $sum)))`);
  for (let i = 0; i < 3; i++) expect(run(100000)).toBe(2750000);
  expect(f(0)).toBe(1);
  expect(() => f(1)).toThrow(W.Exception);
});
