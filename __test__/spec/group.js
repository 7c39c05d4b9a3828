'use strict';

const { index, runScript } = require('../support/spec-runner');
const report = require('../support/report');

/** One test for each script of a group, and the number of commands that passed for the reporter. */
module.exports = (group) => {
  let passed = 0;
  for (const { name } of index().filter((script) => script.group === group)) {
    test(`${name}.wast`, () => {
      const result = runScript(wrtTest.impl, name);
      passed += result.passed;
      expect(result.failures.slice(0, 20)).toEqual([]);
    });
  }
  afterAll(() => report('spec', `${group}: ${passed} commands passed`, passed));
};
