'use strict';

// node bench/run.js [NAME...] [--repeat N]
//
// The programs of __test__/programs, each as a whole process, on V8 and on wrt in turns. The ratio is that of CPU time,
// of the process, its threads and the processes that it starts; below 1, wrt takes less.

const fs = require('node:fs');
const path = require('node:path');
const { name: implName } = require('../__test__/support/impl');
const { geomean, measure, median } = require('./process');

const PROGRAMS = path.join(__dirname, '..', '__test__', 'programs');
const args = process.argv.slice(2);
const at = args.indexOf('--repeat');
const REPEAT = at < 0 ? 3 : Number(args.splice(at, 2)[1]);

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
    v8.push(measure(path.join(PROGRAMS, 'cases', file), 'builtin'));
    wrt.push(measure(path.join(PROGRAMS, 'cases', file), impl));
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
console.log(`\ngeometric mean of the CPU ratios: ${geomean(ratios).toFixed(2)}`);
