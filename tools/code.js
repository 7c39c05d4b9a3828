'use strict';

// node tools/code.js [DIRECTORY]
//
// Keeps what V8 makes of the facade beside it, in dist/ or another directory, for this executable: see start/index.js. And
// of the functions by which most signatures cross (lib/script.js), which it has from the facade.

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

/** How many values cross at most in the functions that are kept, and how many results. */
const MOST = [6, 1];

/** A module that imports and exports functions of such types, `f0` and so on, which call each other. */
function crossings() {
  const shapes = [];
  for (let params = 0; params <= MOST[0]; params++) {
    for (let results = 0; results <= MOST[1]; results++) shapes.push([params, results]);
  }
  const section = (id, items) => {
    const bytes = [items.length, ...items.flat()];
    return [id, (bytes.length & 127) | 128, bytes.length >> 7, ...bytes];
  };
  const types = shapes.map(([params, results]) => [
    ...[0x60, params, ...Array(params).fill(0x7f), results, ...Array(results).fill(0x7f)],
  ]);
  const name = (k) => [2, 0x66, 0x41 + k];
  const body = ([params], k) => {
    const code = [0, ...Array.from({ length: params }, (_, i) => [0x20, i]).flat(), 0x10, k, 0x0b];
    return [code.length, ...code];
  };
  return Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, types),
    ...section(
      2,
      shapes.map((_, k) => [1, 0x6d, ...name(k), 0, k]),
    ),
    ...section(
      3,
      shapes.map((_, k) => [k]),
    ),
    ...section(
      7,
      shapes.map((_, k) => [...name(k), 0, shapes.length + k]),
    ),
    ...section(10, shapes.map(body)),
  );
}

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
  const module = new WebAssembly.Module(crossings());
  const m = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => 1]));
  for (const f of Object.values(new WebAssembly.Instance(module, { m }).exports)) f();
  return new Uint8Array(memory.buffer);
}

/**
 * What the file has, see `src/binding/facade.rs`.
 * @param {Buffer[]} parts
 */
function contents(parts) {
  const sizes = parts.slice(0, -1).map((part) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(part.length);
    return size;
  });
  return Buffer.concat([...sizes, ...parts]);
}

async function keep(directory = DIST) {
  // The native library may just have been built.
  const binding = load();
  const facade = path.join(directory, 'facade.js');
  const text = fs.readFileSync(facade, 'utf8');
  const source = `(function (require, module, __dirname) {${text}\n})`;
  if (/[^\0-\x7f]/.test(source)) throw new Error('the facade has to be of ASCII characters');
  if (binding.make('readCode')(directory, process.version)?.[1] === source) return;
  const script = new vm.Script(source, { filename: facade });
  const run = async (shapes) => {
    const module = { exports: undefined };
    script.runInThisContext()(createRequire(facade), module, directory);
    await use(module.exports(binding, shapes));
  };
  // What it makes functions of, and then with those of the script that is kept.
  const texts = [];
  await run({ load: () => null, note: (name, body) => texts.push(`case '${name}':\nreturn ${body};\n`) });
  const shapesSource = `'use strict';\n(name) => {\nswitch (name) {\n${texts.join('')}}\n}`;
  let shapes;
  await run({
    load: (filename) => (shapes = new vm.Script(shapesSource, { filename })),
    note(name) {
      throw new Error(`${name} is not kept`);
    },
  });

  const file = binding.make('codeFile')(directory, process.version);
  if (file === null) return;
  // A process may be about to load it.
  const draft = `${file}.${process.pid}`;
  const ascii = (string) => Buffer.from(string, 'latin1');
  const [code, shapesCode] = [script.createCachedData(), shapes.createCachedData()];
  fs.writeFileSync(draft, contents([code, Buffer.from(directory), shapesCode, ascii(shapesSource), ascii(source)]));
  fs.renameSync(draft, file);
}

if (require.main === module) keep(process.argv[2]);

module.exports = keep;
