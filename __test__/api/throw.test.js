'use strict';

// Exceptions that wasm throws and catches, by the old instructions and by the new ones.

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

/** `body` with its exceptions caught, as text: of tag $t, with a value of type `type`; others give `other`. */
const STYLES = {
  old: (type, body, other) => `(try (result ${type}) (do ${body}) (catch $t) (catch_all ${other}))`,
  new: (type, body, other) => `
    (block $caught (result ${type})
      (block $other (br $caught (try_table (result ${type}) (catch $t $caught) (catch_all $other) ${body})))
      ${other})`,
};

/** A V8 that is too old has only the old instructions; then its log is another one, see differences.js. */
const withNew = (body) => (W, log, style) => {
  if (style === STYLES.old || W.validate(wat`(module (func (try_table)))`)) return body(W, log, style);
  return log('not there');
};

/** A test for each style. */
const both = (title, body) =>
  same.each(Object.fromEntries(Object.entries(STYLES).map(([name, style]) => [`(${name})`, style])))(
    title,
    withNew(body),
  );

/** Calls often enough for each form of the code. */
const ROUNDS = 12_000;

/** What comes out of a call: the value, or what is thrown, if it is one of the objects here. */
function outcome(f, known = {}) {
  try {
    return `returns ${String(f())}`;
  } catch (e) {
    const name = Object.keys(known).find((key) => known[key] === e);
    return name === undefined ? `throws ${e && e.constructor.name}: ${e && e.message}` : `throws ${name}`;
  }
}

const VALUES = { i32: -5, i64: -(2n ** 62n), f32: 1.5, f64: -0.1, externref: { toString: () => 'object' } };

for (const [type, value] of Object.entries(VALUES)) {
  both(`values: ${type}`, (W, log, style) => {
    const { f, leave } = instantiate(
      W,
      wat`(module
        (tag $t (export "t") (param ${type}))
        (func $throw (param ${type}) (throw $t (local.get 0)))
        (func (export "leave") (param ${type}) (call $throw (local.get 0)))
        (func (export "f") (param ${type}) (result ${type})
          ${style(type, '(call $throw (local.get 0)) (unreachable)', '(unreachable)')}))`,
    );
    log(f(value), f(value) === value);
    let caught;
    try {
      leave(value);
    } catch (e) {
      caught = e;
    }
    log(caught instanceof W.Exception);
  });
}

both('many values, in all forms of the code', (W, log, style) => {
  const { sum } = instantiate(
    W,
    wat`(module
      (tag $t (param i32))
      (tag $u (param i64 f64))
      (func $throw (param $i i32) (param $depth i32)
        (if (local.get $depth)
          (then (call $throw (local.get $i) (i32.sub (local.get $depth) (i32.const 1))) (return)))
        (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 3))) (then (throw $t (local.get $i))))
        (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 5))) (then (throw $u (i64.const 1) (f64.const 2)))))
      (func (export "sum") (param $n i32) (param $depth i32) (result i32) (local $sum i32) (local $i i32)
        (loop $next
          (local.set $sum
            (i32.add (i32.mul (local.get $sum) (i32.const 3))
              ${style('i32', '(call $throw (local.get $i) (local.get $depth)) (i32.const 1)', '(i32.const 1000)')}))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
        (local.get $sum)))`,
  );
  for (const depth of [0, 1, 40]) for (const n of [10, ROUNDS, 10 * ROUNDS]) log(sum(n, depth));
});

