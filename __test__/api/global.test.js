'use strict';

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const TYPES = ['i32', 'i64', 'f32', 'f64', 'externref', 'anyfunc'];
const VALUES = [
  0,
  -0,
  1.5,
  2 ** 31,
  2 ** 32 + 1,
  NaN,
  '7',
  true,
  null,
  undefined,
  {},
  [],
  5n,
  2n ** 63n,
  -(2n ** 64n) - 1n,
  Symbol('s'),
  () => {},
];

const DESCRIPTORS = {
  none: undefined,
  null: null,
  text: 'i32',
  empty: {},
  'unknown type': { value: 'i8' },
  'type undefined': { value: undefined },
  'type object': { value: { toString: () => 'i32' } },
  'type symbol': { value: Symbol('i32') },
  v128: { value: 'v128' },
  funcref: { value: 'funcref' },
  'mutable text': { value: 'i32', mutable: 'false' },
  'mutable 0': { value: 'i32', mutable: 0 },
};
same.each(DESCRIPTORS)('new Global', (W, log, descriptor) => {
  const global = log.try(() => new W.Global(descriptor));
  if (!global) return;
  log.try(() => global.value);
  log.try(() => (global.value = 3));
  log.try(() => global.value);
});

same.each(Object.fromEntries(TYPES.map((t) => [t, t])))('values of', (W, log, value) => {
  log.try(() => new W.Global({ value }).value);
  log.try(() => new W.Global({ value }, undefined).value);
  const variable = new W.Global({ value, mutable: true });
  for (const v of VALUES) {
    const made = log.try(() => new W.Global({ value }, v));
    if (made) log(made.value, made.valueOf(), Object.is(made.value, v));
    log.try(() => (variable.value = v));
    log(variable.value);
  }
  log.try(() => (new W.Global({ value }).value = null));
  log.try(() => (new W.Global({ value }).value = 0));
});

same('globals that both sides write', (W, log) => {
  const globals = {
    i32: new W.Global({ value: 'i32', mutable: true }, 1),
    i64: new W.Global({ value: 'i64', mutable: true }, 1n),
    f32: new W.Global({ value: 'f32', mutable: true }, 1),
    f64: new W.Global({ value: 'f64', mutable: true }, 1),
    externref: new W.Global({ value: 'externref', mutable: true }, 'x'),
    funcref: new W.Global({ value: 'anyfunc', mutable: true }, null),
  };
  const text = Object.keys(globals)
    .map(
      (t) => `(import "g" "${t}" (global $${t} (mut ${t}))) (export "${t}" (global $${t}))
        (func (export "get ${t}") (result ${t}) (global.get $${t}))
        (func (export "set ${t}") (param ${t}) (global.set $${t} (local.get 0)))`,
    )
    .sort((a, b) => a.length - b.length);
  const imports = text.map((t) => t.slice(0, t.indexOf(')))') + 3)).join('\n');
  const rest = text.map((t) => t.slice(t.indexOf(')))') + 3)).join('\n');
  const exports = instantiate(W, wat(`(module ${imports} ${rest})`), { g: globals });
  const other = instantiate(W, wat(`(module ${imports} ${rest})`), { g: exports });
  const object = {};
  const values = { i32: -5, i64: -6n, f32: 0.1, f64: 0.1, externref: object, funcref: exports['get i32'] };
  for (const [type, value] of Object.entries(values)) {
    exports[`set ${type}`](value);
    log(type, Object.is(globals[type].value, value), globals[type].value, exports[type] === globals[type]);
    log(other[`get ${type}`]() === globals[type].value);
    globals[type].value = type === 'i64' ? 77n : type === 'funcref' ? null : 77;
    log(exports[`get ${type}`](), other[`get ${type}`]());
  }
});

same('constant expressions', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module (import "m" "a" (global $a i32)) (import "m" "r" (global $r externref)) (func $f (export "f"))
      (global (export "i") i32 (global.get $a)) (global (export "x") externref (global.get $r))
      (global (export "f64") f64 (f64.const -0)) (global (export "i64") i64 (i64.const -1))
      (global (export "fn") funcref (ref.func $f)) (global (export "null") funcref (ref.null func)))`,
    { m: { a: 12, r: 'ref' } },
  );
  log(Object.entries(exports).map(([k, g]) => [k, g instanceof W.Global ? g.value : g]));
  log(exports.fn.value === exports.f);
});

same('v128 globals', (W, log) => {
  const { g, first } = instantiate(
    W,
    wat`(module (global $g (export "g") (mut v128) (v128.const i64x2 5 6))
    (func (export "first") (result i64) (i64x2.extract_lane 0 (global.get $g))))`,
  );
  log.try(() => g.value);
  log.try(() => (g.value = 1));
  log.try(() => g.valueOf());
  const copy = instantiate(
    W,
    wat`(module (import "m" "g" (global $g (mut v128)))
    (func (export "set") (global.set $g (v128.const i64x2 50 60))))`,
    { m: { g } },
  );
  log(first());
  copy.set();
  log(first());
});
