'use strict';

// Vectors, whose places in the frame have two words, beside other operands: next to V8, and while functions change over to
// better code.

const wat = require('../support/wat');

/** Iterations that outlast the compilation of a small function many times. */
const MANY = 20_000_000;

function same(bytes, run) {
  const [own, builtin] = [wrtTest.impl, WebAssembly].map((api) => run(new api.Instance(new api.Module(bytes)).exports));
  expect(own).toEqual(builtin);
  return own;
}

test('vectors in locals, on the stack, in globals and as results of blocks', () => {
  const bytes = wat`(module
    (global $g (mut v128) (v128.const i64x2 7 9))
    (func $swap (param v128) (result v128)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get 0) (local.get 0)))
    (func $mix (param i32 v128 i64 f64 v128 f32) (result v128)
      (local $zero v128)
      (i64x2.add (call $swap (local.get 4))
        (i64x2.add
          (i64x2.replace_lane 1 (local.get 1) (i64.add (local.get 2) (i64.extend_i32_s (local.get 0))))
          (i64x2.add (local.get $zero)
            (i64x2.splat (i64.trunc_f64_s (f64.add (local.get 3) (f64.promote_f32 (local.get 5)))))))))
    (func $choose (param i32 v128 v128) (result v128)
      (drop (local.get 1))
      (block (result v128)
        (drop (br_if 0 (local.get 2) (i32.eq (local.get 0) (i32.const 2))))
        (if (result v128) (i32.eq (local.get 0) (i32.const 3))
          (then (global.get $g))
          (else (select (local.get 1) (local.get 2) (local.get 0))))))
    (func (export "lanes") (param i32 i64) (result i64)
      (local $a v128) (local $b v128) (local $n i32) (local $c v128)
      (local.set $a (i64x2.splat (local.get 1)))
      ;; Below the new value are the old one and numbers.
      (local.set $c
        (call $mix (local.get 0) (local.get $a) (local.get 1) (f64.const 2.5)
          (local.tee $a (i64x2.mul (local.get $a) (v128.const i64x2 3 5))) (f32.const 1.5)))
      (local.set $b (call $choose (local.get 0) (local.get $a) (local.get $c)))
      (global.set $g (v128.xor (local.get $b) (global.get $g)))
      (i64.add
        (i64.mul (i64x2.extract_lane 0 (global.get $g)) (i64.const 1000003))
        (i64x2.extract_lane 1 (call $swap (i64x2.sub (local.get $c) (local.get $b)))))))`;
  same(bytes, ({ lanes }) => [0, 1, 2, 3, 1, 0].map((n, k) => lanes(n, BigInt(k) * 0x123456789abcdefn)));
});

test('a loop with vectors below it and within changes over', () => {
  const bytes = wat`(module
    (func (export "sum") (param $n i32) (param $step i64) (result i64)
      (local $i i32) (local $sum v128) (local $step2 v128)
      (local.set $step2 (i64x2.replace_lane 1 (i64x2.splat (local.get $step)) (i64.const 3)))
      (i64x2.add
        (v128.const i64x2 11 13)
        (i64x2.splat (i64.add (i64.const 5)
          (loop $next (result i64)
            (local.set $sum (i64x2.add (local.get $sum) (local.get $step2)))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))
            (i64.add (i64x2.extract_lane 0 (local.get $sum)) (i64x2.extract_lane 1 (local.get $sum)))))))
      i64x2.extract_lane 1)
    (func (export "taken") (param $n i32) (result i64)
      ;; The vector is a parameter of the loop.
      (i64x2.splat (i64.const 1))
      (loop $next (param v128) (result v128)
        (i64x2.add (v128.const i64x2 1 2))
        (br_if $next (i32.ne (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0))))
      i64x2.extract_lane 1))`;
  same(bytes, ({ sum, taken }) => [sum(MANY, 7n), sum(1, 1n), taken(MANY), taken(1)]);
});

