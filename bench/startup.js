'use strict';

// node bench/startup.js [NAME...] [--repeat N]
//
// What starting costs. First `new Module` and `compile` of esbuild's 14 MB; then small tasks of programs as whole processes:
// V8 as it is and with all its code optimised, wrt without a cache and with a warm one, in turns. Ratios are to V8 as it is.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { geomean, measure, median } = require('./process');

const ROOT = path.join(__dirname, '..');
const TASKS = path.join(__dirname, 'startup');
const args = process.argv.slice(2);
const at = args.indexOf('--repeat');
const REPEAT = at < 0 ? 5 : Number(args.splice(at, 2)[1]);

const line = (...cells) =>
  console.log(cells.map((c, i) => (i ? String(c).padStart(11) : String(c).padEnd(22))).join(''));

/** The time of `new Module`, and the longest time for which `compile` keeps the event loop. */
async function modules() {
  const bytes = fs.readFileSync(path.join(ROOT, 'node_modules', 'esbuild-wasm', 'esbuild.wasm'));
  const engines = { V8: globalThis.WebAssembly, wrt: require('..') };
  const times = { V8: [], wrt: [] };
  const blocks = { V8: [], wrt: [] };
  for (let i = 0; i < REPEAT; i++) {
    // V8 keeps modules of equal bytes, so these differ in the last byte of a custom section.
    const fresh = (n) => Buffer.concat([bytes, Buffer.from([0, 3, 1, 97, (2 * i + n) & 127])]);
    for (const [name, engine] of Object.entries(engines)) {
      const copy = fresh(0);
      const start = performance.now();
      new engine.Module(copy);
      times[name].push(performance.now() - start);

      const other = fresh(1);
      let last = performance.now();
      let longest = 0;
      const tick = () => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      };
      const timer = setInterval(tick, 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      longest = 0;
      last = performance.now();
      await engine.compile(other);
      tick();
      clearInterval(timer);
      blocks[name].push(longest);
    }
  }
  line('esbuild.wasm, ms', 'V8', 'wrt', 'ratio');
  for (const [name, list] of Object.entries({ 'new Module': times, 'compile blocks': blocks })) {
    const [v8, wrt] = [median(list.V8), median(list.wrt)];
    line(name, v8.toFixed(1), wrt.toFixed(1), (wrt / v8).toFixed(2));
  }
}

function programs() {
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-bench-'));
  const none = { WRT_CACHE_DIR: '' };
  const modes = {
    V8: ['builtin', {}],
    'V8 optimised': ['builtin', { flags: ['--no-wasm-lazy-compilation', '--no-liftoff'] }],
    'wrt, first run': [ROOT, { env: none }],
    'wrt, cached': [ROOT, { env: { WRT_CACHE_DIR: cache } }],
  };
  const ratios = {};
  const add = (key, ratio) => (ratios[key] ??= []).push(ratio);
  for (const name of ['sqlite', 'resvg', 'gofmt', 'hash', 'esbuild']) {
    if (args.length && !args.includes(name)) continue;
    const file = path.join(TASKS, `${name}.js`);
    const runs = Object.fromEntries(Object.keys(modes).map((mode) => [mode, []]));
    measure(file, ...modes['wrt, cached']); // fills the cache
    for (let i = 0; i < REPEAT; i++) {
      for (const [mode, how] of Object.entries(modes)) {
        const { stdout, ...times } = measure(file, ...how);
        runs[mode].push({ ...times, ...JSON.parse(stdout) });
      }
    }
    if (new Set(Object.values(runs).flatMap((list) => list.map((run) => run.result))).size > 1) {
      throw new Error(`${name}: the results differ`);
    }
    console.log('');
    line(name, 'wall', 'CPU', 'load', 'task', 'wall x', 'CPU x', 'load+task x');
    const middle = (mode, key) => median(runs[mode].map((run) => run[key]));
    const both = (mode) => median(runs[mode].map((run) => run.load + run.task));
    for (const mode of Object.keys(modes)) {
      const [wall, cpu, load, task] = ['wall', 'cpu', 'load', 'task'].map((key) => middle(mode, key));
      const x = [wall / middle('V8', 'wall'), cpu / middle('V8', 'cpu'), both(mode) / both('V8')];
      add(`${mode}, wall`, x[0]);
      add(`${mode}, load and task`, x[2]);
      line(mode, ...[wall, cpu, load, task].map((n) => n.toFixed(0)), ...x.map((n) => n.toFixed(2)));
    }
  }
  fs.rmSync(cache, { recursive: true });
  console.log('\ngeometric means of the ratios to V8');
  for (const [key, list] of Object.entries(ratios))
    if (!key.startsWith('V8,')) line(key.padEnd(30), geomean(list).toFixed(2));
}

console.log(`node ${process.version}, medians of ${REPEAT}\n`);
modules().then(programs);