both('what imports throw', (W, log, style) => {
  const t = new W.Tag({ parameters: ['i32'] });
  const error = new Error('mine');
  const exception = new W.Exception(t, [7]);
  const other = new W.Exception(new W.Tag({ parameters: [] }), []);
  const trap = instantiate(W, wat`(module (func (export "f") unreachable))`).f;
  const known = { error, exception, other };
  let action;
  const { catches, passes } = instantiate(
    W,
    wat`(module
      (import "m" "f" (func $f))
      (import "m" "t" (tag $t (param i32)))
      (func (export "catches") (result i32) ${style('i32', '(call $f) (i32.const 1)', '(i32.const 2)')})
      (func (export "passes") (call $f)))`,
    { m: { f: () => action(), t } },
  );
  const actions = {
    nothing() {},
    error() {
      throw error;
    },
    null() {
      throw null;
    },
    exception() {
      throw exception;
    },
    other() {
      throw other;
    },
    runtimeError() {
      throw new W.RuntimeError('made by hand');
    },
    trap,
    trapBehindFunction: () => trap(),
    overflow: function overflow() {
      overflow();
    },
  };
  for (const [name, f] of Object.entries(actions)) {
    action = f;
    log(name, outcome(catches, known), name === 'null' ? '' : outcome(passes, known));
  }
  action = actions.exception;
  for (let i = 0; i < ROUNDS; i++) if (catches() !== 7) throw new Error(`round ${i}`);
});

both('between instances', (W, log, style) => {
  const t = new W.Tag({ parameters: ['i32'] });
  const thrower = wat`(module
    (import "m" "t" (tag $t (param i32)))
    (func (export "f") (param i32) (throw $t (local.get 0))))`;
  const catcher = wat`(module
    (import "m" "t" (tag $t (param i32)))
    (import "m" "f" (func $f (param i32)))
    (func (export "f") (param i32) (result i32) ${style('i32', '(call $f (local.get 0)) (i32.const 1)', '(i32.const 2)')}))`;
  const { f } = instantiate(W, thrower, { m: { t } });
  log(instantiate(W, catcher, { m: { t, f } }).f(5));
  // The same type is not the same tag.
  log(instantiate(W, catcher, { m: { t: new W.Tag({ parameters: ['i32'] }), f } }).f(5));
  // JavaScript between them.
  log(instantiate(W, catcher, { m: { t, f: (x) => f(x + 1) } }).f(5));
});

same('traps and overflows are not caught by old instructions', (W, log) => {
  const { trap, overflow } = instantiate(
    W,
    wat`(module
      (func $r (call $r))
      (func (export "trap") (try (do unreachable) (catch_all)))
      (func (export "overflow") (try (do (call $r)) (catch_all))))`,
  );
  log(outcome(trap));
  log(outcome(overflow));
});

// Both tiers must agree on which of the loops can be reached: the one before the last cannot.
const UNREACHED = {
  old: '(try (do (nop)) (catch_all (loop $dead (br $dead))))',
  new: `(block $out
    (block $dead
      (block $a (try_table (catch $t $a) (catch $u $dead) (throw $t)))
      (br $out))
    (loop $dead (br $dead)))`,
};

same.each({ '(old)': UNREACHED.old, '(new)': UNREACHED.new })(
  'code that nothing thrown gets to',
  (W, log, unreached) => {
    const bytes = wat`(module (tag $t) (tag $u)
    (func (export "f") (param $n i32) (result i32) (local $i i32)
      ${unreached}
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.get $i)))`;
    if (!W.validate(bytes)) return log('not there');
    const { f } = instantiate(W, bytes);
    for (let i = 0; i < 3; i++) log(f(5000000));
  },
);

same('blocks that catch: parameters, several clauses, several levels', (W, log) => {
  const { f } = instantiate(
    W,
    wat`(module
      (tag $a (param i32 i64)) (tag $b (param f64)) (tag $c)
      (func $throw (param $what i32) (param $f f64) (result i32)
        (if (i32.eq (local.get $what) (i32.const 1)) (then (throw $a (i32.const 7) (i64.const 0x100000000))))
        (if (i32.eq (local.get $what) (i32.const 2)) (then (throw $b (local.get $f))))
        (if (i32.eq (local.get $what) (i32.const 3)) (then (throw $c)))
        (local.get $what))
      (func $inner (param $what i32) (result i32) (local $kept i64)
        (local.set $kept (i64.const 1000))
        (i32.const 100000)
        (local.get $what)
        (try (param i32) (result i32)
          (do (f64.const 2.5) (call $throw))
          (catch $a (i64.add (local.get $kept)) (i64.shr_u (i64.const 3)) (i32.wrap_i64) (i32.add))
          (catch $b (drop) (try (result i32) (do (rethrow 1)) (delegate 1))))
        (i32.add))
      (func (export "f") (param $what i32) (result i32)
        (i32.const 1000000)
        (try (result i32)
          (do (try (result i32) (do (call $inner (local.get $what))) (catch $c (i32.const 5))))
          (catch $b (i32.trunc_f64_s (f64.mul (f64.const 2)))))
        (i32.add)))`,
  );
  const results = () => [0, 1, 2, 3, 4].map((what) => outcome(() => f(what))).join();
  log(results());
  const first = results();
  for (let i = 0; i < ROUNDS; i++) if (results() !== first) log(i, results());
});

