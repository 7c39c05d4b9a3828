'use strict';

// Which implementation the tests run on. Also usable from plain child processes.

const path = require('node:path');

const name = process.env.WRT_TEST_IMPL || 'wrt';
const builtin = globalThis.WebAssembly;

const load = () => {
  if (name === 'builtin') return builtin;
  return require(name === 'wrt' ? path.join(__dirname, '..', '..') : path.resolve(name));
};

module.exports = { builtin, load, name };
