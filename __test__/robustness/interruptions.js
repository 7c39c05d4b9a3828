'use strict';

// Scenarios that need what is not built yet: see interruptions.test.js.

const vm = require('node:vm');
const { Worker } = require('node:worker_threads');

module.exports = ({ W, instantiate, caught, check, TRAPS, SCRIPT }) => ({
  /** A timeout of `vm` ends the guest's loop. */
  timeout(count) {
    const { forever, add } = instantiate(TRAPS);
    const context = vm.createContext({ forever });
    const times = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      const error = caught(() => vm.runInContext('forever()', context, { timeout: 100 }));
      times.push(performance.now() - start);
      check(error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT', `a timeout, not ${error}`);
      check(add(2, 3) === 5, 'a call afterwards');
    }
    return { slowest: Math.round(Math.max(...times)) };
  },

  /** A worker in the guest's loop is terminated. */
  async terminate(count) {
    const times = [];
    for (let i = 0; i < count; i++) {
      const worker = new Worker(SCRIPT, { workerData: { forever: true } });
      await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      await new Promise((resolve) => setTimeout(resolve, 30));
      const start = performance.now();
      const code = await worker.terminate();
      times.push(performance.now() - start);
      check(code === 1, `exit code ${code}`);
    }
    check(instantiate(TRAPS).add(2, 3) === 5, 'a call afterwards');
    return { slowest: Math.round(Math.max(...times)) };
  },

  /** Fewer addresses than a reservation of 4 GiB takes. The module is given: V8's wasm, and so wabt, does not run then. */
  littleAddressSpace() {
    const module = new W.Module(Buffer.from(process.env.WRT_SCENARIO_WASM, 'base64'));
    const memories = Array.from({ length: 20 }, () => new W.Memory({ initial: 2, maximum: 100 }));
    for (const [i, memory] of memories.entries()) {
      const { load, grow } = new W.Instance(module, { m: { mem: memory } }).exports;
      new Uint8Array(memory.buffer)[8] = i;
      check(load(4) === i, 'load');
      check(caught(() => load(2 * 65536 - 7)) instanceof W.RuntimeError, 'load out of bounds');
      check(caught(() => load(-4)) instanceof W.RuntimeError, 'load far out of bounds');
      check(grow() === 2 && load(4) === i && load(2 * 65536) === 0, 'grow');
      check(caught(() => load(5 * 65536 - 7)) instanceof W.RuntimeError, 'load out of bounds after it');
    }
    return { done: memories.length };
  },
});
