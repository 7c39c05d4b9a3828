'use strict';

// Sequences of calls of the JavaScript API, made from seeds, on V8 and on wrt in the same process: what each call
// returns or throws must be the same. node api.js SECONDS SEED RECORD

const fs = require('node:fs');
const path = require('node:path');
const { crc32 } = require('node:zlib');
const ours = require('..');
const { processorTime, random } = require('./random');

const theirs = globalThis.WebAssembly;
const [, , seconds, firstSeed, record] = process.argv;

/** A module that imports and exports one of each kind. */
const BYTES = fs.readFileSync(path.join(__dirname, 'api.wasm'));

const show = (value) => {
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name} ${value.length}`;
  if (value !== null && typeof value === 'object') return Object.prototype.toString.call(value);
  if (typeof value === 'symbol') return 'symbol';
  return Object.is(value, -0) ? '-0' : String(value);
};

/** What the sequence of a seed gives, a line for each step. */
function trace(W, seed) {
  const next = random(seed);
  const lines = [];
  /** All that `value` has made. */
  const values = [];
  const pool = { Memory: [], Table: [], Global: [], function: [], exports: [] };
  const some = (kind) => pool[kind][next(pool[kind].length || 1)];
  const log = (what, action) => {
    let line;
    const seen = values.length;
    try {
      line = show(action());
    } catch (error) {
      line = error instanceof Error ? error.name : `thrown ${show(error)}`;
      // The standard converts the value first, V8 looks at the index first.
      if (what === 'table.set' && /^(Type|Range)Error$/.test(line)) line = 'an error';
    }
    lines.push(`${what}(${values.slice(seen).map(show)}): ${line}`);
  };
  /** Any value, of the right kind or not. */
  const value = () => {
    values.push(anything());
    return values[values.length - 1];
  };
  const anything = () => {
    const k = next(24);
    if (k < 12) return next(5);
    // Code of the user in the middle of a conversion.
    if (k === 12) return { valueOf: () => (step(3), next(4)) };
    if (k === 13) return some('function');
    return [-1, 1.9, NaN, '2', 3n, -5n, null, undefined, 2 ** 32, Symbol.iterator][k - 14];
  };
  const keep = (kind, object) => {
    pool[kind].push(object);
    return object;
  };
  const descriptor = (extra) => {
    const d = { initial: value(), ...extra };
    if (next(2)) d.maximum = value();
    return next(12) ? d : value();
  };
  const steps = [
    () => log('Memory', () => keep('Memory', new W.Memory(descriptor({})))),
    () =>
      log('Table', () => {
        const type = descriptor({ element: ['anyfunc', 'externref', 'no'][next(3)] });
        // V8 does not look at the value where there is no element.
        return keep('Table', new W.Table(type, ...(next(2) ? [some('function') ?? null] : [])));
      }),
    () =>
      log('Global', () =>
        keep(
          'Global',
          new W.Global(
            { value: ['i32', 'i64', 'f32', 'f64', 'externref', 'anyfunc', 'v128', 7][next(8)], mutable: next(2) === 1 },
            value(),
          ),
        ),
      ),
    () => log('memory.grow', () => some('Memory').grow(value())),
    () => log('memory.buffer', () => some('Memory').buffer.byteLength),
    () =>
      log('bytes', () => {
        const bytes = new Uint8Array(some('Memory').buffer);
        bytes[next(64)] = next(256);
        return crc32(bytes);
      }),
    () => log('table.get', () => some('Table').get(value())),
    () => log('table.set', () => some('Table').set(value(), ...(next(4) ? [value()] : []))),
    () => log('table.grow', () => some('Table').grow(value(), ...(next(2) ? [value()] : []))),
    () => log('table.length', () => some('Table').length),
    () => log('global.value', () => some('Global').value),
    () => log('global.value=', () => (some('Global').value = value())),
    () => log('valueOf', () => some('Global').valueOf()),
    () =>
      log('Instance', () => {
        const imports = {
          m: {
            memory: some('Memory'),
            table: some('Table'),
            global: next(3) ? next(9) : some('Global'),
            // Called by the guest: it may do anything.
            f: next(3) ? (a) => (step(2), next(5) ? value() : a) : some('function'),
          },
        };
        const { exports } = new W.Instance(new W.Module(BYTES), imports);
        pool.exports.push(exports);
        for (const name of Object.keys(exports)) {
          const object = exports[name];
          pool[typeof object === 'function' ? 'function' : Object.prototype.toString.call(object).slice(20, -1)]?.push(
            object,
          );
        }
        return Object.keys(exports);
      }),
    () => log('call', () => some('function')(value(), value())),
    () => log('call', () => some('function')(next(100), next(100))),
    () => log('same', () => some('exports').memory === some('Memory')),
  ];
  let budget = 200;
  function step(count) {
    for (let k = 0; k < count && budget-- > 0; k++) steps[next(steps.length)]();
  }
  step(60);
  return lines;
}

async function main() {
  const file = fs.openSync(record, 'w');
  let seed = Number(firstSeed);
  for (; processorTime() < seconds; seed++) {
    fs.writeSync(file, String(seed).padStart(20, '0'), 0);
    const [a, b] = [trace(ours, seed), trace(theirs, seed)];
    const k = a.findIndex((line, at) => line !== b[at]);
    if (k >= 0 || a.length !== b.length) {
      console.error(`step ${k} is ${a[k]} in place of ${b[k]}, after\n${a.slice(Math.max(0, k - 5), k).join('\n')}`);
      process.exit(1);
    }
    // Addresses of buffers are given back by finalisers, which wait for the end of the turn.
    if (seed % 100 === 0) await new Promise(setImmediate);
  }
  console.log(seed - Number(firstSeed));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
