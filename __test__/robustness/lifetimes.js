'use strict';

// Scenarios: much is made and dropped, and what is not dropped must stay.

/**
 * Makes an instance that can be reached from a value which it holds itself: in a table and a global of its own, in
 * exported ones, and in a table that another instance of it has, too.
 */
function externCycle({ W, wat, check }) {
  const module = new W.Module(
    wat(`(module (import "m" "f" (func $f (result externref))) (import "m" "s" (table $s 2 externref)) (memory 1)
      (table $t (export "t") 4 externref) (table $own 4 externref)
      (global $g (mut externref) (ref.null extern)) (global $e (export "e") (mut externref) (ref.null extern))
      (func (export "store") (param externref)
        (table.set $own (i32.const 1) (local.get 0)) (global.set $g (call $f))
        (table.copy $t $own (i32.const 2) (i32.const 0) (i32.const 2)) (table.fill $s (i32.const 1) (call $f) (i32.const 1))
        (drop (table.grow $own (global.get $g) (i32.const 3))))
      (func (export "leaf") (result externref) (global.get $g))
      (func (export "load") (result externref externref externref externref)
        (table.get $own (i32.const 1)) (table.get $t (i32.const 3)) (table.get $s (i32.const 1)) (table.get $own (i32.const 5))))`),
  );
  return () => {
    const cycle = { text: 'a string' };
    const s = new W.Table({ element: 'externref', initial: 2 });
    const imports = { m: { f: () => cycle, s } };
    const others = [0, 1].map(() => new W.Instance(module, imports).exports);
    const { e, leaf, load, store, t } = others[0];
    store({ cycle, others });
    e.value = () => cycle;
    t.set(0, 'a string');
    cycle.look = () => {
      const [object, copy, shared, grown] = load();
      check(object.cycle === cycle && copy === object && shared === cycle && grown === cycle, 'what the guest held');
      check(
        leaf() === cycle && e.value() === cycle && t.get(3) === object && s.get(1) === cycle,
        'what JavaScript sees',
      );
      check(t.get(0) === cycle.text && t.get(1) === null, 'what leads nowhere');
    };
    return cycle;
  };
}

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

  /** Instances that only their own externrefs lead to, in each place that can hold one, dropped in one synchronous loop. */
  externCycles(count) {
    const make = externCycle({ W, wat, check });
    return { grown: growth(count, () => make().look()) };
  },

  /** The same in one activation. */
  externCyclesInside(count) {
    const make = externCycle({ W, wat, check });
    const outer = make();
    const { step, grown } = meter(count);
    const { run } = instantiate(
      `(module (import "m" "f" (func $f (result externref))) (import "m" "g" (func $g (param externref)))
        (func (export "run") (param $n i32) (local $x externref) (loop $l
          (local.set $x (call $f)) (call $g (local.get $x))
          (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))))`,
      {
        m: {
          f: () => make(),
          g(cycle) {
            cycle.look();
            outer.look();
            step();
          },
        },
      },
    );
    run(count);
    outer.look();
    return { grown: grown() };
  },

  /** Cycles that are dropped, one in each turn, and others that stay. Needs --expose-gc. */
  async externCyclesIdle(count) {
    const make = externCycle({ W, wat, check });
    const kept = [];
    for (let i = 0; i < count; i++) {
      if (i % 10 === 0) kept.push(make());
      make().look();
      await new Promise((resolve) => setImmediate(resolve));
      if (i % 7 === 0) globalThis.gc();
    }
    for (let i = 0; i < 3; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
      for (const cycle of kept) cycle.look();
    }
    // At rest, and nobody looks.
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      globalThis.gc();
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { instances, references } = W.stats();
    for (const cycle of kept) cycle.look();
    return { kept: kept.length, instances, references };
  },

  /** Values that move at random between tables and globals that come and go, with collections at any time. Needs --expose-gc. */
  async externsMoved(count) {
    const module = new W.Module(
      wat(`(module (import "m" "a" (table $a 8 externref)) (import "m" "b" (table $b 8 externref))
        (import "m" "pause" (func $pause (param externref)))
        (global $g (mut externref) (ref.null extern))
        (func (export "copy") (param i32 i32 i32) (table.copy $b $a (local.get 0) (local.get 1) (local.get 2)))
        (func (export "keep") (param i32) (global.set $g (table.get $a (local.get 0))))
        (func (export "give") (param i32) (table.set $b (local.get 0) (global.get $g)))
        (func (export "paused") (param i32 i32) (local $x externref)
          (local.set $x (table.get $a (local.get 0))) (table.set $a (local.get 0) (ref.null extern))
          (call $pause (local.get $x)) (table.set $b (local.get 1) (local.get $x))))`),
    );
    let seed = 1;
    const random = (n) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % n;
    const table = () => ({ real: new W.Table({ element: 'externref', initial: 8 }, null), model: Array(8).fill(null) });
    const tables = Array.from({ length: 6 }, table);
    const connect = () => {
      const [a, b] = [tables[random(6)], tables[random(6)]];
      const pause = () => random(2) && globalThis.gc();
      return { a, b, kept: null, ...new W.Instance(module, { m: { a: a.real, b: b.real, pause } }).exports };
    };
    const links = Array.from({ length: 6 }, connect);
    const fresh = (i) => ({ i, tables: [tables[random(6)].real] });
    for (let i = 0; i < count; i++) {
      const [j, from, to] = [random(6), random(8), random(8)];
      const link = links[random(6)];
      const { a, b } = link;
      const actions = [
        () => a.real.set(from, (a.model[from] = fresh(i))),
        () => {
          const length = Math.min(8 - from, 8 - to);
          link.copy(to, from, length);
          const moved = a.model.slice(from, from + length);
          b.model.splice(to, length, ...moved);
        },
        () => link.keep(from, (link.kept = a.model[from])),
        () => link.give(to, (b.model[to] = link.kept)),
        () => {
          link.paused(from, to);
          const value = a.model[from];
          a.model[from] = null;
          b.model[to] = value;
        },
        () => (links[j] = connect()),
        () => (tables[j] = table()),
        () => globalThis.gc(),
        () => new Promise((resolve) => setImmediate(resolve)),
      ];
      await actions[random(actions.length)]();
      const { real, model } = random(2) ? tables[random(6)] : b;
      for (let k = 0; k < 8; k++) check(real.get(k) === model[k], `element ${k} after ${i} steps`);
    }
    return W.stats();
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

  /** Instances that have only imported a table, or that had a function in it, in a global or in another instance for a while. Needs --expose-gc. */
  async removed(count) {
    const table = new W.Table({ element: 'anyfunc', initial: 4 });
    const global = new W.Global({ value: 'anyfunc', mutable: true }, null);
    const holder =
      instantiate(`(module (type $r (func (result i32))) (table $t 2 funcref) (global $g (mut funcref) (ref.null func))
      (func (export "keep") (param funcref i32) (table.set $t (i32.const 0) (local.get 0)) (global.set $g (local.get 0)))
      (func (export "get") (result funcref) (global.get $g))
      (func (export "call") (result i32) (call_indirect $t (type $r) (i32.const 0))))`);
    const module = new W.Module(
      wat(`(module (import "m" "t" (table $t 4 funcref)) (import "m" "k" (func $k (result i32)))
        (func $f (export "f") (result i32) (call $k)) (func (export "put") (table.set $t (i32.const 3) (ref.func $f))))`),
    );
    const make = (k) => new W.Instance(module, { m: { t: table, k: () => k } }).exports;
    const turn = async () => {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    };
    for (let i = 0; i < count; i++) {
      const { f, put } = make(i);
      table.set(0, f);
      table.set(1, f);
      // Converting the number has the store rest.
      holder.keep(
        f,
        i % 50
          ? 0
          : {
              valueOf: () =>
                Array.from({ length: 2_000 }, () => new W.Table({ element: 'externref', initial: 1 }, make)).length,
            },
      );
      global.value = make(i + 1).f;
      put();
      if (i % 20 === 0) await turn();
      check(
        table.get(0)() === i && table.get(3)() === i && holder.call() === i && holder.get() === table.get(1),
        'what was put there',
      );
      check(global.value() === i + 1, 'the value of the global');
      if (i % 3 === 0) await turn();
      if (i % 2) continue;
      for (let k = 0; k < 4; k++) table.set(k, null);
      holder.keep(null, 0);
      global.value = null;
    }
    for (let k = 0; k < 4; k++) table.set(k, null);
    holder.keep(null, 0);
    global.value = null;
    for (let i = 0; i < 4; i++) await turn();
    return W.stats();
  },

  /** Memories dropped in one synchronous loop. */
  memories(count) {
    const grown = growth(count, () => new Uint8Array(new W.Memory({ initial: 16 }).buffer).fill(1));
    return { grown };
  },

  /** Shared memories dropped in one synchronous loop. */
  sharedMemoriesInside(count) {
    const grown = growth(count, () => {
      new Uint8Array(new W.Memory({ initial: 1, maximum: 2, shared: true }).buffer).fill(1);
    });
    return { grown };
  },

  /** Shared memories dropped, with guests that use them; how many of them are gone. Needs --expose-gc. */
  async sharedMemories(count) {
    let gone = 0;
    const registry = new FinalizationRegistry(() => gone++);
    const module = new W.Module(
      wat('(module (import "m" "m" (memory 1 2 shared)) (func (export "f") (result i32) memory.size))'),
    );
    for (let i = 0; i < count; i++) {
      const memory = new W.Memory({ initial: 1, maximum: 2, shared: true });
      registry.register(memory, undefined);
      check(new W.Instance(module, { m: { m: memory } }).exports.f() === 1, 'a page');
    }
    for (let k = 0; k < 4; k++) {
      await new Promise((resolve) => setImmediate(resolve));
      globalThis.gc();
    }
    await new Promise((resolve) => setImmediate(resolve));
    return { gone };
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
