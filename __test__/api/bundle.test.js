'use strict';

// What the package loads is made of its sources (tools/bundle.js): both forms must be the same.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');
const only = wrtTest.name === 'wrt' ? test : test.skip;

/** All that can be reached from an object: attributes of properties, prototypes, sources of functions without comments. */
function describe(start) {
  const numbers = new Map([start].map((object) => [object, 0]));
  const number = (value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value);
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return `#${numbers.get(value)}`;
  };
  const lines = [];
  for (const object of numbers.keys()) {
    lines.push(`#${numbers.get(object)}: prototype ${number(Object.getPrototypeOf(object))}`);
    if (typeof object === 'function') lines.push(`${object}`.replace(/^ *(\/\/.*|\/\*\*[^]*?\*\/)\n/gm, ''));
    for (const [key, { value, get, set, ...flags }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      lines.push(`  ${key} ${JSON.stringify(flags)} ${number(value)} ${number(get)} ${number(set)}`);
    }
    if (lines.length > 20_000) throw new Error('this leads too far');
  }
  return lines;
}

only('the sources and what is made of them are the same', () => {
  const [made, sources] = ['dist/wrt.js', 'index.js'].map((file) => {
    let namespace;
    jest.isolateModules(() => {
      namespace = require(path.join(root, file));
    });
    return describe(namespace);
  });
  expect(made.length).toBeGreaterThan(500);
  expect(made).toEqual(sources);
});

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
