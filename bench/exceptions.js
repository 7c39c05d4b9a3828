'use strict';

// node bench/exceptions.js [--filter TEXT] [--node EXECUTABLE]...
//
// What exceptions, tail calls, calls of references and 64-bit addresses cost: V8's own wasm and wrt take turns in one process, sample by
// sample, and the processor time of the process is what counts. Ratios are of medians. --node runs all of it on another
// Node as well. What V8 does not have there is left empty. Where JavaScript throws or catches, the last column has what the
// throws that wrt needs for it take by themselves: through Node-API nothing passes but what JavaScript caught.
// WRT_TEST_IMPL=builtin measures V8 against itself.

const { spawnSync } = require('node:child_process');
const initWabt = require('wabt');
const { builtin, load } = require('../__test__/support/impl');
const { median, sample } = require('./samples');

const SAMPLES = 9;
const SAMPLE_MS = 15;
const TAIL_CALLS = 1e8;
const FEATURES = { exceptions: true, tail_call: true, memory64: true, reference_types: true };

const given = (name) => process.argv.flatMap((arg, i) => (process.argv[i - 1] === name ? [arg] : []));
const [filter = ''] = given('--filter');

/** A loop of $n rounds in wasm. */
const rounds = (name, body) => `(func (export "${name}") (param $n i32) (local $s i32)
  (loop $l ${body} (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n))))`;

/** `body`, which throws $t with an i32, and what is caught added to $s; by the old instructions and the new. */
const STYLES = {
  old: {
    caught: (body) =>
      `(local.set $s (i32.add (local.get $s) (try (result i32) (do ${body} (unreachable)) (catch $t))))`,
    all: (body) => `(try (do ${body}) (catch_all))`,
    again: (body) => `(try (do ${body}) (catch_all (rethrow 0)))`,
  },
  new: {
    caught: (body) => `(local.set $s (i32.add (local.get $s)
      (block $b (result i32) (try_table (catch $t $b) ${body}) (unreachable))))`,
    all: (body) => `(block $b (try_table (catch_all $b) ${body}))`,
    again: (body) => `(throw_ref (block $b (result exnref) (try_table (catch_all_ref $b) ${body}) (unreachable)))`,
  },
};

/** A chain of `depth` functions, the innermost of which throws; `body` wraps what each does. */
function chain(depth, body = (call) => call) {
  const functions = [`(func $f0 (param i32) (throw $t (local.get 0)))`];
  for (let k = 1; k < depth; k++)
    functions.push(`(func $f${k} (param i32) ${body(`(call $f${k - 1} (local.get 0))`)})`);
  return functions.join('\n');
}

/** Sums, moves and chases through 64 KiB: kernels that hardly do anything but access memory. */
const kernels = (type) => {
  const { add, sub, mul, and } = Object.fromEntries(['add', 'sub', 'mul', 'and'].map((op) => [op, `${type}.${op}`]));
  const constant = (n) => `(${type}.const ${n})`;
  const loop = (locals, body) => `(param $n i32) (result i32) (local $i ${type}) (local $s i32) ${locals}
    (loop $again
      (local.set $i ${constant(0)})
      (loop $l ${body}
        (local.set $i (${add} (local.get $i) ${constant(4)}))
        (br_if $l (${type}.lt_u (local.get $i) ${constant(32768)})))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $s)`;
  return `(module (memory ${type === 'i64' ? 'i64' : ''} 2)
    (func (export "sum") ${loop('', '(local.set $s (i32.add (local.get $s) (i32.load (local.get $i))))')})
    (func (export "fields of records") ${loop(
      `(local $p ${type})`,
      `(local.set $p (${mul} (${and} (local.get $i) ${constant(1023)}) ${constant(16)}))
       (i32.store offset=8 (local.get $p) (i32.add (i32.load (local.get $p)) (i32.load offset=4 (local.get $p))))
       (i32.store offset=12 (local.get $p) (i32.add (i32.load offset=8 (local.get $p)) (local.get $s)))`,
    )})
    (func (export "sort") ${loop(
      `(local $p ${type}) (local $a i32) (local $b i32)`,
      `(local.set $p (${sub} ${constant(32768)} (local.get $i)))
       (local.set $a (i32.load (local.get $p))) (local.set $b (i32.load offset=4 (local.get $p)))
       (if (i32.lt_u (local.get $b) (local.get $a)) (then
         (i32.store (local.get $p) (local.get $b)) (i32.store offset=4 (local.get $p) (local.get $a))))
       (i32.store offset=4 (local.get $i) (i32.xor (local.get $a) (i32.mul (local.get $b) (i32.const 0x9e3779b1))))`,
    )}))`;
};

