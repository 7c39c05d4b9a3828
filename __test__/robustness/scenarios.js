'use strict';

// What the tests of this folder do in processes of their own:  node scenarios.js NAME [COUNT]
// The last line of the output is the result as JSON.

const fs = require('node:fs');
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const initWabt = require('wabt');

const builtin = globalThis.WebAssembly;
const W = require('../support/impl').load();

let wabt;
const wat = (text, features = {}) => {
  const module = wabt.parseWat('scenario.wat', new TextEncoder().encode(text), features);
  return new Uint8Array(module.toBinary({}).buffer);
};
const instantiate = (text, imports, engine = W) => new engine.Instance(new engine.Module(wat(text)), imports).exports;

const MIB = 1 << 20;
const rss = () => process.memoryUsage.rss() / MIB;

/** All address space of the process, in bytes, as far as the system tells. */
function addressSpace() {
  if (!fs.existsSync('/proc/self/statm')) return 0;
  return Number(fs.readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * 4096;
}
const addressesAtStart = addressSpace();

/** Resident memory, address space of the process and what memories have of it, in MiB, and what is live. */
function usage() {
  const addresses = addressSpace() - addressesAtStart;
  const { reservedBytes = addresses, codeBytes = 0, ...live } = W.stats?.() ?? {};
  const inMiB = (bytes) => Math.round(bytes / MIB);
  return {
    rss: Math.round(rss()),
    addresses: inMiB(addresses),
    reserved: inMiB(reservedBytes),
    code: codeBytes / MIB,
    ...live,
  };
}

/** What the last meter saw; part of the result. */
let measured;

/** Watches the memory that `count` steps take: call `step` at each, then `grown`. */
function meter(count) {
  const before = usage();
  const peak = { ...before };
  const every = Math.max(1, Math.floor(count / 500));
  let early = 0;
  let i = 0;
  return {
    step() {
      if (i === Math.floor(count / 10)) early = rss();
      if (i++ % every !== 0) return;
      for (const [key, value] of Object.entries(usage())) peak[key] = Math.max(peak[key], value);
    },
    /** Resident memory, in MiB, that was added after the first tenth. */
    grown() {
      measured = { before, peak, after: usage() };
      return Math.round(rss() - early);
    },
  };
}

function growth(count, action) {
  const { step, grown } = meter(count);
  for (let i = 0; i < count; i++) {
    step();
    action(i);
  }
  return grown();
}

const caught = (f) => {
  try {
    f();
  } catch (error) {
    return error;
  }
  return undefined;
};
const check = (condition, what) => {
  if (!condition) throw new Error(`failed: ${what}`);
};

const TRAPS = `(module (memory 1)
  (func (export "unreachable") unreachable)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "div") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1)))
  (func (export "forever") (loop $l br $l)))`;

const NEST = `(module (import "m" "f" (func $f (param i32) (result i32)))
  (func (export "f") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1))))`;

/** JavaScript and wasm calling one another; `limit` levels, or as many as there is room for. */
function nesting(engine = W) {
  let deepest = 0;
  let limit = Infinity;
  const { f } = instantiate(
    NEST,
    {
      m: {
        f(depth) {
          if (depth > deepest) deepest = depth;
          return depth < limit ? f(depth + 1) : 0;
        },
      },
    },
    engine,
  );
  return {
    to(levels) {
      limit = levels;
      return f(1);
    },
    unbounded() {
      limit = Infinity;
      deepest = 0;
      const error = caught(() => f(1));
      check(error instanceof RangeError, `RangeError expected, got ${error}`);
      return deepest;
    },
  };
}

const scenarios = {
  ...require('./interruption')({ W, TRAPS, NEST, builtin, caught, check, growth, instantiate }),

  /** Caught traps of several kinds. */
  traps(count) {
    const { unreachable, load, div, add } = instantiate(TRAPS);
    const kinds = [unreachable, () => load(-1), () => div(0), () => load(65536)];
    const grown = growth(count, (i) => {
      const error = caught(kinds[i & 3]);
      if (!(error instanceof W.RuntimeError)) throw new Error(`not a trap: ${error}`);
    });
    check(add(2, 3) === 5, 'a call afterwards');
    return { grown };
  },

  /** Exceptions of JavaScript through wasm. */
  throws(count) {
    const thrown = {};
    const { run, fine } = instantiate(
      `(module (import "m" "f" (func $f)) (func $g call $f) (func (export "run") call $g) (func (export "fine") (result i32) i32.const 5))`,
      {
        m: {
          f() {
            throw thrown;
          },
        },
      },
    );
    const grown = growth(count, () => {
      if (caught(run) !== thrown) throw new Error('another exception');
    });
    check(fine() === 5, 'a call afterwards');
    return { grown };
  },

  /** Exceptions from inside nested activations. */
  nestedThrows(count) {
    let levels = 0;
    const thrown = new Error('thrown');
    const { f } = instantiate(NEST, {
      m: {
        f(n) {
          if (n === levels) throw thrown;
          return f(n + 1);
        },
      },
    });
    const grown = growth(count, (i) => {
      levels = i % 30;
      if (caught(() => f(0)) !== thrown) throw new Error('another exception');
    });
    return { grown };
  },

  /** Calls to the limit of V8's stack, again and again. */
  nestingLimit(count) {
    const nest = nesting();
    const depths = [];
    const grown = growth(count, () => {
      depths.push(nest.unbounded());
      check(nest.to(50) === 50, 'nesting works afterwards');
    });
    return { grown, first: depths[0], least: Math.min(...depths), most: Math.max(...depths) };
  },

  /** So deep that the guest needs as much room as V8 has. */
  nestingDepth(levels) {
    const nest = nesting();
    check(nest.to(levels) === levels, `${levels} levels`);
    check(nest.to(levels) === levels, `${levels} levels again`);
    return { depth: nest.unbounded() };
  },

  /** The guest's own recursion overflows. */
  overflows(count) {
    const { deep, add } = instantiate(TRAPS);
    const grown = growth(count, () => {
      const error = caught(deep);
      if (!(error instanceof RangeError)) throw new Error(`not a RangeError: ${error}`);
    });
    check(add(2, 3) === 5, 'a call afterwards');
    return { grown, message: caught(deep).message };
  },

  /** An overflow inside of nested activations, and at different distances from the end of V8's stack. */
  overflowsNested(count) {
    const { deep } = instantiate(TRAPS);
    let errors = 0;
    const { f } = instantiate(NEST, {
      m: {
        f(n) {
          if (n) return f(n - 1);
          if (caught(deep) instanceof RangeError) errors++;
          return 0;
        },
      },
    });
    for (let i = 0; i < count; i++) check(f(i) === i + 1, `${i} levels`);
    check(errors === count, 'every one overflows');
    return { errors };
  },

  /** V8's wasm and ours in turns. */
  bothEngines(count) {
    const engines = [W, builtin].map((engine) => ({ engine, exports: instantiate(TRAPS, {}, engine) }));
    const grown = growth(count, (i) => {
      for (const { engine, exports } of engines) {
        check(caught(() => exports.load(65533 + (i & 7))) instanceof engine.RuntimeError, 'load traps');
        check(caught(() => exports.div(0)) instanceof engine.RuntimeError, 'div traps');
        check(exports.load(i & 1023) === 0 && exports.div(1) === 1, 'and works');
        if (i % 500 === 0) check(caught(exports.deep) instanceof RangeError, 'deep overflows');
      }
    });
    // one inside the other
    const inner = [instantiate(TRAPS), instantiate(TRAPS, {}, builtin)];
    const text = `(module (import "m" "f" (func $f (result i32))) (func (export "run") (result i32) call $f))`;
    const result = [];
    for (const [outer, other] of [
      [W, inner[1]],
      [builtin, inner[0]],
    ]) {
      const { run } = instantiate(
        text,
        { m: { f: () => (caught(other.unreachable) && caught(other.deep) ? other.add(20, 22) : 0) } },
        outer,
      );
      result.push(run());
    }
    return { grown, result };
  },

  /** A signal from outside is nobody's trap. */
  kill(_, name) {
    check(caught(instantiate(TRAPS).unreachable) instanceof W.RuntimeError, 'traps are set up');
    fs.writeSync(1, 'before\n');
    process.kill(process.pid, name);
    setTimeout(() => {}, 10_000); // the signal comes first
    return new Promise(() => {});
  },

  exitInImport() {
    const { f } = instantiate(NEST, { m: { f: (n) => (n ? f(n - 1) : process.exit(7)) } });
    f(5);
  },

  /** The process ends while much is alive, also what nobody could reach any more. */
  liveAtExit() {
    const memory = new W.Memory({ initial: 1 });
    for (let i = 0; i < 500; i++) new W.Memory({ initial: 1 }).buffer;
    const live = [
      memory,
      memory.buffer,
      nesting(),
      instantiate(TRAPS),
      new W.Table({ element: 'externref', initial: 1 }),
    ];
    live[4].set(0, live);
    live[2].to(10);
    process.on('exit', () => check(live[2].to(10) === 10 && live[3].add(2, 3) === 5, 'a call at the end'));
  },

  uncaughtTrap() {
    instantiate(TRAPS).unreachable();
  },

  uncaughtThrow() {
    const { f } = instantiate(NEST, {
      m: {
        f() {
          throw new TypeError('from the import');
        },
      },
    });
    f(1);
  },

  /** Workers with instances of their own, all at once. */
  async workers(count) {
    const results = await Promise.all(
      Array.from(
        { length: count },
        (_, i) =>
          new Promise((resolve, reject) => {
            const worker = new Worker(__filename, { workerData: { i } });
            let result;
            worker.on('message', (message) => (result = message));
            worker.on('error', reject);
            worker.on('exit', (code) => resolve({ code, result }));
          }),
      ),
    );
    const { add } = instantiate(TRAPS);
    check(add(2, 3) === 5, 'a call afterwards');
    return { results };
  },

  /** Workers that load the addon, use it and end, one after another. */
  async workersInTurn(count) {
    const { step, grown } = meter(count);
    for (let i = 0; i < count; i++) {
      step();
      const worker = new Worker(__filename, { workerData: { short: true } });
      const code = await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      check(code === 0, `exit code ${code}`);
    }
    check(instantiate(TRAPS).add(2, 3) === 5, 'a call afterwards');
    return { grown: grown() };
  },

  /** Workers that wait, with live instances, buffers and a memory that grew, are terminated. */
  async terminateIdle(count) {
    for (let i = 0; i < count; i++) {
      const worker = new Worker(__filename, { workerData: { idle: true } });
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      check((await worker.terminate()) === 1, 'the exit code');
    }
    check(instantiate(TRAPS).add(2, 3) === 5, 'a call afterwards');
    return { done: count };
  },

  /** Modules and shared state sent to workers are theirs; an import that a worker's exit interrupts. */
  async exitingWorkers(count) {
    const codes = await Promise.all(
      Array.from(
        { length: count },
        () =>
          new Promise((resolve, reject) => {
            const worker = new Worker(__filename, { workerData: { exit: 3 } });
            worker.on('error', reject);
            worker.on('exit', resolve);
          }),
      ),
    );
    return { codes };
  },

  /** V8's profiler samples while the guest runs. */
  profiled(count) {
    const { run } = instantiate(
      `(module (import "m" "f" (func $f)) (func (export "run") (param $n i32) (loop $l
        (call $f) (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))))`,
      { m: { f() {} } },
    );
    const { unreachable, deep } = instantiate(TRAPS);
    for (let i = 0; i < count; i++) {
      run(2000);
      caught(unreachable);
      if (i % 50 === 0) caught(deep);
    }
    return { done: true };
  },
};

const support = { W, wat, instantiate, meter, growth, caught, check, TRAPS, SCRIPT: __filename };
for (const more of [
  require('./lifetimes')(support),
  require('./address-space')(support),
  require('./hostile')(support),
  require('./threads')({ ...support, NEST, builtin }),
]) {
  for (const name of Object.keys(more)) check(!Object.hasOwn(scenarios, name), `one scenario is called ${name}`);
  Object.assign(scenarios, more);
}

async function inWorker() {
  if (workerData.short || workerData.idle) {
    const memory = new W.Memory({ initial: 1 });
    globalThis.kept = [memory.buffer, nesting(), instantiate(TRAPS), memory, memory.grow(1), memory.buffer];
    check(globalThis.kept[1].to(10) === 10, 'nesting');
    if (workerData.short) return;
    setInterval(() => {}, 1000);
    parentPort.postMessage('idle');
    return;
  }
  const { unreachable, div, add, deep, forever } = instantiate(TRAPS);
  if (workerData.forever) {
    parentPort.postMessage('running');
    forever();
  }
  if (workerData.chaos) return scenarios.busyWorker();
  if (workerData.exit) {
    const { f } = instantiate(NEST, { m: { f: (n) => (n ? f(n - 1) : process.exit(workerData.exit)) } });
    f(4);
  }
  let sum = 0;
  for (let i = 0; i < 3000; i++) {
    if (!(caught(unreachable) instanceof W.RuntimeError)) throw new Error('no trap');
    if (!(caught(() => div(0)) instanceof W.RuntimeError)) throw new Error('no trap');
    if (i % 300 === 0 && !(caught(deep) instanceof RangeError)) throw new Error('no overflow');
    sum = add(sum, workerData.i);
    if (i % 100 === 0) await W.instantiate(wat(TRAPS)).then(({ instance }) => (sum = instance.exports.add(sum, 0)));
  }
  const nest = nesting();
  nest.unbounded();
  parentPort.postMessage({ sum, nested: nest.to(100) });
}

(async () => {
  if (!process.env.WRT_SCENARIO_WASM) wabt = await initWabt();
  if (!isMainThread) return inWorker();
  const [name, count, extra] = process.argv.slice(2);
  const result = await scenarios[name](Number(count), extra);
  if (measured && globalThis.gc) {
    // Collections in the idle thread, one after another: what was dropped is dead, its buffers are, and nothing is spare.
    for (let i = 0; i < 4; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    measured.after = usage();
  }
  process.stdout.write(`${JSON.stringify({ ...result, measured })}\n`);
})();
