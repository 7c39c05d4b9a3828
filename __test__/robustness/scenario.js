'use strict';

const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { node } = require('../support/child');

const SCRIPT = path.join(__dirname, 'scenarios.js');

/** Runs a scenario in a process of its own. */
const run = (name, { args = [], nodeArgs = [], ...options } = {}) =>
  node([...nodeArgs, SCRIPT, name, ...args.map(String)], options);

/** The same, and it has to end well; its result. */
async function result(name, count, options = {}) {
  const { code, signal, stdout, stderr } = await run(name, { ...options, args: [count, ...(options.args ?? [])] });
  if (code !== 0) throw new Error(`${name} ends with ${signal ?? code}: ${stderr}`);
  expect(stderr).toBe('');
  return JSON.parse(stdout.trim().split('\n').pop());
}

/**
 * The environment of processes whose addresses are limited, or measured: else each thread that meets another one in `malloc`
 * takes 64 MiB of them, which is more of them on a busy machine.
 */
const STEADY = { NODE_OPTIONS: '', MALLOC_ARENA_MAX: '1' };

/** What Node itself has before a program does anything: the highest number of an open file, KiB of addresses and of data. */
function idle() {
  const program = `const { readdirSync, readFileSync } = require('fs');
    const files = Math.max(...readdirSync('/proc/self/fd').map(Number).filter((fd) => fd < 100));
    const kibibytes = (name) => Number(new RegExp(name + ':[^0-9]*([0-9]+)').exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    process.stdout.write(JSON.stringify({ files, addresses: kibibytes('VmSize'), data: kibibytes('VmData') }));`;
  const env = { ...process.env, ...STEADY };
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', '-e', program], { env }));
}

module.exports = { STEADY, idle, SCRIPT, run, result, FULL: Boolean(process.env.WRT_TEST_FULL) };