/** A loop that calls what a local refers to and exchanges it with another: one function, or two in turn. wabt lacks this. */
function references(count) {
  const section = (id, ...items) => [id, items.flat().length + 1, items.length, ...items.flat()];
  const body = (locals, ...code) => [locals.length + code.length + 1, ...locals, ...code, 0x0b];
  const f = (k) => body([0], 0x20, 0, 0x41, k, 0x6a);
  const nullable = [0x63, 0];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, 1, 0x7f, 1, 0x7f]),
    ...section(3, [0], [0], [0]),
    ...section(7, [3, ...Buffer.from('run'), 0, 2]),
    ...section(9, [3, 0, 2, 0, 1]),
    ...section(
      10,
      f(1),
      f(2),
      // Locals: the rounds; a sum; the references, and one that helps to exchange them.
      body(
        [2, 1, 0x7f, 3, ...nullable],
        ...[0xd2, 0, 0x21, 2, 0xd2, count - 1, 0x21, 3, 0x03, 0x40],
        ...[0x20, 2, 0x21, 4, 0x20, 3, 0x21, 2, 0x20, 4, 0x21, 3],
        ...[0x20, 1, 0x20, 2, 0x14, 0, 0x21, 1],
        ...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 1],
      ),
    ),
  ]);
}

/** A loop that calls the elements of a table in turn: one function, or two. */
const elements = (count) => `(module (type $t (func (param i32) (result i32)))
  (table funcref (elem ${Array.from({ length: 8 }, (_, k) => `$f${k % count}`).join(' ')}))
  (func $f0 (type $t) (i32.add (local.get 0) (i32.const 1)))
  (func $f1 (type $t) (i32.add (local.get 0) (i32.const 2)))
  (func (export "run") (param $n i32) (result i32) (local $s i32)
    (loop $l (local.set $s (call_indirect (type $t) (local.get $s) (i32.and (local.get $n) (i32.const 7))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s)))`;