test('a hundred vectors on the stack', () => {
  const times = (count, text) => Array(count).fill(text).join(' ');
  const bytes = wat`(module
    (func (export "deep") (param i64) (result i64) (local $v v128)
      (local.set $v (i64x2.splat (local.get 0)))
      ${times(100, '(local.get $v) (local.set $v (i64x2.mul (local.get $v) (v128.const i64x2 3 5))) (drop (v128.const i64x2 1 2))')}
      ${times(99, 'i64x2.sub')}
      (i64x2.extract_lane 1)))`;
  same(bytes, ({ deep }) => [deep(1n), deep(-5n)]);
});

const shapes = (text, names) => names.split(' ').map((shape) => `${shape}.${text}`);
const many = (names, texts) => texts.split(' ').flatMap((text) => shapes(text, names));
const INTEGERS = 'i8x16 i16x8 i32x4 i64x2';
const FLOATS = 'f32x4 f64x2';
const SIGNED = 'lt_s gt_s le_s ge_s';

/** Of two vectors; `min` and `max` of floats make NaNs of their own, and are elsewhere. */
const BINARY = [
  ...['and', 'andnot', 'or', 'xor'].map((op) => `v128.${op}`),
  ...many(INTEGERS, `eq ne add sub ${SIGNED}`),
  ...many('i8x16 i16x8 i32x4', 'lt_u gt_u le_u ge_u min_s min_u max_s max_u'),
  ...many('i8x16 i16x8', 'add_sat_s add_sat_u sub_sat_s sub_sat_u avgr_u'),
  ...many('i16x8 i32x4 i64x2', 'mul'),
  ...many(FLOATS, 'eq ne lt gt le ge add sub mul div min max pmin pmax'),
  ...many('i8x16', 'narrow_i16x8_s narrow_i16x8_u swizzle shuffle!0!17!2!19!4!21!6!23!8!25!10!27!12!29!14!31'),
  ...many('i16x8', 'narrow_i32x4_s narrow_i32x4_u q15mulr_sat_s'),
  ...['i16x8 i8x16', 'i32x4 i16x8', 'i64x2 i32x4'].flatMap((pair) => {
    const [wide, narrow] = pair.split(' ');
    return many(wide, ['low', 'high'].flatMap((h) => ['s', 'u'].map((s) => `extmul_${h}_${narrow}_${s}`)).join(' '));
  }),
  'i32x4.dot_i16x8_s',
];

/** Of one vector. */
const UNARY = [
  'v128.not',
  ...many(INTEGERS, 'neg abs'),
  ...many(FLOATS, 'neg abs sqrt ceil floor trunc nearest'),
  ...['i16x8 i8x16', 'i32x4 i16x8', 'i64x2 i32x4'].flatMap((pair) => {
    const [wide, narrow] = pair.split(' ');
    return many(wide, ['low', 'high'].flatMap((h) => ['s', 'u'].map((s) => `extend_${h}_${narrow}_${s}`)).join(' '));
  }),
  ...many('i16x8', 'extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u'),
  ...many('i32x4', 'extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u trunc_sat_f32x4_s'),
  ...many('f32x4', 'convert_i32x4_s convert_i32x4_u demote_f64x2_zero'),
  ...many('f64x2', 'convert_low_i32x4_s promote_low_f32x4'),
];

/** A number of one vector: what comes before it, what makes a vector of it again. */
const NUMBERS = [
  ...[0, 9].flatMap((lane) => [`i32:i8x16.extract_lane_s ${lane}`, `i32:i8x16.extract_lane_u ${lane}`]),
  ...[0, 5].flatMap((lane) => [`i32:i16x8.extract_lane_s ${lane}`, `i32:i16x8.extract_lane_u ${lane}`]),
  ...[0, 3].flatMap((lane) => [`i32:i32x4.extract_lane ${lane}`, `f32:f32x4.extract_lane ${lane}`]),
  ...[0, 1].flatMap((lane) => [`i64:i64x2.extract_lane ${lane}`, `f64:f64x2.extract_lane ${lane}`]),
  ...many(INTEGERS, 'all_true bitmask').map((op) => `i32:${op}`),
  'i32:v128.any_true',
];

