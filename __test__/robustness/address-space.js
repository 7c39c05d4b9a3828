'use strict';

// Scenarios about memories and the addresses that they take.

/** Every load and store: name, type of the value, bytes. */
const ACCESSES = [
  ...['i32.load8_u', 'i32.load8_s', 'i64.load8_u', 'i64.load8_s', 'i32.store8', 'i64.store8'].map((name) => [name, 1]),
  ...['i32.load16_u', 'i32.load16_s', 'i64.load16_u', 'i64.load16_s', 'i32.store16', 'i64.store16'].map((n) => [n, 2]),
  ...['i32.load', 'f32.load', 'i64.load32_u', 'i64.load32_s', 'i32.store', 'f32.store', 'i64.store32'].map((n) => [
    n,
    4,
  ]),
  ...['i64.load', 'f64.load', 'i64.store', 'f64.store', 'v128.load64_splat', 'v128.load8x8_s'].map((n) => [n, 8]),
  ...['v128.load', 'v128.store'].map((name) => [name, 16]),
];
const OFFSETS = [0, 8, 65533, 2 ** 31 - 1, 2 ** 32 - 1];

/** A module with a function for each access and offset, over memory `m` `mem` of one page or more. */
function accesses(address) {
  const functions = ACCESSES.flatMap(([name]) =>
    OFFSETS.map((offset) => {
      const type = name.slice(0, name.indexOf('.'));
      const value = type === 'v128' ? '(v128.const i64x2 0 0)' : `(${type}.const 0)`;
      const index = '(local.get 0)';
      const body = /store/.test(name)
        ? `(${name} offset=${offset} ${index} ${value})`
        : `(drop (${name} offset=${offset} ${index}))`;
      return `(func (export "${name} ${offset}") (param ${address}) ${body})`;
    }),
  );
  return `(module (import "m" "mem" (memory ${address === 'i64' ? 'i64 ' : ''}1)) ${functions.join('\n')})`;
}

const MODULE = `(module (memory (import "m" "mem") 1)
  (func (export "load") (param i32) (result i32) (i32.load offset=4 (local.get 0)))
  (func (export "grow") (result i32) (memory.grow (i32.const 3))))`;

