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

describe("V8's code for the facade", () => {
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
  /** Whether the facade was taken from its text, in a process that then compiles a module. */
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
    const before = fs.statSync(path.join(dist, name));
    keep();
    expect(fs.statSync(path.join(dist, name)).ino).toBe(before.ino);
    // That of another one.
    fs.renameSync(path.join(dist, name), path.join(dist, name.replace(/-\d+\.code$/, '-1.code')));
    expect(takesText()).toBe(true);
  });

  only('is checked by V8, which compiles the text if it has other flags or the code is damaged', () => {
    keep();
    expect(takesText('--no-lazy-feedback-allocation', '--stack-size=600')).toBe(false);
    const file = path.join(dist, kept()[0]);
    const contents = fs.readFileSync(file);
    contents.fill(0, 8, 16);
    fs.writeFileSync(file, contents);
    expect(takesText()).toBe(false);
  });

  only('is made again with the text', () => {
    keep();
    fs.appendFileSync(path.join(dist, 'facade.js'), '\nmodule.exports.later = 1;\n');
    keep();
    expect(kept()).toHaveLength(1);
    const program = `process.stdout.write(String(require(${JSON.stringify(path.join(dist, 'wrt.js'))}).later))`;
    expect(String(execFileSync(process.execPath, ['-e', program]))).toBe('1');
  });
});
