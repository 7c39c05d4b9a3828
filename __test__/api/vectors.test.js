'use strict';

// Vectors, which the first tier keeps as two words of the frame, beside other operands: next to V8, and while functions
// change over to better code.

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
