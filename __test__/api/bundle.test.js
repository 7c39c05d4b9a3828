'use strict';

// What the package loads is made of its sources (tools/bundle.js).

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const only = wrtTest.name === 'wrt' ? test : test.skip;

only('as a module of ECMAScript it has its default, and none of the names in its files', () => {
  const program = `import('${path.join(root, 'dist', 'wrt.js')}').then((names) => process.stdout.write(String(Object.keys(names))))`;
  // Newer versions of Node add one.
  expect(String(execFileSync(process.execPath, ['-e', program]))).toMatch(/^default(,module\.exports)?$/);
});

only('the files of the package are all that it needs', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-package-'));
  const { files } = require('../../package.json');
  for (const name of [...files, 'package.json']) {
    fs.cpSync(path.join(root, name), path.join(folder, 'node_modules', 'wrt', name), { recursive: true });
  }
  const program = `const { Module } = require('wrt');
    require('wrt/register');
    process.stdout.write(String(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)) instanceof Module))`;
  const env = { ...process.env, XDG_CACHE_HOME: folder };
  expect(String(execFileSync(process.execPath, ['-e', program], { cwd: folder, env }))).toBe('true');
  fs.rmSync(folder, { recursive: true });
});
