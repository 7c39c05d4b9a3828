'use strict';

// Activations that change over to a better form of their function while they are in a loop.

const wat = require('../support/wat');

/** Iterations that outlast the compilation of a small function many times. */
const MANY = 50_000_000;

test('a function that changes over in a loop still calls itself as its callers do', () => {
  // It calls itself every 2 ** 16 iterations, deeper than calls are inlined.
  const bytes = wat`(module
    (func $sum (export "sum") (param $n i32) (param $start i64) (param $deeper i32) (result i64)
      (local $i i32) (local $sum i64)
      (local.set $sum (local.get $start))
      (loop $next
        (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $i))))
        (if (select (local.get $deeper) (i32.const 0) (i32.eqz (i32.and (local.get $i) (i32.const 0xffff))))
          (then (local.set $sum
            (i64.add (local.get $sum) (call $sum (i32.const 3) (i64.const 7)
            (i32.sub (local.get $deeper) (i32.const 1)))))))
        (br_if $next
          (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.get $sum)))`;
  const [own, builtin] = [wrtTest.impl, WebAssembly].map((api) => {
    const { sum } = new api.Instance(new api.Module(bytes)).exports;
    return sum(MANY, 1n, 8);
  });
  expect(own).toBe(builtin);
});
