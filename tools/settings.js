'use strict';

// node tools/settings.js [--only NAME] [JEST ARGUMENT...]
//
// Runs tests (__test__/spec, __test__/api and __test__/programs, unless others are named) under settings that change how
// wrt or V8 work, or those whose names have NAME in them: one line each, and the names of the tests that fail.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const asan = require('./asan');

const root = path.join(__dirname, '..');
const results = path.join(root, 'target', 'settings.json');

const SETTINGS = {
  'explicit bounds checks': { env: { WRT_FEATURES: 'boundsChecks' } },
  'guards against speculation': { env: { WRT_FEATURES: 'spectreGuards' } },
  'both of them': { env: { WRT_FEATURES: 'boundsChecks,spectreGuards' } },
  'all code made for good': { env: { WRT_TIER: 'optimized' } },
  'all code made before it is called': { env: { WRT_TIER: 'eager' } },
  'interruption every 100 µs': { env: { WRT_INTERRUPT_EVERY: '100' } },
  'node --stack-size=500': { flags: ['--stack-size=500'] },
  'node --stack-size=3900': { flags: ['--stack-size=3900'] },
  'guest stacks of 64 KiB': { env: { WRT_GUEST_STACK: '65536' } },
  // What the tests of the API are compared with is not there, nor are shared memories.
  'node --jitless': {
    flags: ['--jitless'],
    args: ['--testPathIgnorePatterns=spec/threads'],
    all: ['__test__/spec', '__test__/programs'],
  },
  'four processes at once': { args: ['--maxWorkers=4'] },
  // Limits and features are the process's, so what changes them is left out.
  'four threads at once': {
    args: ['--maxWorkers=4', '--workerThreads', '--testPathIgnorePatterns=api/limits|api/features'],
  },
  // Its build takes minutes.
  AddressSanitizer: { env: asan.build },
};

const ALL = ['__test__/spec', '__test__/api', '__test__/programs'];

function run(name, { env = {}, flags = [], args = [], all = ALL }, named) {
  const variables = typeof env === 'function' ? env() : env;
  fs.rmSync(results, { force: true });
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const { status, signal } = spawnSync(
    process.execPath,
    [...flags, jest, '--json', `--outputFile=${results}`, ...(named.length > 0 ? named : all), ...args],
    { cwd: root, env: { ...process.env, ...variables }, stdio: 'ignore' },
  );
  if (!fs.existsSync(results)) {
    console.log(`FAILED ${name}: jest ended with ${signal ?? status}`);
    return false;
  }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(fs.readFileSync(results, 'utf8'));
  console.log(`${status === 0 ? 'passed' : 'FAILED'} ${name}: ${numPassedTests} passed, ${numFailedTests} failed`);
  for (const file of testResults.filter((result) => result.status === 'failed')) {
    const titles = file.assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName);
    for (const title of titles.length > 0 ? titles : [file.message.slice(0, 500)]) {
      console.log(`  ${path.relative(root, file.name)}: ${title}`);
    }
  }
  return status === 0;
}

const named = process.argv.slice(2);
const only = named[0] === '--only' ? named.splice(0, 2)[1] : '';
const settings = Object.entries(SETTINGS).filter(([name]) => name.includes(only));
const outcomes = settings.map(([name, setting]) => run(name, setting, named));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