same(
  'exceptions as values of others, which JavaScript keeps (new)',
  withNew((W, log) => {
    const thrown = { toString: () => 'thrown by JavaScript' };
    const kept = [];
    const { own, foreign, none, inner, number, object, b } = instantiate(
      W,
      wat`(module
      (import "m" "js" (tag $js (param externref)))
      (import "m" "throws" (func $throws))
      (import "m" "again" (func $again (param i32)))
      (tag $a (param i32)) (tag $b (export "b") (param i64 exnref f64))
      (func (export "own") (param i32)
        (throw $b (i64.const 5)
          (block $h (result exnref) (try_table (catch_all_ref $h) (throw $a (local.get 0))) (unreachable))
          (f64.const 2.5)))
      (func (export "foreign")
        (throw $b (i64.const 6)
          (block $h (result exnref) (try_table (catch_all_ref $h) (call $throws)) (unreachable))
          (f64.const 3.5)))
      (func (export "none") (throw $b (i64.const 7) (ref.null exn) (f64.const 4.5)))
      (func $inner (export "inner") (param i32)
        (drop
          (block $h (result i64 exnref f64) (try_table (catch $b $h) (call $again (local.get 0))) (unreachable)))
        (throw_ref) (drop))
      (func (export "number") (param i32) (result i32)
        (block $h (result i32) (try_table (catch $a $h) (call $inner (local.get 0))) (unreachable)))
      (func (export "object") (param i32) (result externref)
        (block $h (result externref) (try_table (catch $js $h) (call $inner (local.get 0))) (unreachable))))`,
      {
        m: {
          js: W.JSTag,
          throws() {
            throw thrown;
          },
          again(k) {
            throw kept[k];
          },
        },
      },
    );
    const keep = (f) => {
      try {
        f();
      } catch (e) {
        kept.push(e);
      }
    };
    keep(() => own(7));
    keep(foreign);
    keep(none);
    // Enough for the engine to free what nobody holds.
    for (let i = 0; i < ROUNDS; i++) outcome(() => own(i));
    log(number(0), object(1) === thrown);
    log(
      outcome(() => inner(2)),
      outcome(() => inner(1), { thrown }),
      outcome(() => number(1), { thrown }),
    );
    log(
      kept[0].getArg(b, 0),
      outcome(() => kept[0].getArg(b, 1)),
      kept[2].getArg(b, 2),
    );
  }),
);

