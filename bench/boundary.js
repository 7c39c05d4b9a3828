'use strict';

// node bench/boundary.js [--check] [--filter TEXT]
//
// What crossing between JavaScript and wasm costs, in one process: an empty Node-API function, V8's own wasm and wrt
// take turns, sample by sample. Ratios are of medians. --check fails if a target is missed.
// WRT_TEST_IMPL=builtin measures V8 against itself. --rounds N NAME ENGINE runs one row and measures nothing: see
// instructions.js.

const initWabt = require('wabt');
const { builtin, load, name: implName } = require('../__test__/support/impl');
const { median, sample } = require('./samples');

const SAMPLES = 15;
const SAMPLE_MS = 12;
const filter = process.argv.includes('--filter') ? process.argv[process.argv.indexOf('--filter') + 1] : '';

let serial = 0;
/** A loop of `n` rounds around `body` with a call site of its own: V8 shares what it learns between equal texts. */
const loop = (body, f, setup = '') =>
  new Function('f', `return (n) => { /* ${serial++} */ ${setup} for (let i = 0; i < n; i++) { ${body} } }`)(f);

const SIGNATURES = {
  '()': { type: '', body: '', js: 'f()', host: () => {} },
  '(i32, i32) -> i32': {
    type: '(param i32 i32) (result i32)',
    body: '(i32.add (local.get 0) (local.get 1))',
    setup: 'let s = 0;',
    js: 's = f(s, i)',
    args: '(local.get $n) (i32.const 3)',
    host: (a, b) => (a + b) | 0,
  },
  '(f64) -> f64': {
    type: '(param f64) (result f64)',
    body: '(f64.add (local.get 0) (f64.const 1))',
    setup: 'let s = 0.5;',
    js: 's = f(s)',
    args: '(f64.const 1.5)',
    host: (a) => a + 1,
  },
  '(i64) -> i64': {
    type: '(param i64) (result i64)',
    body: '(i64.add (local.get 0) (i64.const 1))',
    setup: 'let s = 1n;',
    js: 's = f(s)',
    args: '(i64.const 5)',
    host: (a) => a + 1n,
  },
  '(six i32) -> i32': {
    type: '(param i32 i32 i32 i32 i32 i32) (result i32)',
    body: '(i32.add (local.get 0) (local.get 5))',
    setup: 'let s = 0;',
    js: 's = f(s, i, 1, 2, 3, 4)',
    args: '(local.get $n) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)',
    host: (a, b, c, d, e, f) => (a + b + c + d + e + f) | 0,
  },
  '(externref) -> externref': {
    type: '(param externref) (result externref)',
    body: '(local.get 0)',
    setup: 'let s = { some: "object" };',
    js: 's = f(s)',
    args: '(local.get $ref)',
    host: (a) => a,
  },
};

// A loop of $n rounds in wasm.
const wasmLoop = (name, body) => `(func (export "${name}") (param $n i32) (param $ref externref) (loop $l ${body}
  (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n))))`;

