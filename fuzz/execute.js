'use strict';

// Modules of wasm-smith on V8 and on wrt in the same process: results, traps, memories, globals and tables must be the
// same. node execute.js SECONDS SEED RECORD GENERATOR [MODULES], where GENERATOR is the program of fuzz/main.rs.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const W = require('..');
const { processorTime, random } = require('./random');

const V8 = globalThis.WebAssembly;
const [, , seconds, firstSeed, record, generator, modules] = process.argv;

class Difference extends Error {}

const NUMBERS = [0, 1, -1, 2, 7, 255, 65536, 2 ** 31 - 1, -(2 ** 31), 0.5, -0, NaN, Infinity, 1e300, 5e-324];
const BIGINTS = [0n, 1n, -1n, 255n, 2n ** 32n, 2n ** 63n - 1n, -(2n ** 63n)];
const ARGUMENTS = {
  i32: (next) => NUMBERS[next(9)],
  i64: (next) => BIGINTS[next(BIGINTS.length)],
  f32: (next) => NUMBERS[next(NUMBERS.length)],
  f64: (next) => NUMBERS[next(NUMBERS.length)],
  externref: (next) => ['text', null, 5, undefined][next(4)],
};

const show = (value) => {
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
};

/** What calling something comes to, in words. */
function outcome(action) {
  try {
    return show(action());
  } catch (error) {
    return error instanceof Error ? error.name : 'a throw';
  }
}

/** Both engines do the same thing. */
function both(what, ours, theirs) {
  const [a, b] = [outcome(ours), outcome(theirs)];
  // Where the stack ends is an engine's own choice, and nothing can be compared after it.
  if (a === 'RangeError' || b === 'RangeError') return false;
  if (a !== b) throw new Difference(`${what}: ${a} in place of ${b}`);
  return true;
}

function compareState(ours, theirs) {
  for (const [name, own] of Object.entries(ours)) {
    const other = theirs[name];
    if (own instanceof W.Memory) {
      const [a, b] = [Buffer.from(own.buffer), Buffer.from(other.buffer)];
      if (!a.equals(b)) throw new Difference(`memory ${name} differs`);
    } else if (own instanceof W.Global) {
      const read = (global) => () => global.value;
      // JavaScript cannot read all of them.
      both(`global ${name}`, read(own), read(other));
    } else if (own instanceof W.Table) {
      if (own.length !== other.length)
        throw new Difference(`table ${name} has ${own.length} elements, not ${other.length}`);
      for (let k = 0; k < own.length; k++) {
        both(
          `table ${name}[${k}]`,
          () => own.get(k),
          () => other.get(k),
        );
      }
    }
  }
}

/** Whether it could be compared. */
function compare(bytes, seed) {
  if (!W.validate(bytes)) throw new Difference('it is refused');
  if (!V8.validate(bytes)) return false;
  const instances = {};
  const make = (E, name) => () => {
    instances[name] = new E.Instance(new E.Module(bytes)).exports;
    return 'made';
  };
  if (!both('instantiation', make(W, 'ours'), make(V8, 'theirs'))) return true;
  const { ours, theirs } = instances;
  if (!ours) return true;
  const next = random(seed);
  const functions = Object.keys(ours).filter((name) => typeof ours[name] === 'function');
  for (let round = 0; round < 3; round++) {
    for (const name of functions) {
      const args = ours[name].type().parameters.map((type) => ARGUMENTS[type]?.(next) ?? null);
      const call = (exports) => () => exports[name](...args);
      if (!both(`${name}(${args.map(show)})`, call(ours), call(theirs))) return true;
    }
  }
  compareState(ours, theirs);
  return true;
}

async function main() {
  const child = spawn(generator, ['modules', firstSeed], { stdio: ['ignore', 'pipe', 'inherit'] });
  let pending = Buffer.alloc(0);
  let seed = Number(firstSeed);
  let compared = 0;
  const file = fs.openSync(record, 'w');
  for await (const chunk of child.stdout) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32LE()) {
      const length = pending.readUInt32LE();
      const bytes = new Uint8Array(pending.subarray(4, 4 + length));
      pending = pending.subarray(4 + length);
      fs.writeSync(file, String(seed).padStart(20, '0'), 0);
      if (length > 0 && compare(bytes, seed)) compared++;
      seed++;
      if (processorTime() > seconds || compared === Number(modules)) {
        child.kill();
        console.log(compared);
        process.exit();
      }
    }
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
