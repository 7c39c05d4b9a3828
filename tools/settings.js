'use strict';

// node tools/settings.js [JEST ARGUMENT...]
//
// Runs tests (__test__/spec, __test__/api and __test__/programs, unless others are named) under settings that change how
// wrt or V8 work: one line each, and the names of the tests that fail.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const results = path.join(root, 'target', 'settings.json');

const SETTINGS = {
  'explicit bounds checks': { env: { WRT_FEATURES: 'boundsChecks' } },
  'all code made for good': { env: { WRT_TIER: 'optimized' } },
  'interruption every 100 µs': { env: { WRT_INTERRUPT_EVERY: '100' } },
  'node --stack-size=500': { flags: ['--stack-size=500'] },
  'node --stack-size=3900': { flags: ['--stack-size=3900'] },
  'four processes at once': { args: ['--maxWorkers=4'] },
};

function run(name, { env = {}, flags = [], args = [] }, chosen) {
  fs.rmSync(results, { force: true });
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const { status, signal } = spawnSync(
    process.execPath,
    [...flags, jest, '--json', `--outputFile=${results}`, ...args, ...chosen],
    { cwd: root, env: { ...process.env, ...env }, stdio: 'ignore' },
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
const chosen = named.length > 0 ? named : ['__test__/spec', '__test__/api', '__test__/programs'];
const outcomes = Object.entries(SETTINGS).map(([name, setting]) => run(name, setting, chosen));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
