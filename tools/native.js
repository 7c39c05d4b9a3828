'use strict';

const path = require('node:path');

/**
 * The native library by itself, for what looks at it or gives it to a facade of its own.
 * @returns {import('../start/binding.js').Binding}
 */
module.exports = function load() {
  const library = { exports: {} };
  process.dlopen(library, path.join(__dirname, '..', 'wrt.node'));
  return { ...library.exports };
};
