'use strict';

const path = require('node:path');
const { Worker } = require('node:worker_threads');
const wat = require('../support/wat');

const MODULE = wat`(module (import "m" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1) (table $t 1 externref)
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "viaHost") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "echo") (param externref) (result externref)
    (table.set $t (i32.const 0) (local.get 0)) (table.get $t (i32.const 0))))`;

const start = (workerData) => new Worker(path.join(__dirname, 'thread.js'), { workerData });
const answer = (worker) =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`exit ${code} without an answer`)));
  });

test('several threads at once, each with instances of its own', async () => {
  const gate = new SharedArrayBuffer(4);
  const [count, rounds] = [6, 200];
  const workers = Array.from({ length: count }, (_, i) => start({ bytes: MODULE, gate, count, rounds, seed: i + 1 }));
  const sums = await Promise.all(workers.map(answer));
  const fib15 = 610;
  const rest = (rounds * (rounds - 1)) / 2; // The numbers of the rounds.
  expect(sums).toEqual(workers.map((_, i) => rounds * (fib15 + i + 1) + rest));
});

const exchange = (worker, value) => {
  worker.postMessage(value);
  return answer(worker);
};

test('a module travels to a thread and back', async () => {
  const W = wrtTest.impl;
  const module = new W.Module(MODULE);
  const worker = start();
  const there = await exchange(worker, { deep: [module] });
  expect(there).toMatchObject({ isModule: true, fib: 55, exports: ['memory', 'fib', 'viaHost', 'load', 'echo'] });
  expect(there.module).toBeInstanceOf(W.Module);
  expect(Object.getPrototypeOf(there.module)).toBe(W.Module.prototype);
  expect(W.Module.exports(there.module)).toEqual(W.Module.exports(module));
  expect(new W.Instance(there.module, { m: { f: () => 7 } }).exports.viaHost(1)).toBe(7);
  await worker.terminate();
});

test('a module is there at the start of a thread', async () => {
  const worker = start({ module: new wrtTest.impl.Module(MODULE) });
  expect(await answer(worker)).toMatchObject({ isModule: true, fib: 55 });
  await worker.terminate();
});

test('a module outlives the thread that made it', async () => {
  const worker = start();
  const { made } = await exchange(worker, { make: MODULE });
  await worker.terminate();
  global.gc?.();
  const { fib } = new wrtTest.impl.Instance(made, { m: { f() {} } }).exports;
  expect(fib(10)).toBe(55);
});

test('what has the state of a thread does not travel', async () => {
  const W = wrtTest.impl;
  const worker = start();
  const { exports } = new W.Instance(new W.Module(MODULE), { m: { f() {} } });
  const instance = new W.Instance(new W.Module(MODULE), { m: { f() {} } });
  for (const value of [exports.memory, new W.Table({ element: 'anyfunc', initial: 1 }), instance, exports.fib]) {
    expect(() => worker.postMessage(value)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
  }
  await worker.terminate();
});

test('bytes can be sent and compiled there; what a thread throws arrives', async () => {
  const worker = start({ bytes: MODULE.slice(0, 20), gate: new SharedArrayBuffer(4), count: 1, rounds: 1, seed: 1 });
  const error = await answer(worker).catch((e) => e);
  expect(error.name).toBe('CompileError');
});
