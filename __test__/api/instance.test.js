'use strict';

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const NEEDS_FUNCTION = wat`(module (import "m" "f" (func (param i32) (result i32))) (export "f" (func 0)))`;

const IMPORT_OBJECTS = {
  none: undefined,
  null: null,
  number: 3,
  string: 'm',
  function: () => {},
  empty: {},
  'module null': { m: null },
  'module undefined': { m: undefined },
  'module number': { m: 5 },
  'module string': { m: 'abc' },
  'module without the field': { m: {} },
  'module a function with the field': { m: Object.assign(() => {}, { f: (x) => x }) },
  right: { m: { f: (x) => x } },
  inherited: Object.create({ m: Object.create({ f: (x) => x }) }),
};
same.each(IMPORT_OBJECTS)('import object', async (W, log, imports) => {
  log.try(() => new W.Instance(new W.Module(NEEDS_FUNCTION), imports));
  log.try(() => new W.Instance(new W.Module(wat`(module)`), imports));
  await log.settled(() => W.instantiate(new W.Module(NEEDS_FUNCTION), imports));
});

const VALUES = (W) => ({
  undefined,
  null: null,
  number: 1,
  bigint: 1n,
  string: '1',
  symbol: Symbol('s'),
  object: {},
  function: () => {},
  class: class {},
  exported: instantiate(W, wat`(module (func (export "f") (param i32) (result i32) local.get 0))`).f,
  'exported of another type': instantiate(W, wat`(module (func (export "f") (param i64)))`).f,
  'i32 global': new W.Global({ value: 'i32' }, 1),
  'mutable i32 global': new W.Global({ value: 'i32', mutable: true }, 1),
  'i64 global': new W.Global({ value: 'i64' }, 1n),
  'f32 global': new W.Global({ value: 'f32' }, 1),
  'externref global': new W.Global({ value: 'externref' }, 'x'),
  'memory 1': new W.Memory({ initial: 1 }),
  'memory 2..3': new W.Memory({ initial: 2, maximum: 3 }),
  'memory 1..5': new W.Memory({ initial: 1, maximum: 5 }),
  'funcref table 1': new W.Table({ initial: 1, element: 'anyfunc' }),
  'funcref table 3..4': new W.Table({ initial: 3, maximum: 4, element: 'anyfunc' }),
  'externref table 3..4': new W.Table({ initial: 3, maximum: 4, element: 'externref' }),
});
same.each({
  function: '(func (param i32) (result i32))',
  'i32 global': '(global i32)',
  'i64 global': '(global i64)',
  'f32 global': '(global f32)',
  'f64 global': '(global f64)',
  'mutable i32 global': '(global (mut i32))',
  'externref global': '(global externref)',
  'funcref global': '(global funcref)',
  memory: '(memory 1)',
  'memory 2': '(memory 2)',
  'memory 1..4': '(memory 1 4)',
  'funcref table': '(table 2 funcref)',
  'funcref table 1..9': '(table 1 9 funcref)',
  'externref table': '(table 2 4 externref)',
})('linking a', (W, log, type) => {
  const module = new W.Module(wat(`(module (import "mod" "field" ${type}))`));
  for (const [name, value] of Object.entries(VALUES(W))) {
    log(name);
    log.try(() => new W.Instance(module, { mod: { field: value } }));
  }
});

same('imports are read in order, once each, and before anything is linked', (W, log) => {
  const module = new W.Module(wat`(module
    (import "a" "x" (func)) (import "b" "y" (global i32)) (import "a" "z" (func)) (import "a" "x" (func)))`);
  const seen = [];
  const watched = (name, target) => new Proxy(target, { get: (t, k) => (seen.push(`${name}.${String(k)}`), t[k]) });
  const imports = watched('', { a: watched('a', { x() {}, z() {} }), b: watched('b', { y: 1 }) });
  log.try(() => new W.Instance(module, imports));
  log(seen);
  log.try(
    () =>
      new W.Instance(module, {
        get a() {
          throw new RangeError('mine');
        },
      }),
  );
});

same('exports object', (W, log) => {
  const { exports } = new W.Instance(
    new W.Module(wat`(module
      (func (export "b")) (func (export "a")) (func (export "10")) (func (export "2")) (func (export ""))
      (global (export "__proto__") i32 (i32.const 1)) (func (export "then")))`),
  );
  log(Object.isFrozen(exports), Object.getPrototypeOf(exports), Reflect.ownKeys(exports), Object.keys(exports));
  log(Object.getOwnPropertyDescriptor(exports, 'a'));
  log(Reflect.set(exports, 'a', 1), Reflect.deleteProperty(exports, 'a'), Reflect.set(exports, 'new', 1));
  log(Object.prototype.toString.call(exports));
});