same('rethrow and delegate', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module
      (tag $a (param i32)) (tag $b (param i32))
      (func (export "rethrow") (param $outer i32) (result i32) (local $i i32)
        (try (result i32)
          (do
            (try (result i32)
              (do (throw $a (i32.const 1)))
              (catch $a (drop)
                (try (result i32)
                  (do (throw $b (i32.const 2)))
                  (catch $b (drop)
                    ;; A loop that is long enough for another form of the code to take over.
                    (loop (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20000))))
                    (if (result i32) (local.get $outer) (then (rethrow 2)) (else (rethrow 1))))))))
          (catch $a (i32.add (i32.const 10)))
          (catch $b (i32.add (i32.const 20)))))
      (func (export "delegate") (param i32) (result i32)
        (try $outer (result i32)
          (do
            (try $middle (result i32)
              (do
                (try (result i32)
                  (do (if (local.get 0) (then (throw $a (i32.const 5)))) (i32.const 0))
                  (delegate $outer)))
              (catch $a (drop) (i32.const -1))))
          (catch $a)))
      (func (export "out") (try (do (try (do (throw $a (i32.const 6))) (delegate 1))) (catch_all))))`,
  );
  for (let i = 0; i < 3; i++) log(exports.rethrow(1), exports.rethrow(0), exports.delegate(0), exports.delegate(1));
  log(outcome(exports.out).replace(/: .*/, ''));
});

same(
  'references to exceptions',
  withNew((W, log) => {
    const t = new W.Tag({ parameters: ['externref'] });
    const { keep, again, isNull, throwNull } = instantiate(
      W,
      wat`(module
      (import "m" "f" (func $f))
      (global $g (mut exnref) (ref.null exn))
      (table $t 4 exnref)
      (func (export "keep") (param i32)
        (block $caught (result exnref) (try_table (catch_all_ref $caught) (call $f)) (return))
        (global.set $g)
        (table.set $t (local.get 0) (global.get $g)))
      (func (export "again") (param i32) (table.get $t (local.get 0)) (throw_ref))
      (func (export "isNull") (param i32) (result i32) (table.get $t (local.get 0)) (ref.is_null))
      (func (export "throwNull") (throw_ref (ref.null exn))))`,
      {
        m: {
          f() {
            throw thrown;
          },
        },
      },
    );
    const things = { exception: new W.Exception(t, [{}]), error: new Error('mine') };
    let thrown = things.exception;
    keep(0);
    thrown = things.error;
    keep(1);
    thrown = null;
    keep(2);
    log(isNull(0), isNull(1), isNull(2), isNull(3));
    log(
      outcome(() => again(0), things),
      outcome(() => again(1), things),
      outcome(() => again(2), { nothing: null }),
    );
    log(
      outcome(throwNull),
      outcome(() => again(3)),
    );
    // One object stands for it, however often it leaves.
    const { make, leave } = instantiate(
      W,
      wat`(module
      (tag $t)
      (global $g (mut exnref) (ref.null exn))
      (func (export "make") (global.set $g (block $c (result exnref) (try_table (catch_all_ref $c) (throw $t)) (unreachable))))
      (func (export "leave") (throw_ref (global.get $g))))`,
    );
    make();
    const objects = [0, 1].map(() => {
      try {
        return leave();
      } catch (e) {
        return e;
      }
    });
    log(objects[0] === objects[1], objects[0] instanceof W.Exception);
  }),
);

same(
  'JSTag',
  withNew((W, log) => {
    const error = new Error('mine');
    const { caught, thrower } = instantiate(
      W,
      wat`(module
      (import "m" "f" (func $f))
      (import "m" "t" (tag $t (param externref)))
      (func (export "caught") (result externref)
        (block $l (result externref) (try_table (catch $t $l) (call $f)) (ref.null extern)))
      (func (export "thrower") (param externref) (throw $t (local.get 0))))`,
      {
        m: {
          f() {
            throw error;
          },
          t: W.JSTag,
        },
      },
    );
    log(caught() === error);
    log(
      outcome(() => thrower(error), { error }),
      outcome(() => thrower('text'), { text: 'text' }),
    );
  }),
);

same(
  'exceptions that nobody holds are freed',
  withNew((W, log) => {
    const { f } = instantiate(
      W,
      wat`(module
      (tag $t (param externref))
      (func $throw (param externref) (throw $t (local.get 0)))
      (func (export "f") (param $x externref) (param $n i32) (local $i i32)
        (loop $next
          (drop (block $l (result externref) (try_table (catch $t $l) (call $throw (local.get $x))) (ref.null extern)))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))))`,
    );
    f({}, 1000);
    const before = process.memoryUsage.rss();
    f({}, 1000000);
    for (let i = 0; i < 100; i++) f({ i }, 1000);
    log((process.memoryUsage.rss() - before) / 2 ** 20 < 64);
  }),
);

// What a body throws itself goes straight to its clause, in code that is made for good.
const CLAUSES = {
  'the second of two': '(try (result i32) (do (call $body (local.get 0))) (catch $u (drop)) (catch $t))',
  catch_all: '(try (result i32) (do (call $body (local.get 0))) (catch $none (i32.const 1)) (catch_all (i32.const 2)))',
  'after a body that throws in any case':
    '(try (result i32) (do (throw $t (local.get 0))) (catch $t) (catch_all (i32.const 3)))',
  'none, and one of the try around it': `(try (result i32)
      (do (try (result i32) (do (call $body (local.get 0))) (catch $none (i32.const 4))))
      (catch $t (i32.add (i32.const 100))) (catch $u (drop)))`,
  'one that throws it again': `(try (result i32)
      (do (try (result i32) (do (call $body (local.get 0))) (catch $t (drop) (rethrow 0)) (catch_all (rethrow 0))))
      (catch $t (i32.add (i32.const 200))) (catch $u (f64.gt (f64.const 2)) (i32.add)))`,
  'one that throws it again from a try in it': `(try (result i32)
      (do (try (result i32) (do (call $body (local.get 0)))
        (catch $t (drop) (try (result i32) (do (rethrow 1)) (catch $u (drop))))
        (catch_all (block (result i32) (rethrow 1)))))
      (catch $t (i32.add (i32.const 300))) (catch $u (drop)))`,
  'one beyond a delegate': `(try (result i32)
      (do (try (result i32) (do (call $body (local.get 0))) (delegate 0)))
      (catch $t (i32.add (i32.const 400))) (catch $u (drop)))`,
  'one that throws another': `(try (result i32)
      (do (try (result i32) (do (call $body (local.get 0)))
        (catch $t (throw $u (i32.add (i32.const 5)) (f64.const 1))) (catch $u (drop) (throw $t (i32.add (i32.const 6))))))
      (catch $t (i32.add (i32.const 500))) (catch $u (drop)))`,
  'one in a loop with operands below': `(i32.add (i32.const 7) (try (result i32)
      (do (loop (result i32) (call $body (local.get 0)) (br_if 1 (i32.const 1)) (drop) (br 0)))
      (catch $t (loop (param i32) (result i32) (i32.add (i32.const 600)) (br_if 0 (i32.lt_s (local.get 0) (i32.const 0)))))
      (catch $u (drop))))`,
};

same.each(CLAUSES)('clauses of an old try', (W, log, text) => {
  const { one, many } = instantiate(
    W,
    wat`(module
      (tag $t (param i32)) (tag $u (param i32 f64)) (tag $none)
      (func $body (param i32) (result i32)
        (if (i32.and (local.get 0) (i32.const 1)) (then (throw $t (local.get 0))))
        (if (i32.and (local.get 0) (i32.const 2)) (then (throw $u (i32.const 20) (f64.const 1.5))))
        (local.get 0))
      (func $one (export "one") (param i32) (result i32) ${text})
      (func (export "many") (param $n i32) (result i32) (local $sum i32)
        (loop $next
          (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (call $one (local.get $n))))
          (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))`,
  );
  for (let round = 0; round < 3; round++) {
    log(many(ROUNDS * 10));
    for (let i = 0; i < 4; i++) log(one(i));
  }
});

same('clauses of an old try whose tags may be the same', (W, log) => {
  const [a, b] = [new W.Tag({ parameters: ['i32'] }), new W.Tag({ parameters: ['i32'] })];
  const bytes = wat`(module
    (import "m" "a" (tag $a (param i32))) (import "m" "b" (tag $b (param i32)))
    (func (export "f") (param $n i32) (result i32) (local $sum i32)
      (loop $next
        (local.set $sum (i32.add (local.get $sum)
          (try (result i32) (do (throw $b (local.get $n)))
            (catch $a (drop) (i32.const 1)) (catch $b (drop) (i32.const 2)))))
        (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $sum)))`;
  for (const m of [
    { a, b },
    { a, b: a },
  ])
    log(instantiate(W, bytes, { m }).f(ROUNDS * 10));
});
