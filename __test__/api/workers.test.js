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

// V8 gives modules to other threads. wrt does not yet, so with V8 this test has no meaning.
const onlyOurs = wrtTest.name === 'builtin' ? test.skip : test;

onlyOurs('modules and memories stay in their thread', async () => {
  const W = wrtTest.impl;
  const refuses = Boolean(require('node:worker_threads').markAsUncloneable);
  for (const object of [new W.Module(MODULE), new W.Memory({ initial: 1 })]) {
    const worker = start();
    let thrown;
    try {
      worker.postMessage(object);
    } catch (error) {
      thrown = error;
    }
    if (refuses) {
      expect(thrown?.name).toBe('DataCloneError');
      worker.postMessage({});
    } else {
      expect(thrown).toBe(undefined); // Node 18 and 20 make an empty object of it.
    }
    expect(await answer(worker)).toEqual({ isMemory: false, isModule: false, keys: [] });
    await worker.terminate();
  }
});

test('bytes can be sent and compiled there; what a thread throws arrives', async () => {
  const worker = start({ bytes: MODULE.slice(0, 20), gate: new SharedArrayBuffer(4), count: 1, rounds: 1, seed: 1 });
  const error = await answer(worker).catch((e) => e);
  expect(error.name).toBe('CompileError');
});
