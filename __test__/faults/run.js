'use strict';

// npm run faults
//
// Has each place of the engine fail where something may not be had (src/runtime/fault.rs), once and for good, at each
// time that a scenario comes there, and prints what came of it. After each failure the same scenario must succeed, on
// the same thread, and in the end nothing may be live that was not before.

const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');

const root = path.join(__dirname, '..', '..');
process.env.WRT_NATIVE_LIBRARY ??= path.join(root, 'target', 'faults.node');
const wabt = require('wabt');

/** One failure, then success; and failure as long as it is asked. */
const ONCE = 1;
const ALWAYS = 1e9;

const TEXTS = {
  arithmetic: `(module (func (export "f") (param i32) (result i32) (local i32)
    (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))`,
  objects: `(module (memory (export "m") 1) (table (export "t") 1 funcref)
    (func $f (export "f") (result i32) (i32.const 7)) (elem (i32.const 0) $f) (data (i32.const 0) "x")
    (func (export "growMemory") (result i32) (memory.grow (i32.const 1)))
    (func (export "growTable") (result i32) (table.grow 0 (ref.null func) (i32.const 1000))))`,
  data: `(module (memory (export "m") 2) (data (i32.const 0) "${'x'.repeat(70_000)}"))`,
  exceptions: `(module (import "m" "f" (func $f)) (tag $t (export "t") (param i32))
    (func (export "caught") (param i32) (result i32)
      (try (result i32) (do (throw $t (local.get 0))) (catch $t)))
    (func (export "thrown") (param i32) (throw $t (local.get 0)))
    (func (export "fromHost") (param i32) (result i32)
      (try (result i32) (do (call $f) (i32.const 0)) (catch $t) (catch_all (local.get 0)))))`,
};

/** How many modules were changed. */
let serial = 0;

/** A module of which the last bytes are data, with others: never one that is alive, which would be taken again. */
function fresh(bytes) {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(copy.length - 4, ++serial);
  return copy;
}

/** What the engine does, in all its ways. Each returns what it computes; what fails may be an error or a -1. */
const scenarios = (W, bytes) => ({
  compile() {
    return new W.Instance(new W.Module(bytes.arithmetic)).exports.f(10);
  },
  improve() {
    const { f } = new W.Instance(new W.Module(bytes.arithmetic)).exports;
    let sum = 0;
    for (let k = 0; k < 20; k++) sum = f(20_000);
    return sum;
  },
  instance() {
    return new W.Instance(new W.Module(bytes.objects)).exports.f();
  },
  guestGrowsMemory() {
    return new W.Instance(new W.Module(bytes.objects)).exports.growMemory();
  },
  guestGrowsTable() {
    return new W.Instance(new W.Module(bytes.objects)).exports.growTable();
  },
  guestCatches() {
    return new W.Instance(new W.Module(bytes.exceptions), { m: { f() {} } }).exports.caught(7);
  },
  guestThrows() {
    const { t, thrown } = new W.Instance(new W.Module(bytes.exceptions), { m: { f() {} } }).exports;
    try {
      thrown(7);
    } catch (error) {
      if (error instanceof W.Exception) return error.getArg(t, 0);
      throw error;
    }
    return undefined;
  },
  hostThrows() {
    // No object: the engine has it until it looks which exceptions are held, and its stack trace has the instance.
    const f = () => {
      throw 'of the host';
    };
    return new W.Instance(new W.Module(bytes.exceptions), { m: { f } }).exports.fromHost(7);
  },
  memory() {
    const memory = new W.Memory({ initial: 1, maximum: 10 });
    memory.grow(2);
    return memory.buffer.byteLength;
  },
  table() {
    const table = new W.Table({ element: 'externref', initial: 1 }, 'x');
    table.grow(1000, 'y');
    return table.get(1000);
  },
  image() {
    const module = new W.Module(bytes.objects);
    assert.strictEqual(new W.Instance(module).exports.f(), 7);
    const copy = W.Module.deserialize(W.Module.serialize(module), bytes.objects);
    return new W.Instance(copy).exports.f();
  },
  cache() {
    // Long enough to be kept, and another one each time, so that its image is looked for and mapped.
    const module = new W.Module(bytes.kept);
    const result = new W.Instance(module).exports.f(10);
    W.flushCompileCache();
    return result;
  },
  long() {
    // So long that threads help to validate and to hash it.
    return new W.Instance(new W.Module(fresh(bytes.long))).exports.f(10);
  },
  data() {
    const module = new W.Module(fresh(bytes.data));
    const ends = [1, 2, 3].map(() => new Uint8Array(new W.Instance(module).exports.m.buffer)[69_995]);
    return ends.join();
  },
  async stream() {
    const response = new Response(bytes.arithmetic, { headers: { 'content-type': 'application/wasm' } });
    return new W.Instance(await W.compileStreaming(response)).exports.f(10);
  },
  thread() {
    // A worker of its own needs stacks and a store.
    return new Promise((resolve, reject) => {
      const worker = new Worker(__filename, { workerData: { bytes: bytes.arithmetic } });
      worker.on('message', resolve);
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('the worker said nothing')));
    });
  },
});

const describe = (result) => (result instanceof Error ? result.name : result === -1 ? '-1' : 'went on');