module.exports = ({ W, wat, caught, check }) => {
  /** Bytes at and past the end, and far from it. Each access must trap exactly if it is not wholly inside. */
  function edges(exports, size, address) {
    let traps = 0;
    for (const [name, width] of ACCESSES) {
      for (const offset of OFFSETS) {
        const access = exports[`${name} ${offset}`];
        const last = size - offset - width;
        const limit = address === 'i64' ? 2 ** 53 : 2 ** 32;
        const indices = [last - 1, last, last + 1, size - 1, size, size + 1, 0, 2 ** 31, 2 ** 32 - 1, 2 ** 33, 2 ** 52];
        const outside = indices.filter((index) => index >= 0 && index < limit);
        for (const index of outside) {
          const error = caught(() => access(address === 'i64' ? BigInt(index) : index | 0));
          const trapped = error instanceof W.RuntimeError && error.message === 'memory access out of bounds';
          check(trapped === index + offset + width > size, `${name} offset=${offset} at ${index} of ${size}`);
          traps += Number(trapped);
        }
        if (address !== 'i64') continue;
        // Sums beyond 64 bits.
        for (const index of [-1n, -BigInt(width), -BigInt(offset) - 1n, -(2n ** 63n)]) {
          check(caught(() => access(index)) instanceof W.RuntimeError, `${name} offset=${offset} at ${index}`);
        }
      }
    }
    return traps;
  }

  return {
    /** Fewer addresses than a reservation takes. The module is given: V8's wasm, and so wabt, does not run then. */
    littleAddressSpace() {
      const module = new W.Module(Buffer.from(process.env.WRT_SCENARIO_WASM, 'base64'));
      const memories = Array.from({ length: 20 }, () => new W.Memory({ initial: 2, maximum: 100 }));
      for (const [i, memory] of memories.entries()) {
        const { load, grow } = new W.Instance(module, { m: { mem: memory } }).exports;
        const { buffer } = memory;
        new Uint8Array(buffer)[8] = i;
        check(load(4) === i, 'load');
        check(caught(() => load(2 * 65536 - 7)) instanceof W.RuntimeError, 'load out of bounds');
        check(caught(() => load(-4)) instanceof W.RuntimeError, 'load far out of bounds');
        check(grow() === 2 && load(4) === i && load(2 * 65536) === 0, 'grow');
        check(buffer.byteLength === 0 && new Uint8Array(memory.buffer)[8] === i, 'the buffer');
        check(caught(() => load(5 * 65536 - 7)) instanceof W.RuntimeError, 'load out of bounds after it');
      }
      return { done: memories.length };
    },

    /** Memories until there are no more: all else goes on, threads of libuv and of the compiler included. */
    async allMemories(count) {
      const bytes = Buffer.from(process.env.WRT_SCENARIO_WASM, 'base64');
      const memories = [];
      const error = caught(() => {
        for (;;) memories.push(new W.Memory({ initial: count, maximum: count }));
      });
      const objects = Array.from({ length: 300_000 }, (_, k) => ({ k }));
      const text = await require('node:fs').promises.readFile(__filename, 'utf8');
      const { load, grow } = new W.Instance(await W.compile(bytes), { m: { mem: memories[0] } }).exports;
      check(load(0) === 0 && grow() === -1, 'load and grow');
      check(objects.length === 300_000 && text.length > 0, 'what is of JavaScript');
      return { error: `${error}`, some: memories.length > 10 };
    },

    /** All memories are alive at once; some are used. */
    manyMemories(count) {
      const module = new W.Module(wat(MODULE));
      const memories = [];
      for (let i = 0; i < count; i++) {
        memories.push(new W.Memory({ initial: 1, maximum: 10 }));
        if (i % 499 === 0) new Uint8Array(memories[i].buffer)[12] = i % 251;
      }
      for (let i = 0; i < count; i += 499) {
        const { load, grow } = new W.Instance(module, { m: { mem: memories[i] } }).exports;
        check(load(8) === i % 251 && load(65536 - 8) === 0, 'load');
        check(caught(() => load(65536 - 7)) instanceof W.RuntimeError, 'load out of bounds');
        check(grow() === 1 && load(8) === i % 251 && load(4 * 65536 - 8) === 0, 'grow');
        check(caught(() => load(4 * 65536 - 7)) instanceof W.RuntimeError, 'load out of bounds after it');
      }
      const mappings = require('node:fs').readFileSync('/proc/self/maps', 'utf8').split('\n').length;
      return { memories: W.stats().memories, mappings };
    },

    /** Instances with data, where buffers that can grow have taken mappings: the first ones have their data mapped, all have it. */
    imagesOfMany(count, taken) {
      const others = Array.from({ length: taken }, () => new ArrayBuffer(4096, { maxByteLength: 8192 }));
      const mappings = () => require('node:fs').readFileSync('/proc/self/maps', 'utf8').split('\n').length;
      const before = mappings();
      const module = new W.Module(
        wat(`(module (memory 1) (data (i32.const 0) "${'\\07'.repeat(65536)}")
        (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
        (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))`),
      );
      const instances = Array.from({ length: count }, () => new W.Instance(module));
      const most = mappings();
      for (let i = 0; i < count; i += 97) instances[i].exports.store(i % 65535, i % 251);
      for (let i = 0; i < count; i += 97) {
        const { load } = instances[i].exports;
        check(load(i % 65535) === i % 251 && load(65535) === 7 && load((i + 40_000) % 65535) === 7, `data of ${i}`);
      }
      return { alive: W.stats().instances, others: others.length, before, most };
    },

    /** Memories that move while functions run which use them: in an import, and in the function itself. */
    async moving(count) {
      const module = new W.Module(
        wat(`(module (import "m" "grow" (func $grow)) (memory (export "mem") 1)
          (func (export "f") (param $n i32) (result i32) (local $i i32)
            (i32.store (i32.const 16) (i32.const 0))
            (loop $l
              (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
              (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 1000))) (then (call $grow)))
              (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
              (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 1500))) (then (drop (memory.grow (i32.const 1)))))
              (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
              (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
            (i32.load (i32.const 16))))`),
      );
      const seen = new Set();
      const grow = () => {
        seen.add(memory.buffer);
        memory.grow(1);
        const view = new DataView(memory.buffer);
        view.setInt32(16, view.getInt32(16, true) + 1, true);
      };
      const { mem: memory, f } = new W.Instance(module, { m: { grow } }).exports;
      for (let i = 0; i < count; i++) {
        check(f(20_000) === 3 * 20_000 + 20, 'the sum');
        await new Promise((resolve) => setTimeout(resolve, 20)); // The better code is made meanwhile.
      }
      check(
        [...seen].every((buffer) => buffer.byteLength === 0),
        'buffers are detached',
      );
      return { pages: memory.grow(0), reserved: W.stats().reservedBytes };
    },

    /** Every access at the edges of memories, in code of both tiers, before and after growth. */
    async edges(count, address) {
      const module = new W.Module(wat(accesses(address), { memory64: true, simd: true }));
      const n = (value) => (address === 'i64' ? BigInt(value) : value);
      const memory = new W.Memory({ address, initial: n(1), maximum: n(70) });
      const { exports } = new W.Instance(module, { m: { mem: memory } });
      let traps = 0;
      for (let pages = 1; pages < 70; pages += 23) {
        if (pages > 1) memory.grow(n(23));
        traps += edges(exports, pages * 65536, address);
        for (const [name] of ACCESSES) for (let i = 0; i < count; i++) exports[`${name} 0`](n(0));
        await new Promise((resolve) => setTimeout(resolve, 100)); // The better code is made meanwhile.
        traps += edges(exports, pages * 65536, address);
      }
      return { traps, improved: W.stats().compile.improved.count > 0 };
    },

    /** The same of each of many memories: those that have guard pages, and those for which there were too many already. */
    edgesOfMany(count, every) {
      const module = new W.Module(wat(accesses('i32'), { memory64: true, simd: true }));
      const all = Array.from({ length: count }, () => new W.Memory({ initial: 1, maximum: 2 }));
      const reserved = W.stats().reservedBytes / 2 ** 30;
      let traps = 0;
      for (let i = 0; i < count; i += +every) {
        traps += edges(new W.Instance(module, { m: { mem: all[i] } }).exports, 65536, 'i32');
      }
      return { traps, reserved };
    },
  };
};

module.exports.MODULE = MODULE;
