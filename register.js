'use strict';

/**
 * `node -r wrt/register program.js`: the program's `WebAssembly` is wrt, and compiled code is kept for its next run.
 */

const wrt = require('./dist/wrt.js');

wrt.enableCompileCache();
Object.defineProperty(globalThis, 'WebAssembly', {
  value: wrt,
  writable: true,
  configurable: true,
  enumerable: false,
});
