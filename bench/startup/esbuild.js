'use strict';

// esbuild's own process runs the module, so the whole of it counts as the task.

const { file, done } = require('./common');
const esbuild = require(file('esbuild-wasm'));

const loaded = performance.now();
esbuild.transform('let x: number = 1', { loader: 'ts' }).then(async ({ code }) => {
  await esbuild.stop();
  done(loaded, code);
  // Its process ends by itself, and counts when it has.
  setTimeout(() => {}, 150);
});
