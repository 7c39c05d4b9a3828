'use strict';

/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/__test__/**/*.test.js'],
  globalSetup: '<rootDir>/tools/bundle.js',
  testEnvironment: '<rootDir>/__test__/support/environment.js',
  reporters: ['default', '<rootDir>/__test__/support/reporter.js'],
  // The tests are plain CommonJS, and nothing but the tests may stand between them and the engine.
  transform: {},
  modulePathIgnorePatterns: ['<rootDir>/target/'],
  watchPathIgnorePatterns: ['<rootDir>/target/'],
  maxWorkers: 2,
  testTimeout: 120_000,
};
