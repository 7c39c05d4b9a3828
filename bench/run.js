'use strict';

// node bench/run.js [NAME...] [--repeat N]
//
// The programs of __test__/programs, each as a whole process, on V8 and on wrt in turns. The ratio is that of CPU time,
// of the process, its threads and the processes that it starts; below 1, wrt takes less.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { name: implName } = require('../__test__/support/impl');

const PROGRAMS = path.join(__dirname, '..', '__test__', 'programs');
const args = process.argv.slice(2);
const at = args.indexOf('--repeat');
const REPEAT = at < 0 ? 3 : Number(args.splice(at, 2)[1]);

/** CPU time, in ms, of all the processes that have ended under this one. */
function childrenTime() {
  // after the name, which may contain anything: fields 16 and 17, in ticks of 10 ms
  const stat = fs.readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

function measure(file, impl) {
  const before = childrenTime();
  const start = performance.now();
  const { status, stderr, stdout } = spawnSync(process.execPath, [path.join(PROGRAMS, 'cases', file)], {
    env: {
      ...process.env,
      NODE_OPTIONS: `--require ${JSON.stringify(path.join(PROGRAMS, 'preload.js'))}`,
      WRT_PROGRAM_IMPL: impl,
      TZ: 'UTC',
    },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${file} on ${impl}: ${stderr}`);
  return { cpu: childrenTime() - before, wall: performance.now() - start, stdout };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const line = (...cells) =>
  console.log(cells.map((c, i) => (i ? String(c).padStart(12) : String(c).padEnd(20))).join(''));

const impl = implName === 'wrt' ? path.join(__dirname, '..') : implName;
console.log(`node ${process.version}, medians of ${REPEAT}, ms\n`);
line('', 'V8 CPU', 'wrt CPU', 'CPU ratio', 'V8 wall', 'wrt wall', 'wall ratio');
const ratios = [];
for (const file of fs.readdirSync(path.join(PROGRAMS, 'cases')).sort()) {
  const { name } = path.parse(file);
  if (args.length && !args.includes(name)) continue;
  const v8 = [];
  const wrt = [];
  for (let i = 0; i < REPEAT; i++) {
    v8.push(measure(file, 'builtin'));
    wrt.push(measure(file, impl));
  }
  if (new Set([...v8, ...wrt].map((r) => r.stdout)).size > 1) throw new Error(`${name}: the outputs differ`);
  const values = [v8, wrt].map((runs) => ({
    cpu: median(runs.map((r) => r.cpu)),
    wall: median(runs.map((r) => r.wall)),
  }));
  const ratio = (key) => values[1][key] / values[0][key];
  ratios.push(ratio('cpu'));
  const cell = (n) => Math.round(n);
  line(
    name,
    cell(values[0].cpu),
    cell(values[1].cpu),
    ratio('cpu').toFixed(2),
    cell(values[0].wall),
    cell(values[1].wall),
    ratio('wall').toFixed(2),
  );
}
const mean = Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
console.log(`\ngeometric mean of the CPU ratios: ${mean.toFixed(2)}`);
