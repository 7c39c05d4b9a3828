'use strict';

// Copies of the facade over one native library in one thread: packages that are installed twice, tests that isolate
// their modules. Here jest gives each its own modules; wrtTest.impl is a third one, in another realm.

const wat = require('../support/wat');

function load() {
  let copy;
  jest.isolateModules(() => {
    copy = require('../..');
  });
  return copy;
}

const COUNTER = wat`(module (import "m" "next" (func $next (param i32) (result i32)))
  (memory (export "memory") 1 9)
  (table (export "table") 2 externref)
  (func (export "down") (param i32) (result i32)
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $next (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "echo") (param externref) (result externref)
    (table.set (i32.const 0) (local.get 0)) (table.get (i32.const 0)))
  (func (export "trap") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))`;

const makeAll = () => {
  const copies = [load(), load()];
  if (wrtTest.name === 'wrt') copies.push(wrtTest.impl);
  return copies;
};

/** Instances of all copies, each of which calls the next. */
function ring(copies, call = (instances, i, n) => instances[(i + 1) % copies.length].down(n)) {
  const instances = [];
  copies.forEach((W, i) => {
    const next = (n) => call(instances, i, n);
    instances.push(new W.Instance(new W.Module(COUNTER), { m: { next } }).exports);
  });
  return instances;
}

test('copies are separate', () => {
  const [a, b] = makeAll();
  expect(a.Module).not.toBe(b.Module);
  const module = new a.Module(COUNTER);
  expect(() => new b.Instance(module, {})).toThrow('Argument 0 must be a WebAssembly.Module');
  expect(() => b.Memory.prototype.grow.call(new a.Memory({ initial: 1 }), 1)).toThrow('Receiver is not a');
  const { memory } = ring([a])[0];
  const needs = new b.Module(wat`(module (import "m" "m" (memory 1)))`);
  expect(() => new b.Instance(needs, { m: { m: memory } })).toThrow('memory import must be a WebAssembly.Memory');
});

test('activations of several copies nest on one stack', () => {
  const copies = makeAll();
  const instances = ring(copies);
  for (let round = 1; round <= 50; round++) {
    expect(instances[0].down(60)).toBe(60);
    const counts = instances.map(({ memory }) => new Int32Array(memory.buffer)[0]);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(61 * round);
  }
});

test('exceptions and traps of one pass through the others', () => {
  const copies = makeAll();
  const mine = new Error('mine');
  const thrower = ring(copies, (instances, i, n) => {
    if (n === 7) throw mine;
    return instances[(i + 1) % copies.length].down(n);
  });
  const trapper = ring(copies, (instances, i, n) => {
    const next = instances[(i + 1) % copies.length];
    return n === 7 ? next.trap(0) : next.down(n);
  });
  for (let round = 0; round < 50; round++) {
    expect(() => thrower[0].down(40)).toThrow(mine);
    let caught;
    try {
      trapper[0].down(40);
    } catch (error) {
      caught = error;
    }
    expect(copies.filter((W) => caught instanceof W.RuntimeError)).toHaveLength(1);
    expect(trapper[0].down(5)).toBe(5);
  }
});

test('references and memories stay those of their copy', () => {
  const instances = ring(makeAll());
  const live = instances.map(() => []);
  for (let n = 0; n < 30_000; n++) {
    instances.forEach((exports, i) => {
      const object = { i, n };
      if (exports.echo(object) !== object) throw new Error(`another object at ${n}`);
      if (n % 10_000 === 0) live[i].push(object);
    });
  }
  instances.forEach((exports, i) => {
    exports.table.set(1, live[i][1]);
    expect(exports.table.get(1)).toBe(live[i][1]);
    const before = exports.memory.buffer;
    expect(exports.grow()).toBe(1);
    expect(before.byteLength).toBe(0);
    instances.forEach((other, k) => expect(other.memory.buffer.byteLength).toBe(65536 * (k <= i ? 2 : 1)));
  });
});

(wrtTest.name === 'wrt' ? test : test.skip)('deadlines of each end its waits', () => {
  const bytes = wat`(module (memory 1 1 shared)
    (func (export "wait") (param i64) (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (local.get 0))))`;
  const copies = makeAll();
  const waits = copies.map((W) => new W.Instance(new W.Module(bytes)).exports.wait);
  copies.forEach((W, i) => expect(() => W.withDeadline(20, () => waits[i](-1n))).toThrow(W.DeadlineError));
});

(wrtTest.name === 'wrt' ? test : test.skip)('a proxy before the class Module of V8 sees no modules of ours', () => {
  const program = `
    let count = 0;
    WebAssembly.Module = new Proxy(WebAssembly.Module, {
      construct: (target, args) => (count++, Reflect.construct(target, args)),
    });
    const W = require(${JSON.stringify(require('node:path').join(__dirname, '../..'))});
    const clone = structuredClone(new W.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));
    process.stdout.write(JSON.stringify([clone instanceof W.Module, count]));
  `;
  const output = require('node:child_process').execFileSync(process.execPath, ['-e', program]).toString();
  expect(JSON.parse(output)).toEqual([true, 0]);
});
