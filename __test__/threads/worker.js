'use strict';

// What the workers of these tests run: each message names a job, and its result is the answer.

const { parentPort } = require('node:worker_threads');
const W = require('../support/impl').load();

let instance;

const jobs = {
  /** Instantiates a module with a memory that both came from another thread. */
  start({ module, memory, shared }) {
    instance = new W.Instance(module, { m: { memory } }).exports;
    return { is: memory instanceof W.Memory, same: instance.memory === memory, shared: shared && shared.byteLength };
  },
  call: ({ name, args }) => instance[name](...args),
  pages: () => instance.memory.buffer.byteLength / 65536,
  grow: ({ delta }) => instance.memory.grow(delta),
  js: ({ address, value, timeout }) =>
    Atomics.wait(new Int32Array(instance.memory.buffer), address / 4, value, timeout),
  notify: ({ address, count }) => Atomics.notify(new Int32Array(instance.memory.buffer), address / 4, count),
  give: () => instance.memory,
};

parentPort.on('message', (message) => {
  try {
    parentPort.postMessage({ result: jobs[message.job](message) });
  } catch (error) {
    parentPort.postMessage({ error: `${error.constructor.name}: ${error.message}` });
  }
});
