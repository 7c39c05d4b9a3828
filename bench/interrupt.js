'use strict';

// node bench/interrupt.js [COUNT] [NAME...]
//
// How soon JavaScript gets the thread back from wasm that runs: another thread asks for it at random moments, COUNT
// times (1,000) or more, in the programs of __test__/programs. Each is interrupted, resumed, and has to print what it
// prints on V8. Then what the interruptions cost the kernels of bench/execution; with a COUNT of 0 only that.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { kernels } = require('./execution/kernels');
const { geomean, median } = require('./process');

const CASES = path.join(__dirname, '..', '__test__', 'programs', 'cases');
const [count = 1000, ...names] = process.argv.slice(2);
const ROUNDS = 40; // at most

const programs = fs
  .readdirSync(CASES)
  .sort()
  .filter((file) => !names.length || names.includes(path.parse(file).name));

function run(file, env, preload) {
  const options = preload ? `--require ${JSON.stringify(preload)}` : '';
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [path.join(CASES, file)], {
    env: { ...process.env, ...env, NODE_OPTIONS: options, TZ: 'UTC', LANG: 'C', NO_COLOR: '1' },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${file} ends with ${signal ?? status}: ${stderr}`);
  return stdout;
}

const sorted = (list) => [...list].sort((a, b) => a - b);
const quantile = (list, q) => list[Math.min(list.length - 1, Math.floor(q * list.length))] ?? NaN;
const line = (...cells) =>
  console.log(cells.map((c, i) => (i ? String(c).padStart(12) : String(c).padEnd(18))).join(''));
const row = (name, { polls, runs, list }) => {
  const cells = [0, 1].flatMap((k) => {
    const all = sorted(list.map((times) => times[k]));
    return [0.5, 0.99, 1].map((q) => quantile(all, q).toFixed(1));
  });
  line(name, runs, polls, list.length, ...cells);
};

function latency() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-interrupt-'));
  const file = path.join(folder, 'probe');
  const totals = new Map(programs.map((program) => [program, { polls: 0, runs: 0, list: [] }]));
  const expected = new Map(programs.map((program) => [program, run(program, {}, '')]));
  let sum = 0;
  for (let round = 0; round < ROUNDS && sum < count; round++) {
    for (const program of programs) {
      fs.writeFileSync(file, '');
      const stdout = run(program, { WRT_PROBE_FILE: file }, path.join(__dirname, 'interrupt-probe.js'));
      if (stdout !== expected.get(program)) throw new Error(`${program}: another output than on V8`);
      const total = totals.get(program);
      total.runs++;
      for (const text of fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
        const { polls, interruptions } = JSON.parse(text);
        total.polls += polls;
        total.list.push(...interruptions);
        sum += interruptions.length;
      }
    }
    if (sum === 0) throw new Error('nothing was interrupted');
  }
  fs.rmSync(folder, { recursive: true });
  console.log('time to the answer, by the clock and of the processor, in ms\n');
  line('', 'runs, right', 'interrupted', 'requests', 'p50', 'p99', 'most', 'CPU p50', 'CPU p99', 'CPU most');
  for (const [program, total] of totals) row(path.parse(program).name, total);
  const add = (key) => [...totals.values()].reduce((n, total) => n + total[key], 0);
  const list = [...totals.values()].flatMap((total) => total.list);
  row('all', { polls: add('polls'), runs: add('runs'), list });
  histogram(list);
}

/** How many were answered within so many ms, and no sooner. */
function histogram(list) {
  const bounds = [1, 2, 3, 4, 5, 6, 8, 12, 16, 32, 64, Infinity];
  console.log();
  line('within ms', ...bounds);
  for (const [k, name] of ['by the clock', 'of the processor'].entries()) {
    const places = list.map((times) => bounds.findIndex((bound) => times[k] <= bound));
    line(name, ...bounds.map((_, at) => places.filter((place) => place === at).length));
  }
}

/** The kernels of bench/execution without interruptions, with one each 5 ms, as it is, and each ms, in turns. */
async function cost() {
  const binding = require('../tools/native')();
  const interruptEvery = binding.make('interruptEvery');
  const wrt = require('../dist/facade')(binding);
  const ROUNDS_EACH = 9;
  const INTERVALS = [0, 5000, 1000];
  // Processor time, as other processes run, too.
  const now = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
  const ratios = INTERVALS.map(() => []);
  console.log('\nCPU time of a run, and with an interruption each 5 ms and each ms in its place\n');
  for (const { name, file } of await kernels([])) {
    const kernel = new wrt.Instance(new wrt.Module(fs.readFileSync(file))).exports;
    const times = INTERVALS.map(() => []);
    for (let round = -2; round < ROUNDS_EACH; round++) {
      INTERVALS.forEach((interval, k) => {
        interruptEvery(interval);
        const start = now();
        kernel.run(12345);
        if (round >= 0) times[k].push(now() - start);
      });
    }
    const medians = times.map(median);
    medians.forEach((time, k) => ratios[k].push(time / medians[0]));
    line(name, `${medians[0].toFixed(1)} ms`, ...ratios.slice(1).map((list) => list.at(-1).toFixed(3)));
  }
  line('geomean', '', ...ratios.slice(1).map((list) => geomean(list).toFixed(4)));
}

console.log(`node ${process.version}\n`);
if (Number(count) > 0) latency();
cost();
