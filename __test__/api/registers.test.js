'use strict';

// Locals that the first tier keeps in registers: over calls of all kinds, exceptions, and operators that need registers.

const wat = require('../support/wat');

const TYPES = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' };

/** Where each is written, and what adds; a constant. */
const PLACES = { i: 0, l: 8, f: 16, d: 24, v: 32 };
const lanes = (t) => (t === 'v' ? 'i64x2' : TYPES[t]);
const constant = (t, n) => (t === 'v' ? `(v128.const i64x2 ${n} ${n * 5 + 1})` : `(${TYPES[t]}.const ${n})`);

/** What both engines make of a module whose export `f` is called with numbers; imports count what they are called with. */
function both(bytes, ...args) {
  return [wrtTest.impl, WebAssembly].map((api) => {
    const seen = [];
    const host = (x) => {
      seen.push(x);
      return x + 1;
    };
    const { f, memory } = new api.Instance(new api.Module(bytes), { m: { host } }).exports;
    return [f(...args), seen, memory && Buffer.from(memory.buffer, 0, 1024).toString('hex')];
  });
}

const CALLS = {
  none: '(nop)',
  'a function': '(local.set $i0 (call $other (local.get $i0) (local.get $d0)))',
  'the host': '(local.set $i0 (call $host (local.get $i0)))',
  'a table': '(local.set $i0 (call_indirect (type $t) (local.get $i0) (local.get $d0) (i32.const 0)))',
  'the runtime': '(local.set $i0 (i32.add (local.get $i0) (memory.grow (i32.const 0))))',
  division:
    '(local.set $i0 (i32.add (i32.mul (local.get $n) (local.get $i0)) (i32.rem_u (i32.div_s (local.get $i0) (i32.const 3)) (i32.add (local.get $n) (i32.const 1)))))',
  'a global': '(global.set $g (local.get $i0)) (local.set $i0 (i32.add (global.get $g) (i32.const 1)))',
};

describe.each(Object.keys(CALLS))('locals in a loop with %s', (kind) => {
  test.each([1, 2, 3, 4, 5, 8, 12])('%i of each type', (count) => {
    const all = (text) =>
      Array.from({ length: count }, (_, k) =>
        Object.keys(TYPES)
          .map((t) => text(`$${t}${k}`, TYPES[t], k, t))
          .join('\n'),
      ).join('\n');
    const params = 'ilfd'.split('').map((t) => `(param $${t}0 ${TYPES[t]})`);
    const bytes = wat(`(module (import "m" "host" (func $host (param i32) (result i32))) (memory (export "memory") 1)
      (type $t (func (param i32 f64) (result i32))) (table funcref (elem $other)) (global $g (mut i32) (i32.const 0))
      (func $other (type $t) (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e f64) (local $n i32)
        (loop $l
          (local.set $a (i32.add (local.get $a) (local.get 0)))
          (local.set $b (i32.xor (local.get $a) (local.get $b)))
          (local.set $c (i32.sub (local.get $b) (local.get $c)))
          (local.set $d (i32.add (local.get $c) (local.get $d)))
          (local.set $e (f64.add (local.get $e) (local.get 1)))
          (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5))))
        (i32.add (local.get $d) (i32.trunc_sat_f64_s (local.get $e))))
      (func $f (export "f") ${params.join('')} (result i32) (local $n i32)
        ${all((name, type, k, t) => (k || t === 'v' ? `(local ${name} ${type})` : ''))}
        ${all((name, type, k, t) => (k ? `(local.set ${name} ${constant(t, k * 7 + 3)})` : ''))}
        (loop $l
          ${all((name, type, k, t) => `(local.set ${name} (${lanes(t)}.add (${lanes(t)}.mul (local.get ${name}) ${constant(t, 3)}) (${lanes(t)}.sub (local.get $${t}${(k + 1) % count}) (local.get ${name}))))`)}
          ${CALLS[kind]}
          (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 9))))
        ${all((name, type, k, t) => `(${type}.store (i32.const ${k * 48 + PLACES[t]}) (local.get ${name}))`)}
        (local.get $i0)))`);
    const [own, builtin] = both(bytes, 5, 7n, 1.5, -2.25);
    expect(own).toEqual(builtin);
  });
});

