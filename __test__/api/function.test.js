'use strict';

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const IDENTITY = wat`(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "externref") (param externref) (result externref) local.get 0)
  (func (export "funcref") (param funcref) (result funcref) local.get 0)
  (func (export "many") (param i32 f32 i32 f64 i32 i64 i32 f32 externref i32) (result i32 f32 i32 f64 i32 i64 i32 f32 externref i32)
    local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6 local.get 7 local.get 8 local.get 9)
  (func (export "none"))
  (func (export "v128") (param v128))
  (func (export "gives v128") (result v128) v128.const i64x2 0 0))`;

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  1.5,
  -1.5,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 31) - 1,
  1e300,
  NaN,
  Infinity,
  -Infinity,
  5e-324,
];
const OTHERS = [
  undefined,
  null,
  true,
  '12',
  ' 0x10 ',
  'x',
  '',
  [],
  [7],
  {},
  3n,
  -1n,
  2n ** 63n,
  2n ** 64n,
  Symbol('s'),
  () => {},
];

for (const type of ['i32', 'i64', 'f32', 'f64', 'externref', 'funcref']) {
  same(`arguments: ${type}`, (W, log) => {
    const exports = instantiate(W, IDENTITY);
    for (const value of [...NUMBERS, ...OTHERS, exports.i32]) log.try(() => exports[type](value));
    log.try(() => exports[type]());
    log.try(() => exports[type](1, 2, 3));
    log.try(() => exports[type]({ valueOf: () => 9 }));
    log.try(() => exports[type]({ valueOf: () => 9n }));
    log.try(() => exports[type]({ [Symbol.toPrimitive]: (hint) => (hint === 'number' ? 4 : 5) }));
    log.try(() =>
      exports[type]({
        valueOf() {
          throw new RangeError('mine');
        },
      }),
    );
  });
}

same('several arguments: order of conversion, and none after an error', (W, log) => {
  const { many } = instantiate(W, IDENTITY);
  const seen = [];
  const value = (name, v) => ({ valueOf: () => (seen.push(name), v) });
  const args = ['a', 'b', 'c', 'd', 'e'].map((name, i) => value(name, i + 0.5));
  log.try(() => many(...args, value('f', 6n), value('g', 7), value('h', 8.25), 'ref', value('i', 10)));
  log(seen.splice(0));
  log.try(() => many(...args, value('f', 6), value('g', 7)));
  log(seen.splice(0));
  log.try(() => many());
  log.try(() => many(1, 2, 3, 4, 5, 6n));
});

same('a conversion may call into the same instance', (W, log) => {
  const { many, i32 } = instantiate(W, IDENTITY);
  const busy = (v) => ({ valueOf: () => (many(9, 9, 9, 9, 9, 9n, 9, 9, 'inner', 9), i32(77), v) });
  log(
    many(
      busy(1),
      busy(2),
      busy(3),
      busy(4),
      busy(5),
      { valueOf: () => (i32(5), 6n) },
      busy(7),
      busy(8),
      'outer',
      busy(10),
    ),
  );
});

same('results', (W, log) => {
  const exports = instantiate(W, IDENTITY);
  log(exports.none(), exports.none(1, 2));
  const result = exports.many(1, 2, 3, 4, 5, 6n, 7, 8, null, 10);
  log(result, Array.isArray(result), Object.getPrototypeOf(result).constructor.name, Object.isFrozen(result));
  log.try(() => exports.v128(1));
  log.try(() => exports['gives v128']());
});

same('results of imports: one', (W, log) => {
  for (const type of ['i32', 'i64', 'f32', 'f64', 'externref', 'funcref']) {
    let next;
    const { f } = instantiate(
      W,
      wat(`(module (import "m" "f" (func $f (result ${type}))) (func (export "f") (result ${type}) call $f))`),
      { m: { f: () => next } },
    );
    for (next of [...NUMBERS, ...OTHERS, { valueOf: () => 8 }, f]) {
      log(type, next);
      log.try(f);
    }
  }
});