/** Of one vector and a number in `$i`, `$l`, `$f` or `$d`, or a constant. */
const WITH_NUMBER = [
  ...many(INTEGERS, 'shl shr_s shr_u').flatMap((op) => [
    `${op} (local.get $i)`,
    `${op} (i32.const 5)`,
    `${op} (i32.const -3)`,
  ]),
  ...[0, 7].map((lane) => `i8x16.replace_lane!${lane} (local.get $i)`),
  ...[0, 7].map((lane) => `i16x8.replace_lane!${lane} (local.get $i)`),
  ...[0, 3].flatMap((lane) => [
    `i32x4.replace_lane!${lane} (local.get $i)`,
    `f32x4.replace_lane!${lane} (local.get $f)`,
    `f32x4.replace_lane!${lane} (f32.add (local.get $f) (local.get $f))`,
    `f32x4.replace_lane!${lane} (f32.const 2.5)`,
  ]),
  ...[0, 1].flatMap((lane) => [
    `i64x2.replace_lane!${lane} (local.get $l)`,
    `f64x2.replace_lane!${lane} (local.get $d)`,
    `f64x2.replace_lane!${lane} (f64.add (local.get $d) (local.get $d))`,
    `f64x2.replace_lane!${lane} (f64.reinterpret_i64 (local.get $l))`,
  ]),
];

/** Of a number alone. */
const SPLATS = [
  ...['i8x16', 'i16x8', 'i32x4'].map((shape) => `${shape}.splat (local.get $i)`),
  'i64x2.splat (local.get $l)',
  'f32x4.splat (local.get $f)',
  'f32x4.splat (f32.add (local.get $f) (local.get $f))',
  'f64x2.splat (local.get $d)',
  'f64x2.splat (f64.add (local.get $d) (local.get $d))',
];

test('every operator, with operands in all kinds of places', () => {
  // `$r` and `$s` have registers; `$m` and `$n` have none, as others are used more.
  const others = Array.from({ length: 9 }, (_, k) => `$o${k}`);
  const vectors = [
    '(local.get $r)',
    '(local.get $m)',
    '(i16x8.add (local.get $r) (local.get $n))',
    '(v128.load (local.get $i))',
    '(v128.const i64x2 0 0)',
    '(call $same (local.get $s))',
  ];
  const pairs = vectors.flatMap((a) =>
    [...vectors, '(local.get $s)', '(local.tee $r (v128.xor (local.get $r) (local.get $n)))'].map((b) => [a, b]),
  );
  const op = (text, ...operands) => {
    const [name, ...rest] = text.split(' ');
    return `(${name.replaceAll('!', ' ')} ${operands.join(' ')} ${rest.join(' ')})`;
  };
  const number = (text, vector) => {
    const [type, name] = text.split(':');
    const shape = { i32: 'i32x4', i64: 'i64x2', f32: 'f32x4', f64: 'f64x2' }[type];
    return `(${shape}.splat (${name} ${vector}))`;
  };
  const select = '(select (result v128) ';
  const results = [
    ...BINARY.map((text) => pairs.map(([a, b]) => op(text, a, b))),
    ...UNARY.map((text) => vectors.map((a) => op(text, a))),
    ...NUMBERS.map((text) => vectors.map((a) => number(text, a))),
    ...WITH_NUMBER.map((text) => vectors.map((a) => op(text, a))),
    SPLATS.map((text) => `(${text})`),
    pairs.map(([a, b]) => `(v128.bitselect ${a} ${b} (local.get $n))`),
    pairs.map(([a, b]) => `${select} ${a} ${b} (i32.and (local.get $i) (i32.const 16)))`),
    vectors.map((a) => `(block (result v128) (v128.store (i32.const 48) ${a}) (v128.load (i32.const 48)))`),
    vectors.map((a) => `(block (result v128) (global.set $g ${a}) (global.get $g))`),
    vectors.map((a) => `(block (result v128) (local.set $n ${a}) (local.set $r (local.get $n)) (local.get $r))`),
    vectors.map((a) => `(v128.load32_lane 2 (local.get $i) ${a})`),
    vectors.map((a) => `(block (result v128) (v128.store16_lane 3 (local.get $i) ${a}) (v128.load (local.get $i)))`),
  ];
  // Each with a vector below that is wanted later. A NaN is one, whatever its bits.
  const equal = (vector) => `(v128.and (local.tee $x ${vector}) (f32x4.eq (local.get $x) (local.get $x)))`;
  const body = (list) =>
    list.map(
      (vector, k) => `
    (v128.store (i32.const ${1024 + 16 * k})
      (i64x2.add (i64x2.add (local.get $r) (f64x2.splat (f64.mul (local.get $d) (local.get $d)))) ${equal(vector)}))`,
    );
  const bytes = wat(`(module (memory (export "memory") 1) (global $g (mut v128) (v128.const i64x2 0 0))
    (func $same (param v128) (result v128) (local.get 0))
    ${results
      .map(
        (list, k) => `(func (export "f${k}") (param $i i32) (param $l i64) (param $f f32) (param $d f64)
      (local $x v128) (local $r v128) (local $s v128) (local $m v128) (local $n v128) ${others.map((name) => `(local ${name} v128)`).join('')}
      ${others
        .map((name) => `(local.set ${name} (local.get ${name}))`)
        .join(' ')
        .repeat(k % 2 ? 40 : 0)}
      (local.set $r (v128.load (i32.const 0))) (local.set $s (v128.load (i32.const 16)))
      (local.set $m (v128.load (i32.const 32))) (local.set $n (v128.load (i32.const 16)))
      ${body(list).join('')})`,
      )
      .join('\n')})`);
  same(bytes, (exports) => {
    const memory = new Uint8Array(exports.memory.buffer);
    return results.map((list, k) => {
      memory.fill(0);
      for (let i = 0; i < 64; i++) memory[i] = (i * 89 + 7 * k) ^ (i >> 2);
      exports[`f${k}`](16, 0x123456789abcdefn, 1.5, -2.25);
      return [list[0], Buffer.from(memory.subarray(0, 1024 + 16 * list.length)).toString('hex')];
    });
  });
});

