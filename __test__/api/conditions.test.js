'use strict';

// A comparison and what uses it: the first tier keeps what it says in the processor's flags. Next to V8.

const wat = require('../support/wat');

const INTEGERS = ['eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'];
const FLOATS = ['eq', 'ne', 'lt', 'gt', 'le', 'ge'];
const VALUES = {
  i32: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)],
  i64: [0n, 1n, -1n, 2n ** 32n, -(2n ** 63n)],
  f32: [0, -0, 1.5, -1.5, Infinity, NaN],
  f64: [0, -0, 1.5, -1.5, Infinity, NaN],
};

/** Expressions of an i32 around a comparison. */
const USES = {
  number: (c) => `(i32.add (i32.const 5) ${c})`,
  if: (c) => `(if (result i32) ${c} (then (i32.const 10)) (else (i32.const 20)))`,
  'if, of its opposite': (c) => `(if (result i32) (i32.eqz ${c}) (then (i32.const 10)) (else (i32.const 20)))`,
  br_if: (c) => `(block $b (br_if $b ${c}) (return (i32.const 7))) (i32.const 8)`,
  'br_if, of its opposite twice': (c) =>
    `(block $b (br_if $b (i32.eqz (i32.eqz ${c}))) (return (i32.const 7))) (i32.const 8)`,
  'br_if with a value': (c) => `(block $b (result i32) (br_if $b (i32.const 3) ${c}) (drop) (i32.const 4))`,
  'br_if above operands': (c) => `
    (local.set $n (i32.const 6)) (i32.mul (local.get $n) (i32.const 3))
    (block $b (br_if $b ${c}) (local.set $n (i32.const 9)))
    (i32.add (local.get $n))`,
  select: (c) => `(select (i32.const 11) (i32.const 12) ${c})`,
  'select of what was computed': (c) => `
    (select (i32.add (local.get $n) (i32.const 1)) (i32.sub (local.get $n) (i32.const 2)) ${c})`,
  'select of floats': (c) => `(i32.trunc_f64_s (select (f64.const 1.5) (f64.const 2.5) ${c}))`,
  'a local between': (c) => `(local.set $n ${c}) (i32.shl (local.get $n) (i32.const 33))`,
  'a tee between': (c) =>
    `(if (local.tee $n ${c}) (then (local.set $n (i32.add (local.get $n) (i32.const 4))))) (local.get $n)`,
  'a block between': (c) => `(block (result i32) ${c}) (if (result i32) (then (i32.const 1)) (else (i32.const 2)))`,
};

const comparisons = [];
for (const [type, values] of Object.entries(VALUES)) {
  const [a, b] = ['(local.get $a)', '(local.get $b)'];
  const one = type.startsWith('i') ? `(${type}.add ${b} (${type}.const 0))` : `(${type}.neg (${type}.neg ${b}))`;
  for (const op of type.startsWith('i') ? INTEGERS : FLOATS) {
    comparisons.push([`${type}.${op}`, type, values, `(${type}.${op} ${a} ${b})`]);
    comparisons.push([`${type}.${op} of what was computed`, type, values, `(${type}.${op} ${a} ${one})`]);
    comparisons.push([`${type}.${op} with a constant`, type, values, `(${type}.${op} ${a} (${type}.const 1))`]);
  }
  if (type.startsWith('i')) comparisons.push([`${type}.eqz`, type, values, `(${type}.eqz ${a})`]);
}

test.each(comparisons)('%s', (_, type, values, comparison) => {
  const functions = Object.entries(USES).map(
    ([name, use]) => `(func (export "${name}") (param $a ${type}) (param $b ${type}) (result i32) (local $n i32)
      ${use(comparison)})`,
  );
  const bytes = wat(`(module ${functions.join('\n')})`);
  const results = [wrtTest.impl, WebAssembly].map((api) => {
    const { exports } = new api.Instance(new api.Module(bytes));
    return Object.keys(USES).map((name) => [name, ...values.flatMap((a) => values.map((b) => exports[name](a, b)))]);
  });
  expect(results[0]).toEqual(results[1]);
});
