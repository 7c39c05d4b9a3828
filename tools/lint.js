'use strict';

// node tools/lint.js [--summary FILE]
//
// Every check, also after one has failed. With --summary, the names of those that passed and failed as JSON.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const bin = (pkg, file) => [process.execPath, path.join(root, 'node_modules', pkg, file)];

const CHECKS = {
  'cargo fmt': ['cargo', 'fmt', '--check'],
  'cargo clippy': ['cargo', 'clippy', '--release', '--all-targets', '--quiet', '--', '-D', 'warnings'],
  eslint: [...bin('eslint', 'bin/eslint.js'), '--max-warnings=0', '.'],
  prettier: [...bin('prettier', 'bin/prettier.cjs'), '--check', '--log-level=warn', '.'],
  tsc: [...bin('typescript', 'bin/tsc'), '--project', 'tsconfig.json'],
};

const passed = [];
const failed = [];
for (const [name, [command, ...args]] of Object.entries(CHECKS)) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  (status === 0 ? passed : failed).push(name);
  console.log(`${status === 0 ? 'passed' : 'FAILED'}: ${name}`);
}
const at = process.argv.indexOf('--summary');
if (at > 0) fs.writeFileSync(process.argv[at + 1], JSON.stringify({ passed, failed }));
process.exitCode = failed.length ? 1 : 0;