same('results of imports: none and several', (W, log) => {
  let next;
  const imports = { m: { f: () => next } };
  const { none } = instantiate(W, wat`(module (import "m" "f" (func $f)) (func (export "none") call $f))`, imports);
  for (next of [1, {}, [1, 2]]) log.try(none);
  const { two } = instantiate(
    W,
    wat`(module (import "m" "f" (func $f (result i32 i64))) (func (export "two") (result i32 i64) call $f))`,
    imports,
  );
  function* generate() {
    yield 1;
    yield 2n;
  }
  const closed = [];
  const iterable = (values) => ({
    [Symbol.iterator]: () => ({
      next: () => (values.length ? { value: values.shift(), done: false } : { value: undefined, done: true }),
      return: () => (closed.push('closed'), {}),
    }),
  });
  const cases = [
    [1, 2n],
    new Set([1, 2n]),
    generate(),
    iterable([1, 2n]),
    iterable([1, 2n, 3]),
    iterable([1]),
    iterable([1, 2]),
    [1],
    [1, 2n, 3],
    [1, 2],
    [{ valueOf: () => 5 }, { valueOf: () => 6n }],
    [],
    'ab',
    undefined,
    null,
    7,
    {},
    { length: 2, 0: 1, 1: 2n },
    { [Symbol.iterator]: 3 },
    { [Symbol.iterator]: () => 3 },
    {
      [Symbol.iterator]() {
        throw new RangeError('mine');
      },
    },
    {
      [Symbol.iterator]: () => ({
        next() {
          throw new RangeError('mine');
        },
      }),
    },
  ];
  for (next of cases) log.try(two);
  log(closed);
});

same('what imports receive', (W, log) => {
  const seen = [];
  const { call } = instantiate(
    W,
    wat`(module
      (import "m" "f" (func $f (param i32 i64 f32 f64 externref funcref)))
      (func $me (export "call") (param externref)
        i32.const -1 i64.const -1 f32.const 0.1 f64.const 0.1 local.get 0 ref.func $me call $f
        i32.const -2147483648 i64.const 0x7fffffffffffffff f32.const nan f64.const -0 ref.null extern ref.null func call $f))`,
    {
      m: {
        f(...args) {
          seen.push([this === undefined, args.length, ...args]);
        },
      },
    },
  );
  const object = {};
  call(object);
  log(seen);
  log(seen[0][6] === object, seen[0][7] === call);
});

// No other test imports a function of this type: what V8 makes for the calls of a type is used in all realms of a process
// once there were many, and then has the global object of the realm that it was made in.
same('the receiver of imports', (W, log) => {
  const bytes = wat`(module (import "m" "f" (func $f (result f32))) (func (export "f") call $f drop))`;
  const { f } = instantiate(W, bytes, {
    m: { f: new Function('globalThis.wrtThis = this === globalThis; globalThis.wrtArgs = arguments.length') },
  });
  f();
  log(globalThis.wrtThis, globalThis.wrtArgs);
});

same('imports that are no plain functions', (W, log) => {
  const call = (f) =>
    instantiate(
      W,
      wat`(module (import "m" "f" (func $f (param i32) (result i32))) (func (export "f") (param i32) (result i32) local.get 0 call $f))`,
      { m: { f } },
    ).f;
  log(
    call(Math.abs)(-4),
    call(((a, b) => a + b).bind(null, 5))(6),
    call(new Proxy((x) => x * 2, {}))(4),
    call(Number)(3),
  );
  log.try(() => call(class {})(1));
  log.try(() => call(async () => 3)(1));
  log.try(() => call(Symbol)(1));
});

same('exceptions pass through unchanged', (W, log) => {
  const depth = instantiate(
    W,
    wat`(module (import "m" "f" (func $f)) (global $after (export "after") (mut i32) (i32.const 0))
      (func $down (export "down") (param i32)
        (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else (call $f)))
        (global.set $after (i32.const 1))))`,
    {
      m: {
        f() {
          throw thrown;
        },
      },
    },
  );
  let thrown;
  for (thrown of [
    new Error('e'),
    new W.RuntimeError('r'),
    'text',
    1,
    undefined,
    null,
    Object.freeze({}),
    Symbol.iterator,
    () => {},
  ]) {
    let caught = 'nothing';
    try {
      depth.down(20);
    } catch (e) {
      caught = e;
    }
    log(caught === thrown, depth.after.value);
  }
});

