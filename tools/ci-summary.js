'use strict';

// node tools/ci-summary.js FOLDER [FAILED STEP...]
//
// The last lines of .ci/run, from what the steps left in FOLDER: cargo.txt, jest.json, lint.json.

const fs = require('node:fs');
const path = require('node:path');

const [folder, ...failedSteps] = process.argv.slice(2);
const read = (name) => {
  try {
    return fs.readFileSync(path.join(folder, name), 'utf8');
  } catch {
    return null;
  }
};

let passed = 0;
let failed = 0;
const add = (name, ok, bad, note = '') => {
  console.log(`${name}: ${ok} passed, ${bad} failed${note}`);
  passed += ok;
  failed += bad;
};

const lint = JSON.parse(read('lint.json') ?? 'null');
if (lint) add('lint', lint.passed.length, lint.failed.length, lint.failed.length ? ` (${lint.failed.join(', ')})` : '');
else add('lint', 0, 1, ' (did not run)');

const cargo = [...(read('cargo.txt') ?? '').matchAll(/^test result: .*? (\d+) passed; (\d+) failed;/gm)];
const sum = (group) => cargo.reduce((total, match) => total + Number(match[group]), 0);
if (sum(1) + sum(2)) add('cargo test', sum(1), sum(2));
else add('cargo test', 0, 1, ' (no test ran)');

const jest = JSON.parse(read('jest.json') ?? 'null');
if (jest) {
  // A file that cannot be loaded has no tests to fail.
  add('jest', jest.numPassedTests, jest.numFailedTests + jest.numRuntimeErrorTestSuites);
  const left = jest.numPendingTests + jest.numTodoTests;
  if (left) console.log(`jest: ${left} skipped`);
} else add('jest', 0, 1, ' (did not run)');

for (const step of failedSteps) console.log(`failed: ${step}`);
// A step that fails without a failed test, as a crash after the last one, is a failure of its own.
if (failedSteps.length && !failed) failed += failedSteps.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
