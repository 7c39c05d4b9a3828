'use strict';

// node tools/code.js [DIRECTORY]
//
// Keeps what V8 makes of the facade beside it, in dist/ or another directory, for this executable: see start/index.js.

const fs = require('node:fs');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const vm = require('node:vm');
const load = require('./native');

const DIST = path.join(__dirname, '..', 'dist');

/** (module
 *    (import "m" "f" (func (param i32) (result i32)))
 *    (memory (export "memory") 1) (table (export "table") 1 funcref) (global (export "global") i32 (i32.const 1))
 *    (func (export "call") (param i32) (result i32) (call 0 (local.get 0))))
 */
const MODULE = Buffer.from(
  '0061736d0100000001060160017f017f020701016d016600000302010004040170000105030100010606017f0041010b' +
    '072204066d656d6f72790200057461626c65010006676c6f62616c03000463616c6c00010a08010600200010000b',
  'hex',
);

/** Does what most programs do, since V8 compiles functions when they are called. */
async function use(WebAssembly) {
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-code-'));
  WebAssembly.enableCompileCache(cache);
  fs.rmdirSync(cache);
  await WebAssembly.compile(MODULE);
  const imports = { m: { f: (n) => n } };
  const { call, memory } = new WebAssembly.Instance(new WebAssembly.Module(MODULE), imports).exports;
  const { instance } = await WebAssembly.instantiate(MODULE, imports);
  if (call(1) + instance.exports.call(2) !== 3) throw new Error('the facade does not work');
  return new Uint8Array(memory.buffer);
}

/**
 * What the file has, see `src/binding/facade.rs`.
 * @param {Buffer} code
 * @param {string} directory
 * @param {string} source of ASCII characters
 */
function contents(code, directory, source) {
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(code.length);
  sizes.writeUInt32LE(Buffer.byteLength(directory), 4);
  return Buffer.concat([sizes, code, Buffer.from(directory), Buffer.from(source, 'latin1')]);
}

async function keep(directory = DIST) {
  // The native library may just have been built.
  const binding = load();
  const facade = path.join(directory, 'facade.js');
  const text = fs.readFileSync(facade, 'utf8');
  const source = `(function (require, module, __dirname) {${text}\n})`;
  if (/[^\0-\x7f]/.test(source)) throw new Error('the facade has to be of ASCII characters');
  if (binding.readCode(directory, process.version)?.[1] === source) return;
  const script = new vm.Script(source, { filename: facade });
  const module = { exports: undefined };
  script.runInThisContext()(createRequire(facade), module, directory);
  await use(module.exports(binding));

  const file = binding.codeFile(directory, process.version);
  if (file === null) return;
  // A process may be about to load it.
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, contents(script.createCachedData(), directory, source));
  fs.renameSync(draft, file);
}

if (require.main === module) keep(process.argv[2]);

module.exports = keep;