test('locals of who catches and of its caller, when one that used the same registers was thrown out of', () => {
  const mix = (a, b) => `(local.set ${a} (i32.add (i32.mul (local.get ${a}) (i32.const 5)) (local.get ${b})))`;
  const locals =
    '(local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $x f64) (local $v v128) (local $n i32)';
  const work = `${mix('$a', '$b')} ${mix('$b', '$c')} ${mix('$c', '$d')} ${mix('$d', '$e')} ${mix('$e', '$n')}
    (local.set $x (f64.add (local.get $x) (f64.convert_i32_s (local.get $a))))
    (local.set $v (i32x4.add (i32x4.splat (local.get $b)) (i8x16.shuffle 4 5 6 7 8 9 10 11 12 13 14 15 0 1 2 3 (local.get $v) (local.get $v))))`;
  const sum = `(i32.add (i32.add (i32.add (local.get $a) (local.get $b)) (i32.add (local.get $c) (local.get $d)))
    (i32.add (i32.add (local.get $e) (i32.trunc_sat_f64_s (local.get $x)))
      (i32.add (i32x4.extract_lane 0 (local.get $v)) (i32x4.extract_lane 3 (local.get $v)))))`;
  const round = (code) => `(loop $l ${work} ${code}
    (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 7))))`;
  const bytes = wat(`(module (tag $tag (param i32)) (memory (export "memory") 1)
    (func $throws (param $p i32) (result i32) ${locals}
      ${round('(if (i32.gt_u (local.get $n) (local.get $p)) (then (throw $tag (local.get $a))))')} ${sum})
    (func $catches (param $p i32) (result i32) ${locals}
      ${round(`(try (do ${mix('$e', '$a')} (local.set $b (i32.add (local.get $b) (call $throws (local.get $n)))) ${mix('$a', '$e')})
        (catch $tag (local.set $a (i32.xor (local.get $a)))))`)} ${sum})
    (func $little (param $p i32) (result i32)
      (try (result i32) (do (call $throws (local.get $p))) (catch $tag)))
    (func (export "f") (param $p i32) (result i32) ${locals}
      ${round(`(local.set $c (i32.xor (local.get $c) (call $catches (local.get $b))))
        (local.set $d (i32.add (local.get $d) (call $little (i32.const 1))))`)} ${sum}))`);
  const [own, builtin] = both(bytes, 1);
  expect(own).toEqual(builtin);
});

test('an address whose register has more than 32 bits', () => {
  const loop = (body) => `(loop $l ${body}
    (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 20))))`;
  // Above its 32 bits it has others, which are not to be seen.
  const wide = '(i64.add (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 3)) (local.get $high))';
  const add = (value) => `(local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) ${value}))`;
  const locals = '(local $high i64) (local $at i32) (local $n i32) (local $sum i32) (local $other i32)';
  const bytes = wat(`(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
    (table funcref (elem $load))
    (func $load (param $p i32) (result i32) (local $n i32) (local $sum i32)
      ${loop(add('(i32.load offset=4 (local.get $p))'))} (local.get $sum))
    (func (export "f") (param $p i32) (result i32) ${locals}
      (local.set $high (i64.const 0x7654321000000000))
      ${loop('(i32.store (i32.mul (local.get $n) (i32.const 8)) (i32.mul (local.get $n) (i32.const 0x01234567)))')}
      (local.set $n (i32.const 0))
      ${loop(`
        (local.set $at (i32.wrap_i64 ${wide}))
        ${add('(i32.load (local.get $at))')}
        ${add(`(i32.load (i32.wrap_i64 ${wide}))`)}
        ${add(`(i32.load (local.tee $other (i32.wrap_i64 ${wide})))`)}
        ${add(`(i32.load (select (i32.wrap_i64 ${wide}) (local.get $at) (local.get $p)))`)}
        ${add(`(call $load (i32.wrap_i64 ${wide}))`)}
        ${add(`(call_indirect (param i32) (result i32) (i32.wrap_i64 ${wide}) (i32.const 0))`)}
        (global.set $g (i32.wrap_i64 ${wide}))
        ${add('(i32.load (global.get $g))')}
        (i32.store offset=512 (i32.wrap_i64 ${wide}) (local.get $sum))
        (i64.store32 offset=768 (i32.wrap_i64 ${wide}) ${wide})
        ${add(`(i32.load (block (result i32) (br_if 0 (i32.wrap_i64 ${wide}) (local.get $n))))`)}`)}
      (local.get $sum)))`);
  const [own, builtin] = both(bytes, 1);
  expect(own).toEqual(builtin);
});

