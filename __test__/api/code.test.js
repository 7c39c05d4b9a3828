'use strict';

// V8's code for the facade, which the build keeps: tools/code.js, start/index.js.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const wat = require('../support/wat');

const root = path.join(__dirname, '..', '..');
const only = wrtTest.name === 'wrt' ? test : test.skip;

let folder, dist;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-code-'));
  dist = path.join(folder, 'dist');
  fs.mkdirSync(dist);
  for (const name of ['dist/wrt.js', 'dist/facade.js', 'wrt.node']) {
    fs.copyFileSync(path.join(root, name), path.join(folder, name));
  }
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const kept = () => fs.readdirSync(dist).filter((name) => name.endsWith('.code'));
const keep = () => execFileSync(process.execPath, [path.join(root, 'tools', 'code.js'), dist]);
/** Whether the facade was taken from its text, in a process that then uses it. */
const takesText = (...flags) => {
  const program = `const { Module, CompileError } = require(${JSON.stringify(path.join(dist, 'wrt.js'))});
    new Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    const error = new CompileError('a');
    if (!(error instanceof Error) || !error.stack.startsWith('CompileError: a')) throw error;
    process.stdout.write(String(Object.keys(require.cache).some((file) => file.endsWith('facade.js'))))`;
  return String(execFileSync(process.execPath, [...flags, '-e', program])) === 'true';
};

only('is taken if it is there for this executable', () => {
  expect(takesText()).toBe(true);
  keep();
  const [name] = kept();
  expect(takesText()).toBe(false);
  const { ino } = fs.statSync(path.join(dist, name));
  keep();
  expect(fs.statSync(path.join(dist, name)).ino).toBe(ino);
  // That of another one.
  fs.renameSync(path.join(dist, name), path.join(dist, name.replace(/-\d+\.code$/, '-1.code')));
  expect(takesText()).toBe(true);
});

only('is taken by V8, also for the functions by which most signatures cross', () => {
  keep();
  const bytes = wat`(module (func (export "f") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;
  const program = `const vm = require('node:vm');
    const scripts = [];
    vm.Script = class extends vm.Script {
      constructor(...args) {
        super(...args);
        scripts.push([args[1].filename.split('/').pop(), this.cachedDataRejected]);
      }
    };
    const { Instance, Module } = require(${JSON.stringify(path.join(dist, 'wrt.js'))});
    const { f } = new Instance(new Module(Uint8Array.of(${bytes}))).exports;
    process.stdout.write(JSON.stringify([f(2, 3), scripts]))`;
  expect(JSON.parse(String(execFileSync(process.execPath, ['-e', program])))).toEqual([
    5,
    [
      ['facade.js', false],
      ['wrt', false],
    ],
  ]);
});

only('is left by V8 for the source beside it where it has other flags, or the code is of another version', () => {
  keep();
  expect(takesText('--no-lazy-feedback-allocation', '--stack-size=600')).toBe(false);
  const file = path.join(dist, kept()[0]);
  const contents = fs.readFileSync(file);
  contents.fill(0, 16, 40);
  fs.writeFileSync(file, contents);
  expect(takesText()).toBe(false);
});

only('is nothing where it was not made: stacks would name the other place', () => {
  keep();
  const moved = `${folder} moved`;
  fs.renameSync(folder, moved);
  dist = path.join((folder = moved), 'dist');
  expect(takesText()).toBe(true);
  keep();
  expect(takesText()).toBe(false);
});

only('is nothing if it was cut', () => {
  keep();
  const file = path.join(dist, kept()[0]);
  for (const size of [1000, 8, 0]) {
    fs.truncateSync(file, size);
    expect(takesText()).toBe(true);
  }
});

only('is made again when the text has changed', () => {
  keep();
  const facade = path.join(dist, 'facade.js');
  const text = fs.readFileSync(facade, 'utf8');
  fs.writeFileSync(facade, text.replace(/return namespace;\n/, 'namespace.later = 1;\n$&'));
  keep();
  expect(kept()).toHaveLength(1);
  const program = `process.stdout.write(String(require(${JSON.stringify(path.join(dist, 'wrt.js'))}).later))`;
  expect(String(execFileSync(process.execPath, ['-e', program]))).toBe('1');
});
