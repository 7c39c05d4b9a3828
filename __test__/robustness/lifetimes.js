'use strict';

// Scenarios: much is made and dropped, and what is not dropped must stay.

module.exports = ({ W, wat, instantiate, meter, growth, check }) => ({
  /** Fresh objects through externref in as many calls: nothing may keep them. */
  references(count) {
    const { pass } = instantiate(`(module (func (export "pass") (param externref) (result externref) (local.get 0)))`);
    const grown = growth(count, (i) => {
      const object = { fresh: i };
      if (pass(object) !== object) throw new Error('another object');
    });
    return { grown };
  },

  /** The same in one activation. */
  referencesInside(count) {
    const { step, grown } = meter(count);
    const { store } = instantiate(
      `(module (import "m" "make" (func $make (result externref))) (global $g (mut externref) (ref.null extern))
        (func (export "store") (param $n i32) (loop $l
          (global.set $g (call $make))
          (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))))`,
      {
        m: {
          make() {
            step();
            return { fresh: [1, 2, 3] };
          },
        },
      },
    );
    store(count);
    return { grown: grown() };
  },

  /** Instances in cycles with their imports, dropped at once. */
  instances(count) {
    const bytes = wat(`(module (import "m" "f" (func $f)) (memory (export "memory") 16) (table (export "t") 10 funcref)
      (func $g (export "g") call $f) (elem (i32.const 0) $g))`);
    const module = new W.Module(bytes);
    const grown = growth(count, () => {
      const state = {};
      state.exports = new W.Instance(module, { m: { f: () => state.exports.memory.buffer.byteLength } }).exports;
      new Uint8Array(state.exports.memory.buffer).fill(1);
      state.exports.g();
    });
    return { grown };
  },

  /** Instances with nothing of their own, dropped in one synchronous loop. */
  plainInstances(count) {
    const module = new W.Module(wat(`(module (func (export "f") (param i32) (result i32) (local.get 0)))`));
    const grown = growth(count, (i) => check(new W.Instance(module).exports.f(i) === i, 'the right result'));
    return { grown };
  },

  /** Memories without a page: what they take is address space. */
  emptyMemories(count) {
    return { grown: growth(count, () => new W.Memory({ initial: 0 })) };
  },

  /** More memories than there are reservations, all dropped at once, and then more of them, in one job. */
  exhaustion(count) {
    const kept = [];
    while (kept.length < 40_000) kept.push(new W.Memory({ initial: 1 }));
    const most = kept.length;
    kept.length = 0;
    for (let i = 0; i < count; i++) check(new W.Memory({ initial: 1 }).grow(1) === 1, 'a new memory');
    return { most };
  },

  /** Buffers that a program took away past all guards (Node 22 and later) show their bytes or zeros, no other's. */
  takenBuffers(count) {
    const { transfer } = /** @type {any} */ (ArrayBuffer.prototype);
    const kept = [];
    const grown = growth(count, (i) => {
      const { buffer } = new W.Memory({ initial: 16 });
      const bytes = new Uint8Array(buffer).fill(i);
      if (i % 50 !== 0) return;
      kept.push([transfer && W.stats ? new Uint8Array(transfer.call(buffer)) : bytes, i & 255]);
    });
    for (const [bytes, value] of kept) {
      check(bytes.length === 16 * 65536 && bytes.every((byte) => byte === value || byte === 0), 'the bytes');
      bytes.fill(1);
    }
    return { grown };
  },

  /** Much is made and dropped, and then nothing more is made. Needs --expose-gc. */
  async idle(count) {
    const module = new W.Module(wat(`(module (memory (export "m") 1) (table (export "t") 1 funcref))`));
    for (let i = 0; i < count; i++) new W.Instance(module).exports.m.buffer;
    for (let i = 0; i < 5; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return W.stats();
  },

  /** What is held by a buffer alone stays, however much is collected around it. */
  buffersOutliveMemories(count) {
    const kept = [];
    const grown = growth(count, (i) => {
      const bytes = new Uint8Array(new W.Memory({ initial: 16 }).buffer).fill(i);
      if (i % 50 === 0) kept.push([bytes, i & 255]);
    });
    for (const [bytes, value] of kept) {
      check(bytes.length === 16 * 65536 && bytes.every((byte) => byte === value), 'the bytes');
    }
    return { grown };
  },

  /** Functions that are reached in roundabout ways only: by a table, a global, another instance. */
  held(count) {
    const maker = new W.Module(
      wat(`(module (import "m" "k" (func $k (result i32))) (memory 16) (table (export "t") 1 funcref)
        (func $f (export "f") (result i32) (i32.add (call $k) (i32.load (i32.const 8)))) (elem (i32.const 0) $f)
        (data (i32.const 8) "\\01"))`),
    );
    const caller = new W.Module(
      wat(`(module (import "m" "t" (table 0 funcref)) (import "m" "f" (func $f (result i32))) (type $r (func (result i32)))
        (func (export "table") (param i32) (result i32) (call_indirect (type $r) (local.get 0)))
        (func (export "import") (result i32) (call $f)))`),
    );
    const make = (k) => new W.Instance(maker, { m: { k: () => k } }).exports;
    const table = new W.Table({ element: 'anyfunc', initial: 10 });
    const global = new W.Global({ value: 'anyfunc', mutable: true }, make(100).f);
    for (let i = 0; i < 10; i++) table.set(i, make(i).f);
    const calls = new W.Instance(caller, { m: { t: table, f: make(200).t.get(0) } }).exports;
    const grown = growth(count, (i) => {
      make(i);
      check(calls.table(i % 10) === (i % 10) + 1 && table.get(i % 10)() === (i % 10) + 1, 'through the table');
      check(global.value() === 101 && calls.import() === 201, 'through a global and an import');
    });
    return { grown };
  },

  /** Memories dropped in one synchronous loop. */
  memories(count) {
    const grown = growth(count, () => new Uint8Array(new W.Memory({ initial: 16 }).buffer).fill(1));
    return { grown };
  },

  /** Modules compiled and dropped; the code of each goes with it. */
  modules(count) {
    // The text is parsed once, so that what is measured is not the parser: the constant takes five bytes, and is replaced.
    const first = 0x1020304;
    const bytes = wat(
      `(module (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const ${first}))))`,
    );
    const at = bytes.findIndex((_, k) => bytes[k] === 0x41 && bytes[k + 1] === 0x84 && bytes[k + 4] === 0x08) + 1;
    const grown = growth(count, (i) => {
      // Four bytes of seven bits each.
      for (let k = 0; k < 4; k++) bytes[at + k] = ((i >> (7 * k)) & 127) | (k < 3 ? 128 : 0);
      const { f } = new W.Instance(new W.Module(bytes)).exports;
      check(f(1) === i + 1, 'the right code');
    });
    return { grown };
  },
});
