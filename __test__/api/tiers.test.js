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

test.each([10, 15, 16, 17, 18, 40])('%i locals of each type, near and far in the frame of a first call', (count) => {
  const types = { i: 'i32', l: 'i64', f: 'f32', d: 'f64' };
  const all = (text) => Array.from({ length: count }, (_, k) => text(k)).join('\n');
  const numbers = (text) =>
    all((k) =>
      Object.keys(types)
        .map((t) => text(`$${t}${k}`, types[t], k, t))
        .join('\n'),
    );
  const vectors = (text) => all((k) => text(`$v${k}`, k));
  // Each local is set to a number of its own; then each is read, also as the second operand, and set again.
  const bytes = wat(`(module (memory (export "memory") 1)
    (func (export "f") (param $seed i32) (result i32)
      ${numbers((name, type) => `(local ${name} ${type})`)}
      ${vectors((name) => `(local ${name} v128)`)}
      ${numbers((name, type, k) => `(local.set ${name} (${type}.const ${k * 77 + 5}))`)}
      ${vectors((name, k) => `(local.set ${name} (i32x4.splat (i32.add (local.get $seed) (i32.const ${k}))))`)}
      ${numbers((name, type, k, t) => `(local.set ${name} (${type}.mul (local.get ${name}) (local.get $${t}${(k + 1) % count})))`)}
      ${numbers((name, type, k, t) => `(${type}.store (i32.const ${k * 8 + 'ilfd'.indexOf(t) * 1024}) (local.get ${name}))`)}
      ${vectors((name, k) => `(v128.store (i32.const ${4096 + k * 16}) (i32x4.add (local.get ${name}) (local.get $v0)))`)}
      (i32.add (local.get $seed) (local.get $i${count - 1}))))`);
  const [own, builtin] = [wrtTest.impl, WebAssembly].map((api) => {
    const { f, memory } = new api.Instance(new api.Module(bytes)).exports;
    return [f(3), Buffer.from(memory.buffer, 0, 8192).toString('hex')];
  });
  expect(own).toEqual(builtin);
});
