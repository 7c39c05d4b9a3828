'use strict';

// The old instructions of exceptions, which the packages of official tests leave out. Our own script of them is here; those of
// the specification run as well where WRT_SPEC names a clone of github.com/WebAssembly/spec.

const fs = require('node:fs');
const path = require('node:path');
const report = require('../support/report');
const runWast = require('../support/wast');

const official = process.env.WRT_SPEC && path.join(process.env.WRT_SPEC, 'test', 'legacy', 'exceptions', 'core');
let passed = 0;

for (const folder of [path.join(__dirname, 'own'), ...(official ? [official] : [])]) {
  const scripts = fs.readdirSync(folder).filter((name) => name.endsWith('.wast'));
  test.each(scripts)(`${official === folder ? 'official' : 'own'} %s`, (name) => {
    const result = runWast(wrtTest.impl, fs.readFileSync(path.join(folder, name), 'utf8'));
    passed += result.passed;
    expect(result.failures).toEqual([]);
  });
}

afterAll(() => report('spec', `legacy exceptions: ${passed} commands passed`, passed));