async function attempt(scenario) {
  try {
    return await scenario();
  } catch (error) {
    return error;
  }
}

async function collect() {
  for (let k = 0; k < 4; k++) {
    global.gc();
    await new Promise(setImmediate);
  }
}

/** What has the library's allocations fail. */
function faults() {
  const { make } = require(process.env.WRT_NATIVE_LIBRARY);
  return { faultSites: make('faultSites'), injectFault: make('injectFault') };
}

/** In a process of its own: threads are started once. */
function withoutThreads() {
  const addon = faults();
  const site = addon.faultSites().findIndex(([name]) => name === 'CompileThread');
  addon.injectFault(site, 0, ALWAYS);
  const W = require(root);
  const bytes = { arithmetic: new Uint8Array(Buffer.from(process.argv[2], 'base64')) };
  const result = scenarios(W, bytes).improve();
  console.log(JSON.stringify({ site, result, met: addon.faultSites()[site][1] }));
}

async function main() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-faults-'));
  const addon = faults();
  const W = require(root);
  W.enableCompileCache(directory);
  const assembler = await wabt();
  const bytes = {};
  for (const [name, text] of Object.entries(TEXTS)) {
    bytes[name] = new Uint8Array(
      assembler.parseWat(name, text, { reference_types: true, exceptions: true }).toBinary({}).buffer,
    );
  }
  const long = `(module (func (export "f") (param i32) (result i32) (local.get 0)) (data "${'x'.repeat(2000)}"))`;
  bytes.kept = new Uint8Array(assembler.parseWat('kept', long, { bulk_memory: true }).toBinary({}).buffer);
  const body = '(drop (i32.const 1000000))'.repeat(200);
  const bodies = `(func ${body})`.repeat(200);
  const many = `(module (func (export "f") (param i32) (result i32) (local.get 0)) ${bodies} (memory 64) (data (i32.const 0) "${'x'.repeat(2 << 20)}"))`;
  bytes.long = new Uint8Array(assembler.parseWat('long', many).toBinary({}).buffer);

  const sites = addon.faultSites().map(([name]) => name);
  const rows = sites.map(() => ({ injected: 0, outcomes: {}, lost: 0 }));
  const met = () => addon.faultSites().map(([, count]) => count);
  const all = scenarios(W, bytes);
  for (const [name, scenario] of Object.entries(all)) {
    const expected = await scenario();
    await scenario();
    await collect();
    const live = () => {
      const { modules, instances, memories, tables } = W.stats();
      return { modules, instances, memories, tables };
    };
    const before = live();
    const start = met();
    await scenario();
    const counts = met().map((count, k) => count - start[k]);
    for (const [site, count] of counts.entries()) {
      for (let after = 0; after < Math.min(count, 20); after++) {
        for (const times of [ONCE, ALWAYS]) {
          addon.injectFault(site, after, times);
          const result = await attempt(scenario);
          addon.injectFault(site, 0, 0);
          const row = rows[site];
          row.injected++;
          // Errors of a worker have lost their classes, and a thread that cannot have a store has no engine.
          const allowed =
            /^(CompileError|RangeError)$/.test(result?.name) ||
            (name === 'thread' && /native library/.test(result?.message)) ||
            result === -1 ||
            result === expected;
          const outcome = allowed ? describe(result) : `WRONG in ${name}: ${result}`;
          row.outcomes[outcome] = (row.outcomes[outcome] ?? 0) + 1;
          // Nothing is left of it.
          const again = await attempt(scenario);
          if (again !== expected) {
            row.lost++;
            console.error(`${name} after ${sites[site]}: ${again} in place of ${expected}`);
          }
        }
      }
    }
    await collect();
    const after = live();
    for (const kind of Object.keys(after)) {
      // V8's stack may still show the last one.
      if (after[kind] <= before[kind] + 1) continue;
      console.error(`${name} leaves ${after[kind]} ${kind} in place of ${before[kind]}`);
      process.exitCode = 1;
    }
  }
  fs.rmSync(directory, { recursive: true });

  const child = spawnSync(process.execPath, [__filename, Buffer.from(bytes.arithmetic).toString('base64')]);
  const threads = JSON.parse(child.stdout.toString());
  const same = threads.result === all.improve();
  const row = rows[threads.site];
  row.injected += threads.met;
  row.outcomes['went on'] = (row.outcomes['went on'] ?? 0) + threads.met;
  if (!same) row.lost++;

  console.log('place                 injected  lost  outcomes');
  for (const [site, { injected, outcomes, lost }] of rows.entries()) {
    const text = Object.entries(outcomes).map(([outcome, count]) => `${outcome} ${count}`);
    console.log(
      `${sites[site].padEnd(20)}${String(injected).padStart(10)}${String(lost).padStart(6)}  ${text.join(', ')}`,
    );
    if (lost > 0 || injected === 0 || /WRONG/.test(text)) process.exitCode = 1;
  }
}

if (process.argv.length > 2) withoutThreads();
else if (isMainThread) main();
else {
  const W = require(root);
  const { f } = new W.Instance(new W.Module(workerData.bytes)).exports;
  parentPort.postMessage(W.withDeadline(1e6, () => f(10)));
}