// Not every V8 that the tests run on has tail calls.
(wrtTest.name === 'wrt' ? test : test.skip)('tail calls with vectors', () => {
  const numbers = '(param i64 i64 i64 i64 i64 i64 i64 i64)';
  const zeros = '(i64.const 0) '.repeat(7);
  const bytes = wat`(module
    (type $v (func (param v128 i64) (result v128)))
    (table funcref (elem $table))
    ;; Eight floats fill the registers: a ninth vector is on the stack.
    (func $nine (param i64 v128 v128 v128 v128 v128 v128 v128 v128 v128) (result v128)
      (return_call $table (i64x2.add (local.get 1) (local.get 9)) (local.get 0)))
    (func $stack ${numbers} (param v128) (result v128)
      (return_call $nine (local.get 0) (local.get 8) (local.get 8) (local.get 8) (local.get 8) (local.get 8)
        (local.get 8) (local.get 8) (local.get 8) (v128.const i64x2 1 2)))
    (func $table (type $v)
      (if (i64.eqz (local.get 1)) (then (return (local.get 0))))
      (return_call $stack (i64.sub (local.get 1) (i64.const 1)) ${zeros}
        (i64x2.add (local.get 0) (v128.const i64x2 10 20))))
    (func (export "run") (param i64) (result i64) (local $r v128)
      (local.set $r (call_indirect (type $v) (v128.const i64x2 5 6) (local.get 0) (i32.const 0)))
      (i64.add (i64x2.extract_lane 0 (local.get $r)) (i64.mul (i64.const 1000000000) (i64x2.extract_lane 1 (local.get $r))))))`;
  const { run } = new wrtTest.impl.Instance(new wrtTest.impl.Module(bytes)).exports;
  const expected = (n) => 5n + 11n * n + 1000000000n * (6n + 22n * n);
  for (const n of [0n, 1n, 2n, 100n, 1000000n, 3n]) expect(run(n)).toBe(expected(n));
});
