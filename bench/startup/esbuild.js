'use strict';

// esbuild's own process runs the module, so the whole of it counts as the task.

const childProcess = require('node:child_process');
const { once } = require('node:events');
const { file, done } = require('./common');

const { spawn } = childProcess;
/** @type {import('node:child_process').ChildProcess} */
let service;
childProcess.spawn = (...args) => (service = spawn(...args));
const esbuild = require(file('esbuild-wasm'));

const loaded = performance.now();
esbuild.transform('let x: number = 1', { loader: 'ts' }).then(async ({ code }) => {
  // It counts when it has ended.
  service.ref();
  await Promise.all([once(service, 'exit'), esbuild.stop()]);
  done(loaded, code);
});
