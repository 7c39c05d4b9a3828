'use strict';

// Whole processes, measured.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const PRELOAD = path.join(__dirname, '..', '__test__', 'programs', 'preload.js');

/** CPU time, in ms, of all the processes that have ended under this one. */
function childrenTime() {
  // after the name, which may contain anything: fields 16 and 17, in ticks of 10 ms
  const stat = fs.readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/**
 * Runs a program from start to end.
 * @param {string} file
 * @param {string} impl `builtin`, or what to require in place of V8's WebAssembly
 * @param {{ flags?: string[], env?: Record<string, string> }} [options]
 */
function measure(file, impl, { flags = [], env = {} } = {}) {
  const before = childrenTime();
  const start = performance.now();
  const { status, stderr, stdout } = spawnSync(process.execPath, [...flags, file], {
    env: {
      ...process.env,
      NODE_OPTIONS: `--require ${JSON.stringify(PRELOAD)}`,
      WRT_PROGRAM_IMPL: impl,
      TZ: 'UTC',
      ...env,
    },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${file} on ${impl}: ${stderr}`);
  return { cpu: childrenTime() - before, wall: performance.now() - start, stdout };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const geomean = (list) => Math.exp(list.reduce((sum, n) => sum + Math.log(n), 0) / list.length);

module.exports = { geomean, measure, median };