test('arguments that are in the registers of others', () => {
  const orders = (list) =>
    list.length < 2
      ? [list]
      : list.flatMap((first, k) => orders(list.filter((_, i) => i !== k)).map((rest) => [first, ...rest]));
  // `$a`, `$b`, `$c` and `$x` have registers that are lent or kept; what is computed has others.
  const sum = '(i32.add (local.get $a) (local.get $b))';
  const product = '(i32.mul (local.get $b) (local.get $c))';
  const integers = orders([sum, product, '(local.get $a)', '(local.get $b)', '(i32.reinterpret_f32 (local.get $y))']);
  const floats = orders([
    '(f64.add (local.get $x) (local.get $z))',
    '(local.get $x)',
    '(local.get $z)',
    '(f64.reinterpret_i64 (local.get $l))',
  ]);
  const stack = [sum, '(local.get $c)', '(i32.const 77)'];
  const round = (number, value) => `(local.set $l (i64.add (i64.mul (local.get $l) (i64.const ${number})) ${value}))`;
  const params = `${'(param i32) '.repeat(7)} ${'(param f64) '.repeat(4)} (param v128 f32 f64 f64)`;
  const calls = (name, extra) =>
    integers.map((five, k) => {
      const [vector, swapped] = [
        k & 1 ? '(local.get $v)' : '(i32x4.add (local.get $w) (local.get $v))',
        '(local.get $w)',
      ];
      const ends = `(i32x4.sub ${vector} ${swapped}) (local.get $y) (f64.const 3) (local.get $x)`;
      const rest = `${stack[k % 3]} ${stack[(k + 1) % 3]} ${floats[k % floats.length].join(' ')} ${ends}`;
      return round(31, `(${name} ${five.join(' ')} ${rest} ${extra})`);
    });
  const fold = (values) =>
    values.reduce((all, value) => `(i64.add (i64.mul ${all} (i64.const 17)) ${value})`, '(i64.const 1)');
  const bytes =
    wat(`(module (type $t (func ${params} (result i64))) (table funcref (elem $hash)) (memory (export "memory") 1)
    (func $hash (type $t) ${fold([
      ...[0, 1, 2, 3, 4, 5, 6].map((k) => `(i64.extend_i32_u (local.get ${k}))`),
      ...[7, 8, 9, 10, 13, 14].map((k) => `(i64.reinterpret_f64 (local.get ${k}))`),
      ...[0, 1].map((k) => `(i64x2.extract_lane ${k} (local.get 11))`),
      '(i64.extend_i32_u (i32.reinterpret_f32 (local.get 12)))',
    ])})
    ${['(call $hash', '(call_indirect (type $t)']
      .map(
        (call, n) => `(func $f${n} (param $n i32) (result i64)
      (local $a i32) (local $b i32) (local $c i32) (local $l i64) (local $x f64) (local $z f64) (local $y f32) (local $v v128) (local $w v128)
      (local.set $y (f32.const 1.5)) (local.set $x (f64.const -2.5)) (local.set $w (v128.const i64x2 5 6))
      ;; Used so much more than called.
      ${Array.from({ length: 9 }, () => '(loop (loop (loop').join(' ')} ${`
        (local.set $a (i32.add (local.get $a) (i32.const 0x12345))) (local.set $b (i32.xor (local.get $b) (local.get $a)))
        (local.set $c (i32.sub (local.get $c) (local.get $b))) (local.set $x (f64.add (local.get $x) (f64.const 0.25)))
        (local.set $y (f32.add (local.get $y) (f32.const 1))) (local.set $z (f64.sub (local.get $x) (local.get $z)))
        (local.set $v (i32x4.add (local.get $v) (local.get $w)))`.repeat(9)} ${')))'.repeat(9)}
      (loop $l
        ${calls(call.slice(1), n ? '(i32.const 0)' : '').join(' ')}
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $l))`,
      )
      .join(' ')}
    (func (export "f") (param i32) (result i64) (i64.xor (call $f0 (local.get 0)) (i64.rotl (call $f1 (local.get 0)) (i64.const 1)))))`);
  const [own, builtin] = both(bytes, 3);
  expect(own).toEqual(builtin);
});