same('nested activations', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module (import "m" "f" (func $f (param i32) (result i32)))
      (func (export "down") (param i32) (result i32) (local $keep i32)
        (local.set $keep (i32.mul (local.get 0) (i32.const 3)))
        (i32.add (call $f (local.get 0)) (local.get $keep))))`,
    {
      m: {
        f(n) {
          if (n === 0) return 1;
          if (n === 7) throw new RangeError('seven');
          try {
            return exports.down(n - 1) + 1;
          } catch (e) {
            if (n === 12) return 1000;
            throw e;
          }
        },
      },
    },
  );
  log(exports.down(5), exports.down(6));
  log.try(() => exports.down(9));
  log(exports.down(20), exports.down(3));
});

same('a function of wasm, called from another instance, keeps its own', (W, log) => {
  const counter = instantiate(
    W,
    wat`(module (global $n (mut i32) (i32.const 0)) (memory 1)
      (func (export "next") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (i32.store (i32.const 0) (global.get $n)) (i32.load (i32.const 0)))
      (func (export "boom") unreachable))`,
  );
  const user = instantiate(
    W,
    wat`(module (import "c" "next" (func $next (result i32))) (import "c" "boom" (func $boom)) (memory 1)
      (func (export "twice") (result i32 i32 i32) call $next call $next (i32.load (i32.const 0)))
      (func (export "boom") call $boom))`,
    { c: counter },
  );
  log(user.twice(), counter.next(), user.twice());
  log.try(user.boom);
  log(user.twice());
});

same('references', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module (global $kept (export "kept") (mut externref) (ref.null extern)) (table $t (export "t") 4 externref)
      (func (export "keep") (param externref) (global.set $kept (local.get 0)) (table.set $t (i32.const 1) (local.get 0)))
      (func (export "get") (result externref externref) (global.get $kept) (table.get $t (i32.const 1)))
      (func (export "isNull") (param externref) (result i32) (ref.is_null (local.get 0))))`,
  );
  for (const value of [{}, null, undefined, 5, -0, 'text', Symbol.for('s'), 9n, NaN, exports.keep]) {
    exports.keep(value);
    log(
      exports.get().map((v) => Object.is(v, value)),
      exports.isNull(value),
    );
    log(Object.is(exports.kept.value, value), Object.is(exports.t.get(1), value), exports.t.get(0));
  }
});

same('an object that comes again, with many others in between', (W, log) => {
  const { t, set } = instantiate(
    W,
    wat`(module (table $t (export "t") 2 externref)
      (func (export "set") (param i32 externref) (table.set $t (local.get 0) (local.get 1))))`,
  );
  const object = {};
  let wrong = 0;
  for (let i = 0; i < 5000; i++) {
    set(0, object);
    const other = i % 3 === 0 ? object : { i };
    t.set(1, other);
    if (t.get(0) !== object || t.get(1) !== other) wrong++;
    set(0, null);
  }
  log(wrong);
});

same('stack overflow is a RangeError, and the instance goes on', (W, log) => {
  const { f, g } = instantiate(
    W,
    wat`(module (func $f (export "f") call $f) (func (export "g") (result i32) i32.const 3))`,
  );
  log.try(f);
  log(g());
  log.try(f);
  log(g());
});

// More results than the registers hold: called for the first time from JavaScript, directly, and through a table.
same.each({ 'nine i32': 'i32 '.repeat(9), 'nine f64': 'f64 '.repeat(9), both: 'i64 f32 '.repeat(12) })(
  'many results',
  (W, log, types) => {
    const constants = (first) =>
      types
        .trim()
        .split(' ')
        .map((type, i) => `(${type}.const ${first + i})`)
        .join(' ');
    const bytes = wat(`(module (type $t (func (param i32) (result ${types})))
      (func $f (type $t) ${constants(0)})
      (func $g (type $t) ${constants(100)})
      (table funcref (elem $g))
      (func (export "direct") (type $t) (call $f (local.get 0)))
      (func (export "indirect") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))
      (func (export "own") (type $t) ${constants(200)}))`);
    const { exports } = new W.Instance(new W.Module(bytes));
    for (const name of ['direct', 'indirect', 'own']) log(name, exports[name](7), exports[name](8));
  },
);
