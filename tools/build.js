'use strict';

// node tools/build.js [--tests]
//
// Makes what the package loads: the facade in dist/, V8's code for it, and the addon in release mode, wrt.node. With --tests,
// also writes the official core tests to target/spec. cargo decides what is out of date.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const bundle = require('./bundle');
const keepCode = require('./code');

const root = path.join(__dirname, '..');
const LIBRARY = { linux: 'libwrt.so', darwin: 'libwrt.dylib' }[process.platform];

function cargo(...args) {
  const { error, status } = spawnSync('cargo', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error?.code === 'ENOENT') throw new Error('cargo was not found: wrt is built from source and needs Rust 1.95');
  if (error) throw error;
  if (status !== 0) throw new Error(`cargo ${args[0]} failed`);
}

/** A process that has the old addon mapped keeps it: the file is replaced, never written into. */
function replace(from, to) {
  const same = fs.existsSync(to) && fs.readFileSync(to).equals(fs.readFileSync(from));
  if (same) return;
  const draft = `${to}.${process.pid}`;
  fs.copyFileSync(from, draft);
  fs.renameSync(draft, to);
}

function buildAddon() {
  if (!LIBRARY) throw new Error(`wrt does not run on ${process.platform}`);
  cargo('build', '--release', '--lib', '--quiet');
  const target = process.env.CARGO_TARGET_DIR
    ? path.resolve(root, process.env.CARGO_TARGET_DIR)
    : path.join(root, 'target');
  replace(path.join(target, 'release', LIBRARY), path.join(root, 'wrt.node'));
}

/** The scripts change only with what makes them. */
function buildSpec() {
  const index = path.join(root, 'target', 'spec', 'index.json');
  const sources = [
    'examples/spec_json.rs',
    'tests/support/wast_script.rs',
    'tests/support/superseded.rs',
    '__test__/modules',
    ...fs.readdirSync(path.join(root, '__test__', 'modules')).map((name) => `__test__/modules/${name}`),
    'Cargo.lock',
  ];
  const time = (file) => fs.statSync(file).mtimeMs;
  const fresh = fs.existsSync(index) && sources.every((file) => time(path.join(root, file)) < time(index));
  if (!fresh) cargo('run', '--release', '--quiet', '--example', 'spec_json');
}

async function build() {
  // Tests that run on something else need no addon.
  if (!process.env.WRT_TEST_IMPL) {
    await bundle();
    buildAddon();
    await keepCode();
  }
  if (process.argv.includes('--tests')) buildSpec();
}

build().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