/** The rows: for each engine a function that does `n` operations. */
function rows(wat) {
  const instantiate = (engine, text, imports) => new engine.Instance(new engine.Module(wat(text)), imports).exports;
  const list = [];
  const row = (name, make, target) => list.push({ name, make, target });
  const functions = Object.entries(SIGNATURES).map(([n, s]) => `(func (export "${n}") ${s.type} ${s.body})`);
  const callees = (engine) =>
    instantiate(engine, `(module ${functions.join('\n')} (func (export "trap") unreachable))`);
  const drop = ({ type, args = '' }, call) =>
    type.includes('result') ? `(drop (${call} ${args}))` : `(${call} ${args})`;

  for (const [name, signature] of Object.entries(SIGNATURES)) {
    const target = name === '(i32, i32) -> i32' ? { empty: 2.2 } : undefined;
    row(`js -> wasm ${name}`, (engine) => loop(signature.js, callees(engine)[name], signature.setup), target);
  }
  row('js -> wasm (i32, i32) -> i32, with a call in it', (engine) => {
    const { type, body, js, setup } = SIGNATURES['(i32, i32) -> i32'];
    const call = '(call $f (local.get 0) (local.get 1))';
    const text = `(module (func $f ${type} ${body}) (func (export "run") ${type} ${call}))`;
    return loop(js, instantiate(engine, text).run, setup);
  });
  row('js -> wasm (i32) -> (i32, i32)', (engine) => {
    const text = '(module (func (export "f") (param i32) (result i32 i32) (local.get 0) (local.get 0)))';
    return loop('const [a, b] = f(i); s = (s + a + b) | 0', instantiate(engine, text).f, 'let s = 0;');
  });
  row('js -> wasm, 8 exports at one site', (engine) => {
    const eight = Array.from({ length: 8 }, () => callees(engine)['(i32, i32) -> i32']);
    return loop('s = f[i & 7](s, i)', eight, 'let s = 0;');
  });

  for (const [name, signature] of Object.entries(SIGNATURES)) {
    const text = `(module (import "m" "f" (func $f ${signature.type})) ${wasmLoop('run', drop(signature, 'call $f'))})`;
    const target = name === '(i32, i32) -> i32' ? { empty: 2.5 } : undefined;
    const run = (engine, f) => {
      const exports = instantiate(engine, text, { m: { f } });
      return (n) => exports.run(n, null);
    };
    row(`wasm -> js ${name}`, (engine) => run(engine, signature.host), target);
    if (target) {
      const wasmToWasm = (engine) => run(engine, callees(engine)[name]);
      row(`wasm -> wasm, another instance ${name}`, wasmToWasm, { v8: 1.5 });
    }
  }
  row('wasm -> js, 8 callees in turn', (engine) => {
    const { type, args } = SIGNATURES['(i32, i32) -> i32'];
    const imports = Array.from({ length: 8 }, (_, i) => `(import "m" "f${i}" (func $f${i} ${type}))`);
    const calls = Array.from({ length: 8 }, (_, i) => `(drop (call $f${i} ${args}))`);
    const hosts = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`f${i}`, new Function('a', 'b', `return (a + b + ${i}) | 0`)]),
    );
    const exports = instantiate(engine, `(module ${imports.join('')} ${wasmLoop('run', calls.join(''))})`, {
      m: hosts,
    });
    return (n) => exports.run(Math.ceil(n / 8), null);
  });
  row('call_indirect into another instance', (engine) => {
    const { type, args } = SIGNATURES['(i32, i32) -> i32'];
    const t = new engine.Table({ element: 'anyfunc', initial: 1 });
    t.set(0, callees(engine)['(i32, i32) -> i32']);
    const call = `(drop (call_indirect (type $t) ${args} (i32.const 0)))`;
    const exports = instantiate(
      engine,
      `(module (type $t (func ${type})) (import "m" "t" (table 1 funcref)) ${wasmLoop('run', call)})`,
      { m: { t } },
    );
    return (n) => exports.run(n, null);
  });
  row('trap, caught in js', (engine) => loop('try { f() } catch {}', callees(engine).trap), { v8: 2 });
  row('js throw through wasm', (engine) => {
    const thrown = {};
    const { run } = instantiate(engine, `(module (import "m" "f" (func $f)) (func (export "run") call $f))`, {
      m: {
        f() {
          throw thrown;
        },
      },
    });
    return loop('try { f() } catch {}', run);
  });
  return list;
}

const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Nanoseconds an operation: the best and the median sample of each. */
const measure = (runs) =>
  sample(runs, { now, time: SAMPLE_MS, count: SAMPLES }).map((samples) => ({
    best: samples[0],
    median: median(samples),
  }));

function emptyFunction() {
  if (implName === 'builtin') return () => {};
  return require('../tools/native')().empty;
}

async function main() {
  const wabt = await initWabt();
  const wat = (text) => {
    const parsed = wabt.parseWat('bench.wat', text, {});
    return new Uint8Array(parsed.toBinary({}).buffer);
  };
  const impl = load();
  const nothing = emptyFunction();
  const rounds = process.argv.indexOf('--rounds');
  if (rounds > 0) {
    const [n, name, engine] = process.argv.slice(rounds + 1);
    const { make } = rows(wat).find((row) => row.name === name);
    const run = engine === 'empty' ? loop('f()', nothing) : make(engine === 'wrt' ? impl : builtin);
    // Until V8 has its last code. Traps and exceptions take a thousand times as long.
    for (let i = 0; i < 100; i++) run(/trap|throw/.test(name) ? 100 : 1000);
    run(Number(n));
    return;
  }
  if (process.argv.includes('--list')) return console.log(JSON.stringify(rows(wat).map(({ name }) => name)));
  const number = (x) => (x >= 1000 ? x.toFixed(0) : x.toFixed(1));
  const line = (...cells) =>
    console.log(cells.map((c, i) => (i ? String(c).padStart(10) : String(c).padEnd(52))).join(''));

  console.log(`node ${process.version}, ns an operation, ${SAMPLES} samples in turns; ratios of medians\n`);
  line('', 'empty', 'V8', 'wrt', 'wrt best', 'wrt/empty', 'wrt/V8', 'target');
  let missed = 0;
  for (const { name, make, target } of rows(wat)) {
    if (!name.includes(filter)) continue;
    const [empty, v8, wrt] = measure([loop('f()', nothing), make(builtin), make(impl)]);
    const ratios = { empty: wrt.median / empty.median, v8: wrt.median / v8.median };
    let verdict = '';
    if (target) {
      const [[against, limit]] = Object.entries(target);
      const met = ratios[against] <= limit;
      if (!met) missed++;
      verdict = `${met ? 'met' : 'MISSED'}: ${limit} x ${against === 'v8' ? 'V8' : against}`;
    }
    line(
      name,
      number(empty.median),
      number(v8.median),
      number(wrt.median),
      number(wrt.best),
      ratios.empty.toFixed(2),
      ratios.v8.toFixed(2),
      `  ${verdict}`,
    );
  }
  console.log(missed ? `\n${missed} target(s) missed` : '\nall targets met');
  if (missed && process.argv.includes('--check')) process.exitCode = 1;
}

main();
