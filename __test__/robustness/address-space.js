'use strict';

// Scenarios that need what is not built yet: see address-space.test.js.

module.exports = ({ W, caught, check }) => ({
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
