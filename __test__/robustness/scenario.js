'use strict';

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

module.exports = { SCRIPT, run, result, FULL: Boolean(process.env.WRT_TEST_FULL) };