same('exported functions', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module
    (func $unused)
    (func $f (export "f") (export "again") (param i32 i64 f32))
    (func (export "g") (result i32 i32) i32.const 1 i32.const 2)
    (table (export "t") funcref (elem $f $unused)))`,
  );
  const { f } = exports;
  log(f.name, f.length, exports.g.name, exports.g.length, Object.hasOwn(f, 'prototype'), typeof f);
  log(Object.getOwnPropertyDescriptor(f, 'name'), Object.getOwnPropertyDescriptor(f, 'length'));
  log(f === exports.again, f === exports.t.get(0), exports.t.get(1) === exports.t.get(1), exports.t.get(1).name);
  log.try(() => new f());
  log.try(() => Reflect.construct(Object, [], f));
  log(Object.getPrototypeOf(f) === Object.getPrototypeOf(W.validate), Object.isExtensible(f));
  log(Reflect.ownKeys(f).map(String).sort());
});

same('identity over instances', (W, log) => {
  const first = instantiate(
    W,
    wat`(module
    (func (export "f")) (memory (export "m") 1) (table (export "t") 1 funcref)
    (global (export "g") (mut i32) (i32.const 0)) (global (export "c") i32 (i32.const 9)))`,
  );
  const second = instantiate(
    W,
    wat`(module (import "x" "f" (func)) (import "x" "m" (memory 0)) (import "x" "t" (table 0 funcref))
      (import "x" "g" (global (mut i32))) (import "x" "c" (global i32))
      (export "f" (func 0)) (export "m" (memory 0)) (export "t" (table 0)) (export "g" (global 0)) (export "c" (global 1)))`,
    { x: first },
  );
  for (const key of Object.keys(first)) log(key, first[key] === second[key]);
  const host = () => {};
  const reexport = (f) => instantiate(W, wat`(module (import "x" "f" (func)) (export "f" (func 0)))`, { x: { f } }).f;
  log(reexport(host) === host, reexport(host) === reexport(host), reexport(first.f) === first.f);
  log(reexport(host).name, reexport(host).length);
});

same('the instance', (W, log) => {
  const instance = new W.Instance(new W.Module(wat`(module)`));
  log(instance.exports === instance.exports, Object.keys(instance), Reflect.set(instance, 'exports', 1));
  log.try(() => new W.Instance());
  log.try(() => new W.Instance({}));
  log.try(() => new W.Instance(wat`(module)`));
});

same('start functions', async (W, log) => {
  const start = new W.Module(wat`(module (import "m" "f" (func)) (start 0))`);
  let calls = 0;
  new W.Instance(start, { m: { f: () => calls++ } });
  log(calls);
  const mine = new TypeError('mine');
  let caught;
  try {
    new W.Instance(start, {
      m: {
        f() {
          throw mine;
        },
      },
    });
  } catch (e) {
    caught = e;
  }
  log(caught === mine);
  log.try(() => instantiate(W, wat`(module (func $f unreachable) (start $f))`));
  await log.settled(() => W.instantiate(wat`(module (func $f unreachable) (start $f))`));
});

same('segments: what is in front of a bad one stays written', (W, log) => {
  const memory = new W.Memory({ initial: 1 });
  const table = new W.Table({ initial: 2, element: 'anyfunc' });
  log.try(() =>
    instantiate(
      W,
      wat`(module (import "m" "mem" (memory 1)) (data (i32.const 0) "abc") (data (i32.const 65535) "xy"))`,
      {
        m: { mem: memory },
      },
    ),
  );
  log([...new Uint8Array(memory.buffer, 0, 4)], new Uint8Array(memory.buffer)[65535]);
  log.try(() =>
    instantiate(
      W,
      wat`(module (import "m" "t" (table 1 funcref)) (func $f (export "f") (result i32) i32.const 7)
        (elem (i32.const 1) $f) (elem (i32.const 2) $f))`,
      { m: { t: table } },
    ),
  );
  log(table.get(0), table.get(1)());
});

same('globals given as numbers', (W, log) => {
  const get = (type, value) =>
    instantiate(W, wat(`(module (import "m" "g" (global $g ${type})) (export "g" (global $g)))`), { m: { g: value } })
      .g;
  log(get('i32', 2 ** 32 + 5).value, get('i32', -1.9).value, get('i64', 2n ** 64n + 1n).value);
  log(get('f32', 0.1).value, get('f64', 0.1).value, get('f64', NaN).value, get('f32', -0).value);
  const object = {};
  log(get('externref', object).value === object, get('externref', undefined).value, get('funcref', null).value);
  for (const [type, value] of [
    ['i32', 1n],
    ['i64', 1],
    ['f32', 'x'],
    ['f64', undefined],
    ['funcref', () => {}],
  ]) {
    log.try(() => get(type, value));
  }
});

// The exports object may be made late: whatever gave a function before, it is the same one.
same('functions that were seen before exports was read', (W, log) => {
  const exporter = new W.Instance(new W.Module(wat`(module (func (export "g") (result i32) (i32.const 5)))`));
  const module = new W.Module(wat`(module (import "m" "host" (func $host)) (import "m" "g" (func $g (result i32)))
    (import "m" "t" (table 5 funcref)) (global (export "r") funcref (ref.func $own))
    (func $other (result i32) (i32.const 6)) (func $own (export "own") (export "again") (result i32) (i32.const 7))
    (memory (export "memory") 1) (export "host" (func $host)) (export "g" (func $g)) (export "other" (func $other))
    (elem (i32.const 0) $host $g $own))`);
  for (const first of ['nothing', 'table', 'exports']) {
    const t = new W.Table({ element: 'anyfunc', initial: 5 });
    const { g } = exporter.exports;
    const instance = new W.Instance(module, { m: { host() {}, g, t } });
    const early = first === 'table' ? [t.get(0), t.get(1), t.get(2)] : [];
    if (first === 'exports') log(Object.keys(instance.exports));
    const { own, again, host, other, memory, r } = instance.exports;
    log(early.length === 0 || (early[0] === host && early[1] === g && early[2] === own));
    log([t.get(0) === host, t.get(1) === instance.exports.g, t.get(2) === own, own === again, r.value === own]);
    log(instance.exports === instance.exports, Object.isFrozen(instance.exports), instance.exports.memory === memory);
    t.set(3, other);
    log(t.get(3) === other, other === instance.exports.other, [own(), other(), t.get(1)()], own.name, other.name);
  }
});