/** The rows: for each engine a function that does `n` operations. */
function rows(wat) {
  const instantiate = (engine, text, imports) => new engine.Instance(new engine.Module(wat(text)), imports).exports;
  const list = [];
  const row = (name, make, { once, alone } = {}) => list.push({ name, make, once, alone });
  const tag = '(tag $t (param i32))';

  for (const [style, { caught, all, again }] of Object.entries(STYLES)) {
    const named = (name) => `${name} (${style})`;
    const throws = '(throw $t (local.get $n))';
    row(
      named('throw, caught in the same frame'),
      (engine) => instantiate(engine, `(module ${tag} ${rounds('run', caught(throws))})`).run,
    );
    row(
      named('try, nothing thrown'),
      (engine) =>
        instantiate(
          engine,
          `(module ${tag} (global $g (mut i32) (i32.const 0))
          (func $f (if (global.get $g) (then (throw $t (i32.const 1)))))
          ${rounds('run', all('(call $f)'))})`,
        ).run,
    );
    for (const depth of [1, 10])
      row(
        named(`throw, caught ${depth} frame${depth > 1 ? 's' : ''} up`),
        (engine) =>
          instantiate(
            engine,
            `(module ${tag} ${chain(depth)} ${rounds('run', caught(`(call $f${depth - 1} (local.get $n))`))})`,
          ).run,
      );
    row(named('throw across an import'), (engine) => {
      const m = instantiate(
        engine,
        `(module (tag $t (export "t") (param i32)) (func (export "f") (param i32) (throw $t (local.get 0))))`,
      );
      const text = `(module (import "m" "t" ${tag}) (import "m" "f" (func $f (param i32)))
        ${rounds('run', caught('(call $f (local.get $n))'))})`;
      return instantiate(engine, text, { m }).run;
    });
    row(
      named('caught and thrown again, twice'),
      (engine) =>
        instantiate(engine, `(module ${tag} ${chain(3, again)} ${rounds('run', caught('(call $f2 (local.get $n))'))})`)
          .run,
    );
    row(
      named('JavaScript throws, wasm catches'),
      (engine) => {
        const f = thrower({});
        const text = `(module (import "m" "f" (func $f)) ${rounds('run', all('(call $f)'))})`;
        return instantiate(engine, text, { m: { f } }).run;
      },
      { alone: () => caller(thrower({})) },
    );
    row(
      named('JavaScript throws through wasm that catches others'),
      (engine) => {
        const f = thrower({});
        const text = `(module (import "m" "f" (func $f)) ${tag} (func (export "run") (local $n i32) (local $s i32)
        ${caught('(call $f)')}))`;
        return caller(instantiate(engine, text, { m: { f } }).run);
      },
      { alone: () => caller(rethrower(thrower({}))) },
    );
  }
  row(
    'wasm throws, JavaScript catches',
    (engine) => caller(instantiate(engine, `(module ${tag} (func (export "run") (throw $t (i32.const 1))))`).run),
    { alone: () => caller(thrower({})) },
  );

  const counting = (call) => `(param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
    ${call('(i32.sub (local.get $n) (i32.const 1))')}`;
  const tails = {
    'to itself': `(func $f (export "run") ${counting((n) => `(return_call $f ${n})`)})`,
    'of two functions in turn': `(func $f (export "run") ${counting((n) => `(return_call $g ${n})`)})
      (func $g ${counting((n) => `(return_call $f ${n})`)})`,
    'through a table': `(type $t (func (param i32) (result i32))) (table funcref (elem $f))
      (func $f (export "run") ${counting((n) => `(return_call_indirect (type $t) ${n} (i32.const 0))`)})`,
  };
  for (const [name, text] of Object.entries(tails))
    row(`tail calls ${name}`, (engine) => instantiate(engine, `(module ${text})`).run, { once: TAIL_CALLS });

  for (const [count, functions] of [
    [1, 'one function'],
    [2, 'two functions in turn'],
  ]) {
    row(
      `calls by reference of ${functions}`,
      (engine) => new engine.Instance(new engine.Module(references(count))).exports.run,
    );
    row(`calls through a table of ${functions}`, (engine) => instantiate(engine, elements(count)).run);
  }

  for (const name of ['sum', 'fields of records', 'sort']) {
    for (const type of ['i32', 'i64'])
      row(`${name}, addresses of ${type}`, (engine) => instantiate(engine, kernels(type))[name]);
  }
  return list;
}

let serial = 0;
/** A loop in JavaScript around a call that throws. Each has its own text: V8 shares what it learns between equal ones. */
const caller = (f) =>
  new Function('f', `return (n) => { /* ${serial++} */ for (let i = 0; i < n; i++) { try { f() } catch {} } }`)(f);

const thrower = (thrown) => () => {
  throw thrown;
};
let pending;
const rethrower = (f) => () => {
  try {
    f();
  } catch (error) {
    pending = error;
  }
  throw pending;
};

/** Processor time of the process, in ms. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Median of the nanoseconds an operation takes, for each. */
const measure = (runs, once) => sample(runs, { now, time: SAMPLE_MS, count: SAMPLES, once }).map(median);

async function main() {
  const wabt = await initWabt();
  const wat = (text) => {
    const parsed = wabt.parseWat('bench.wat', text, FEATURES);
    return new Uint8Array(parsed.toBinary({}).buffer);
  };
  const impl = load();
  const line = (name, ...cells) => console.log(name.padEnd(60) + cells.map((cell) => cell.padStart(12)).join(''));
  console.log(`node ${process.version}, ns an operation, ${SAMPLES} samples in turns; ratios of medians\n`);
  line('', 'V8', 'wrt', 'wrt/V8', 'JavaScript');
  for (const { name, make, once, alone } of rows(wat)) {
    if (!name.includes(filter)) continue;
    const number = (x) => (x >= 1000 ? x.toFixed(0) : x.toFixed(2));
    let v8 = null;
    try {
      v8 = make(builtin);
    } catch (error) {
      if (!(error instanceof builtin.CompileError)) throw error;
    }
    const ours = make(impl);
    if (v8 === null) line(name, '', number(measure([ours], once)[0]), '', '');
    else {
      const [theirs, wrt, throws] = measure([v8, ours, ...(alone ? [alone()] : [])], once);
      line(name, number(theirs), number(wrt), (wrt / theirs).toFixed(2), throws === undefined ? '' : number(throws));
    }
  }
  for (const node of given('--node')) {
    console.log();
    const { status } = spawnSync(node, [__filename, '--filter', filter], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}

main();
