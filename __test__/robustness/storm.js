'use strict';

// A worker of the scenario `storm`: does whatever it likes, then ends somehow. What it does depends on its seed.

const assert = require('node:assert');
const { parentPort, workerData } = require('node:worker_threads');

const builtin = globalThis.WebAssembly;
const W = require('../support/impl').load();
const { modules, seed, endless } = workerData;

let state = seed * 2654435761 + 1;
/** Numbers that are the same every time. */
const below = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};

/** The same module with a section that nobody has seen: it is compiled anew. */
function fresh(bytes) {
  const text = new TextEncoder().encode(`seed ${seed} ${state}`);
  return Uint8Array.from([...bytes, 0, text.length + 1, 0, ...text]);
}

const fails = (f, type) => assert.throws(f, type);
const instance = (name, engine = W) => new engine.Instance(new engine.Module(fresh(modules[name]))).exports;

const TRAPS = [
  (e) => fails(() => e.unreachable(), W.RuntimeError),
  (e) => fails(() => e.load(-1), W.RuntimeError),
  (e) => fails(() => e.div(0), W.RuntimeError),
  (e) => fails(() => e.deep(), RangeError),
];

const traps = instance('traps');
const held = [];
const ACTIONS = [
  function trap() {
    for (let i = 0; i < 50; i++) TRAPS[below(3)](traps);
    TRAPS[3](traps);
  },
  function trapOnV8() {
    const { load, deep } = instance('traps', builtin);
    fails(() => load(-1), builtin.RuntimeError);
    fails(() => deep(), RangeError);
    TRAPS[below(4)](traps);
  },
  function compile() {
    const exports = instance('many');
    for (let i = 0; i < 20; i++) {
      const k = below(200);
      assert.strictEqual(exports[`f${k}`](i), (i + 1) * (k + 1));
    }
  },
  async function compileLater() {
    const result = await W.instantiate(fresh(modules.many));
    assert.strictEqual(result.instance.exports.f7(1), 16);
  },
  function becomeHot() {
    assert.strictEqual(instance('loop').loop(300_000), 300_000);
  },
  function grow() {
    const memory = new W.Memory({ initial: 1, maximum: 200 });
    const { buffer } = memory;
    memory.grow(below(100));
    assert.strictEqual(buffer.byteLength, 0);
    new Uint8Array(memory.buffer).fill(seed);
    if (below(4) === 0) held.push(memory, memory.buffer);
    const exports = instance('grow');
    const pages = below(50);
    assert.strictEqual(exports.memory(pages), 1);
    assert.strictEqual(exports.m.buffer.byteLength, (1 + pages) * 65536);
    assert.strictEqual(exports.table(pages), 1);
    exports.t.grow(below(100), traps.div);
    assert.strictEqual(exports.t.get(exports.t.length - 1)?.(1) ?? 1, 1);
  },
  function clone() {
    const copy = structuredClone(new W.Module(fresh(modules.traps)));
    assert.strictEqual(new W.Instance(copy).exports.add(2, 3), 5);
  },
  function endByDeadline() {
    fails(() => W.withDeadline(5, traps.forever), W.RuntimeError);
  },
  function nest() {
    const { f } = new W.Instance(new W.Module(modules.nest), { m: { f: (n) => (n ? f(n - 1) : 0) } }).exports;
    assert.strictEqual(f(below(100)) > 0, true);
  },
  function forget() {
    held.length = 0;
    for (let i = 0; i < 20; i++) new W.Memory({ initial: 4 }).buffer;
  },
];

const ENDS = {
  return() {},
  exit: () => process.exit(0),
  exitInside() {
    const { f } = new W.Instance(new W.Module(modules.nest), { m: { f: () => process.exit(0) } }).exports;
    f(1);
  },
  trap: () => traps.unreachable(),
  throw() {
    throw new Error('on purpose');
  },
  // Until it is terminated.
  forever: () => traps.forever(),
  trapForever() {
    for (;;) TRAPS[below(4)](traps);
  },
};

(async () => {
  parentPort.postMessage('running');
  for (let i = endless ? Infinity : below(12); i > 0; i--) await ACTIONS[below(ACTIONS.length)]();
  const end = Object.keys(ENDS)[below(Object.keys(ENDS).length)];
  if (end.endsWith('orever')) parentPort.postMessage('forever');
  ENDS[end]();
})().catch((error) => {
  // What was no end of ours is a failure of the test.
  if (error instanceof assert.AssertionError) parentPort.postMessage(error.stack);
  throw error;
});
