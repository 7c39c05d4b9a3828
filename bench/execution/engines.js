'use strict';

// What is compared, and where it comes from. What cannot be had is left out, and said.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { executable } = require('../../tools/nodes');

const ROOT = path.join(__dirname, '..', '..');
const CHILD = path.join(__dirname, 'child.js');
const WASMTIME = path.join(ROOT, 'target', 'wasmtime');
/** Functions are compiled at once and for good. */
const TURBOFAN = ['--no-wasm-lazy-compilation', '--no-liftoff'];

/** Python with Wasmtime, got from PyPI unless it was before. */
function wasmtime() {
  const env = { ...process.env, PYTHONPATH: WASMTIME };
  const run = (...args) => spawnSync('python3', args, { encoding: 'utf8', env });
  if (!fs.existsSync(path.join(WASMTIME, 'wasmtime'))) {
    const { status, stderr, error } = run('-m', 'pip', 'install', '--quiet', '--target', WASMTIME, 'wasmtime');
    if (status !== 0) throw new Error(stderr || String(error));
  }
  const { stdout } = run('-c', 'import importlib.metadata as m; print(m.version("wasmtime"))');
  return {
    title: `Wasmtime ${stdout.trim()}`,
    command: (file) => ['python3', [path.join(__dirname, 'child.py'), file], { env }],
  };
}

function node(line, { flags = [], impl, title, features = '' }) {
  const file = executable(line);
  const version = spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const env = { ...process.env, WRT_FEATURES: features };
  return {
    title: `${title}, Node ${version}`,
    command: (kernel) => [file, [...flags, CHILD, kernel, ...(impl ? [impl] : [])], { env }],
  };
}

const ENGINES = {
  wrt: () => node(20, { impl: ROOT, title: 'wrt' }),
  v8_20: () => node(20, { title: 'V8' }),
  turbofan_20: () => node(20, { flags: TURBOFAN, title: 'V8, all TurboFan' }),
  v8_26: () => node(26, { title: 'V8' }),
  turbofan_26: () => node(26, { flags: TURBOFAN, title: 'V8, all TurboFan' }),
  wasmtime,
};

/** wrt with other settings, only where they are named: what those cost. */
const withFeatures = (features) => () => node(20, { impl: ROOT, title: `wrt, ${features}`, features });
const SETTINGS = {
  guards: withFeatures('spectreGuards'),
  checks: withFeatures('boundsChecks'),
  guarded_checks: withFeatures('boundsChecks,spectreGuards'),
};

/** Those of `names` that are there, by name. */
function engines(names = Object.keys(ENGINES)) {
  const found = new Map();
  for (const name of names) {
    try {
      found.set(name, { ...ENGINES, ...SETTINGS }[name]());
    } catch (error) {
      console.log(`LEFT OUT ${name}: ${error.message.trim().split('\n').at(-1)}`);
    }
  }
  return found;
}

module.exports = { engines };
