'use strict';

// What a worker of workers.test.js runs.

const { parentPort, workerData } = require('node:worker_threads');
const W = require('../support/impl').load();

/** Calls, callbacks, growth, references, traps and exceptions, with instances that come and go. */
function work({ bytes, seed, rounds }) {
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const exports = new W.Instance(new W.Module(bytes), {
      m: {
        f: (x) => {
          if (x === -1) throw new RangeError(`seed ${seed}`);
          return x + seed;
        },
      },
    }).exports;
    sum += exports.fib(15) + exports.viaHost(round);
    if (exports.memory.grow(1) !== 1) throw new Error('memory does not grow');
    new Uint8Array(exports.memory.buffer)[70_000] = seed;
    if (exports.load(70_000) !== seed) throw new Error('memory of another thread');
    const object = { seed };
    if (exports.echo(object) !== object) throw new Error('reference of another thread');
    for (const [action, Type] of [
      [() => exports.load(-1), W.RuntimeError],
      [() => exports.viaHost(-1), RangeError],
    ]) {
      let caught;
      try {
        action();
      } catch (error) {
        caught = error;
      }
      if (!(caught instanceof Type)) throw new Error(`caught ${caught}`);
    }
  }
  return sum;
}

if (workerData?.bytes) {
  // Workers start at different times; all wait until all are there.
  const gate = new Int32Array(workerData.gate);
  if (Atomics.add(gate, 0, 1) + 1 === workerData.count) Atomics.notify(gate, 0);
  const end = Date.now() + 30_000;
  for (let there; (there = Atomics.load(gate, 0)) < workerData.count && Date.now() < end;) {
    Atomics.wait(gate, 0, there, 1000);
  }
  parentPort.postMessage(work(workerData));
} else {
  const run = (module) => {
    if (!(module instanceof W.Module)) return { isModule: false };
    const exports = W.Module.exports(module).map(({ name }) => name);
    return { isModule: true, exports, fib: new W.Instance(module, { m: { f() {} } }).exports.fib(10), module };
  };
  if (workerData) parentPort.postMessage(run(workerData.module));
  parentPort.on('message', ({ deep, make }) => {
    parentPort.postMessage(make ? { made: new W.Module(make) } : run(deep[0]));
  });
}
