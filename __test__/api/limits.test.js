'use strict';

const wat = require('../support/wat');

const W = wrtTest.impl;
const only = wrtTest.name === 'wrt' ? test : test.skip;
const PAGE = 65536;

/** As it is when nobody has set anything. */
const NONE = {
  maxMemoryBytes: Infinity,
  maxTableElements: Infinity,
  maxInstances: Infinity,
  maxCodeBytes: Infinity,
  maxCompileThreads: Infinity,
};

afterEach(() => {
  if (wrtTest.name === 'wrt') Object.assign(W.limits, NONE);
});

/** The error that `action` throws. */
function errorOf(action) {
  try {
    action();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  throw new Error('nothing was thrown');
}

only('there are none by default', () => {
  expect({ ...W.limits }).toEqual(NONE);
});

only('maxMemoryBytes', () => {
  const module = new W.Module(wat`(module (memory (export "m") 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
  const { m, grow } = new W.Instance(module).exports;
  W.limits.maxMemoryBytes = 0;
  // What there is stays and does not grow.
  expect(m.buffer.byteLength).toBe(PAGE);
  expect(grow(1)).toBe(-1);
  expect(grow(0)).toBe(1);
  expect(errorOf(() => m.grow(1))).toMatch(/^RangeError: WebAssembly.Memory.grow/);
  expect(errorOf(() => new W.Memory({ initial: 1 }))).toMatch(
    /^RangeError: WebAssembly.Memory\(\): could not allocate/,
  );
  expect(errorOf(() => new W.Instance(module))).toMatch(/^RangeError: WebAssembly.Instance\(\)/);
  expect(new W.Memory({ initial: 0 }).buffer.byteLength).toBe(0);
  W.limits.maxMemoryBytes = Infinity;
  expect(grow(1)).toBe(1);
});

only('maxMemoryBytes counts for all memories, and those that are collected no more', () => {
  W.limits.maxMemoryBytes = 64 * 1024 * PAGE;
  // Far more than the limit, but not at a time.
  for (let k = 0; k < 50; k++) new W.Memory({ initial: 8 * 1024 });
  const kept = [];
  expect(
    errorOf(() => {
      for (let k = 0; k < 9; k++) kept.push(new W.Memory({ initial: 8 * 1024 }));
    }),
  ).toMatch(/^RangeError/);
  expect(kept.length).toBeGreaterThanOrEqual(5);
});

only('maxTableElements', () => {
  const table = new W.Table({ element: 'anyfunc', initial: 10 });
  W.limits.maxTableElements = 0;
  expect(table.length).toBe(10);
  expect(errorOf(() => table.grow(1))).toMatch(/^RangeError: WebAssembly.Table.grow/);
  expect(errorOf(() => new W.Table({ element: 'externref', initial: 1 }))).toMatch(
    /^RangeError: WebAssembly.Table\(\)/,
  );
  const module = new W.Module(wat`(module (table 1 funcref))`);
  expect(errorOf(() => new W.Instance(module))).toMatch(/^RangeError: WebAssembly.Instance\(\)/);
});

only('maxInstances', () => {
  const module = new W.Module(wat`(module (func (export "f")))`);
  W.limits.maxInstances = 0;
  expect(errorOf(() => new W.Instance(module))).toMatch(/^RangeError: WebAssembly.Instance\(\)/);
  W.limits.maxInstances = Infinity;
  new W.Instance(module).exports.f();
});

only('maxCodeBytes', () => {
  const module = new W.Module(wat`(module (func (export "f") (result i32) (i32.const 7)))`);
  const { f } = new W.Instance(module).exports;
  W.limits.maxCodeBytes = 0;
  expect(errorOf(f)).toMatch(/^CompileError: .*limit/);
  W.limits.maxCodeBytes = Infinity;
  expect(f()).toBe(7);
  W.limits.maxCodeBytes = 0;
  expect(f()).toBe(7);
});

only('maxCompileThreads', () => {
  W.limits.maxCompileThreads = 0;
  const body = '(drop (i32.add (i32.const 1) (i32.const 2)))'.repeat(2000);
  const functions = Array.from({ length: 10 }, () => `(func ${body})`).join('');
  const module = new W.Module(
    wat(`(module ${functions} (func (export "f") (param i32) (result i32) (local i32)
    (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))`),
  );
  const { improved } = W.stats().compile;
  const { f } = new W.Instance(module).exports;
  expect(f(1e6)).toBe(1784293664);
  expect(W.stats().compile.improved.count).toBe(improved.count);
});

/** A section; its numbers are below 2 ** 21. */
function section(id, count, items) {
  const number = (n) => [(n & 127) | 128, ((n >> 7) & 127) | 128, n >> 14];
  const bytes = [...number(count), ...items];
  return [id, ...number(bytes.length), ...bytes];
}
const repeated = (count, item) => Array.from({ length: count }, () => item).flat();

test('more element segments than programs have', () => {
  const COUNT = 150_000;
  const bytes = Uint8Array.from([
    ...[0, 97, 115, 109, 1, 0, 0, 0],
    ...section(1, 1, [0x60, 0, 1, 0x7f]),
    ...section(2, 2, repeated(2, [1, 97, 1, 98, 0, 0])),
    ...section(4, 1, [0x70, 0, 3]),
    ...section(7, 2, [1, 99, 0, 0, 1, 100, 1, 0]),
    // Active: the first function to place 1. The last one: the second function to place 2.
    ...section(9, COUNT, [...repeated(COUNT - 1, [0, 0x41, 1, 0x0b, 1, 0]), 0, 0x41, 2, 0x0b, 1, 1]),
  ]);
  const { c, d } = new W.Instance(new W.Module(bytes), { a: { b: () => 7 } }).exports;
  expect(d.get(0)).toBe(null);
  expect(d.get(1)).toBe(c);
  expect(d.get(2)()).toBe(7);
});

only('mistakes', () => {
  expect(errorOf(() => (W.limits.maxInstances = '1'))).toBe('TypeError: wrt.limits.maxInstances must be a number');
  for (const value of [-1, NaN]) {
    expect(errorOf(() => (W.limits.maxInstances = value))).toBe(
      'RangeError: wrt.limits.maxInstances must not be negative',
    );
  }
});

describe('withLimits', () => {
  const text = `(module (memory (export "m") 1) (table (export "t") 1 funcref)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "growTable") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0))))`;

  only('holds for what is made in the call, as long as it lives', () => {
    const module = new W.Module(wat(text));
    const limits = { maxMemoryBytes: 3 * PAGE, maxTableElements: 10 };
    const { m, t, grow, growTable } = W.withLimits(limits, () => new W.Instance(module)).exports;
    expect([grow(3), grow(2), grow(1)]).toEqual([-1, 1, -1]);
    expect(errorOf(() => m.grow(1))).toMatch(/^RangeError: WebAssembly.Memory.grow/);
    expect([growTable(10), growTable(9)]).toEqual([-1, 1]);
    expect(errorOf(() => t.grow(1))).toMatch(/^RangeError: WebAssembly.Table.grow/);
    // Others are free, also those that grow meanwhile.
    const other = new W.Instance(module).exports;
    W.withLimits({ maxMemoryBytes: 0 }, () => expect(other.grow(100)).toBe(1));
    expect(new W.Memory({ initial: 100 }).grow(1)).toBe(100);
  });

  only('counts all of one call together', () => {
    const module = new W.Module(wat(text));
    W.withLimits({ maxMemoryBytes: 2 * PAGE, maxInstances: 1, maxTableElements: 100 }, () => {
      const memory = new W.Memory({ initial: 1 });
      const { grow } = new W.Instance(module).exports;
      expect(errorOf(() => new W.Instance(module))).toMatch(/^RangeError: WebAssembly.Instance\(\)/);
      expect([grow(1), errorOf(() => memory.grow(1))]).toEqual([-1, expect.stringMatching(/^RangeError/)]);
      expect(errorOf(() => new W.Table({ element: 'anyfunc', initial: 101 }))).toMatch(/^RangeError/);
    });
    new W.Instance(module);
  });

  only('holds after each await, and for asynchronous instantiation', async () => {
    const limits = { maxMemoryBytes: 2 * PAGE };
    const inside = W.withLimits(limits, async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const { instance } = await W.instantiate(wat(text));
      return instance.exports;
    });
    const outside = (await W.instantiate(wat(text))).instance.exports;
    const { grow } = await inside;
    expect([grow(2), grow(1), outside.grow(2)]).toEqual([-1, 1, 1]);
  });

  only('limits around others, and those of the process, hold as well', () => {
    W.withLimits({ maxMemoryBytes: 4 * PAGE }, () => {
      const inner = W.withLimits({ maxMemoryBytes: 3 * PAGE }, () => new W.Memory({ initial: 1 }));
      const outer = new W.Memory({ initial: 2 });
      expect(errorOf(() => inner.grow(2))).toMatch(/^RangeError/);
      inner.grow(1);
      expect(errorOf(() => outer.grow(1))).toMatch(/^RangeError/);
    });
    W.limits.maxMemoryBytes = 0;
    expect(errorOf(() => W.withLimits({}, () => new W.Memory({ initial: 1 })))).toMatch(/^RangeError/);
  });

  only('what is collected can be used again', () => {
    W.withLimits({ maxMemoryBytes: 16 * 1024 * PAGE, maxInstances: 10 }, () => {
      for (let k = 0; k < 50; k++) new W.Memory({ initial: 8 * 1024 });
      const module = new W.Module(wat(text));
      for (let k = 0; k < 50; k++) new W.Instance(module);
    });
  });

  only('memories that move keep their limits', () => {
    const { boundsChecks } = W.features;
    W.features.boundsChecks = true;
    try {
      const memory = W.withLimits({ maxMemoryBytes: 8 * PAGE }, () => new W.Memory({ initial: 1 }));
      // Each counts once, though buffers show where it was.
      for (let k = 1; k < 8; k++) {
        expect(memory.buffer.byteLength).toBe(k * PAGE);
        expect(memory.grow(1)).toBe(k);
        expect(errorOf(() => memory.grow(9))).toMatch(/^RangeError/);
      }
      expect(errorOf(() => memory.grow(1))).toMatch(/^RangeError/);
    } finally {
      W.features.boundsChecks = boundsChecks;
    }
  });

  only('gives what the function gives', () => {
    expect(W.withLimits({}, () => 7)).toBe(7);
    const thrown = new Error('thrown');
    const f = () => {
      throw thrown;
    };
    expect(() => W.withLimits({}, f)).toThrow(thrown);
  });

  only('mistakes', () => {
    expect(errorOf(() => W.withLimits(1, () => {}))).toBe('TypeError: Argument 0 must be an object');
    expect(errorOf(() => W.withLimits({}))).toBe('TypeError: Argument 1 must be a function');
    expect(errorOf(() => W.withLimits({ maxInstances: '1' }, () => {}))).toBe(
      'TypeError: limits.maxInstances must be a number',
    );
    expect(errorOf(() => W.withLimits({ maxInstances: -1 }, () => {}))).toBe(
      'RangeError: limits.maxInstances must not be negative',
    );
  });
});
