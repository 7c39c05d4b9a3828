'use strict';

// node tools/faults.js
//
// Builds the addon with the feature `faults` beside the real one and runs __test__/faults/run.js with it.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const run = (command, ...args) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
const target = path.resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
run('cargo', 'build', '--release', '--lib', '--quiet', '--features', 'faults');
fs.copyFileSync(path.join(target, 'release', 'libwrt.so'), path.join(root, 'target', 'faults.node'));
run(process.execPath, '--expose-gc', path.join(root, '__test__', 'faults', 'run.js'));
