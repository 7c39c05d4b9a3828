'use strict';

// node bench/operations.js [--repeat N] [--filter TEXT] [--sizes all] [--vs NODE]
//
// What operations cost that a program does once or seldom, on V8 and on wrt in turns, each measurement in a process of
// its own: modules, first calls, instances that live on, tables, memories. Medians; processor time is that of all threads
// of the process. A row is an operation and a size, so the rows of one operation are a curve. --sizes all: the large ones, too.

const { spawnSync } = require('node:child_process');
const { load } = require('../__test__/support/impl');
const { median } = require('./process');

const leb = (n) => {
  const bytes = [];
  for (; n > 127; n >>>= 7) bytes.push((n & 127) | 128);
  return [...bytes, n];
};

/** A module from sections, each a list of items, the last one a function from a number to bodies. */
function encode(sections) {
  const parts = [Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])];
  for (const [id, items] of sections) {
    const body = Buffer.concat([Buffer.from(leb(items.length)), ...items.map((item) => Buffer.from(item))]);
    parts.push(Buffer.from([id, ...leb(body.length)]), body);
  }
  return new Uint8Array(Buffer.concat(parts));
}

const name = (text) => [...leb(text.length), ...Buffer.from(text)];
const body = (...code) => [...leb(code.length + 2), 0, ...code, 0x0b];
/** A constant of five bytes, so that all functions are of one size. */
const constant = (n) => [0x41, (n & 127) | 128, ((n >> 7) & 127) | 128, ((n >> 14) & 127) | 128, (n >> 21) & 63];

/** `n` functions of some 90 bytes; `f` is the last one. */
function manyFunctions(n) {
  const bodies = [];
  for (let i = 0; i < n; i++) {
    const code = [];
    for (let k = 0; k < 6; k++) code.push(0x20, 0, ...constant(i * 6 + k), 0x6a, 0x20, 1, 0x73, 0x21, 0);
    bodies.push(body(...code, 0x20, 0));
  }
  const types = [[0x60, 2, 0x7f, 0x7f, 1, 0x7f]];
  const declared = Array.from({ length: n }, () => [0]);
  return encode([
    [1, types],
    [3, declared],
    [7, [[...name('f'), 0, ...leb(n - 1)]]],
    [10, bodies],
  ]);
}

/** One function of `n` dependent steps. */
function straight(n) {
  const code = [];
  for (let i = 0; i < n; i++) code.push(0x20, i & 1, ...constant(i), 0x6a, 0x20, (i + 1) & 1, 0x73, 0x21, i & 1);
  const bytes = [0, ...code, 0x20, 0, 0x0b];
  return encode([
    [1, [[0x60, 2, 0x7f, 0x7f, 1, 0x7f]]],
    [3, [[0]]],
    [7, [[...name('f'), 0, 0]]],
    [10, [Buffer.concat([Buffer.from(leb(bytes.length)), Buffer.from(bytes)])]],
  ]);
}

/** `n` exported functions. */
function manyExports(n) {
  const all = Array.from({ length: n }, (_, i) => i);
  return encode([
    [1, [[0x60, 1, 0x7f, 1, 0x7f]]],
    [3, all.map(() => [0])],
    [7, all.map((i) => [...name(`f${i}`), 0, ...leb(i)])],
    [10, all.map((i) => body(0x20, 0, ...constant(i), 0x6a))],
  ]);
}

/** A module with a bit of this and that. */
function small({ memory, rest, segment = 0 } = {}) {
  const sections = [[1, [[0x60, 1, 0x7f, 1, 0x7f]]]];
  if (rest) sections.push([2, [[...name('m'), ...name('f'), 0, 0]]]);
  sections.push([3, [[0], [0]]]);
  if (rest) sections.push([4, [[0x70, 0, 4]]]);
  if (memory) sections.push([5, [[0, ...leb(memory)]]]);
  if (rest) sections.push([6, [[0x7f, 1, 0x41, 7, 0x0b]]]);
  const exports = [[...name('f'), 0, rest ? 1 : 0]];
  if (memory) exports.push([...name('memory'), 2, 0]);
  if (rest) exports.push([...name('t'), 1, 0], [...name('g'), 3, 0]);
  sections.push([7, exports]);
  if (rest) sections.push([9, [[0, 0x41, 0, 0x0b, 2, 1, 2]]]);
  sections.push([10, [body(0x20, 0, 0x41, 1, 0x6a), body(0x20, 0)]]);
  if (segment) {
    sections.push([11, [Buffer.concat([Buffer.from([0, 0x41, 0, 0x0b, ...leb(segment)]), Buffer.alloc(segment, 7)])]]);
  }
  return encode(sections);
}

/** An empty module. */
const nothing = () => encode([]);

/** Live instances of one module, when some were made: the first ones have what all share to make. */
const live = (make, { warm = 2000, use = () => {} } = {}) => ({
  sizes: [1000, 10_000, 20_000],
  prepare(W, n) {
    const module = new W.Module(make());
    const imports = { m: { f: (x) => x } };
    const kept = [];
    const more = (count) => {
      for (let i = 0; i < count; i++) {
        const instance = new W.Instance(module, imports);
        use(instance);
        kept.push(instance);
      }
    };
    more(Math.min(warm, n));
    return () => more(n);
  },
});

/** A place that a processor does not expect. */
const at = (n, i) => (Math.imul(i, 2654435761) >>> 0) % n;
const table = (element, run) => ({
  sizes: [1000, 100_000, 1_000_000, 10_000_000],
  count: 100_000,
  prepare(W, n) {
    const t = new W.Table({ element, initial: n });
    const f = new W.Instance(new W.Module(small())).exports.f;
    const value = element === 'externref' ? { some: 'object' } : f;
    run(t, value, n, 100_000);
    return () => run(t, value, n, 100_000);
  },
});
const setAll = (t, value, n, count) => {
  for (let i = 0; i < count; i++) t.set(at(n, i), value);
};
const getAll = (t, value, n, count) => {
  let last;
  for (let i = 0; i < count; i++) last = t.get(at(n, i * 3));
  return last;
};

/**
 * The operations: `prepare` returns what is measured, which does `count` operations (or as many as the size).
 * @type {Record<string, { sizes: number[], large?: number[], count?: number, prepare: (W: any, n: number) => () => any }>}
 */
const OPERATIONS = {
  'new Module, small functions': {
    sizes: [1000, 4000, 16_000, 64_000],
    large: [160_000, 620_000],
    count: 1,
    prepare(W, n) {
      const bytes = manyFunctions(n);
      return () => new W.Module(bytes);
    },
  },
  'first call, straight code': {
    sizes: [5000, 20_000, 80_000, 320_000],
    count: 1,
    prepare(W, n) {
      const { f } = new W.Instance(new W.Module(straight(n))).exports;
      return () => f(1, 2);
    },
  },
  'first calls of small functions': {
    sizes: [100, 1000, 10_000],
    prepare(W, n) {
      const functions = Object.values(new W.Instance(new W.Module(manyExports(n))).exports);
      return () => {
        for (let i = 0; i < n; i++) functions[i](i);
      };
    },
  },
  'first calls of imports': {
    sizes: [1, 40, 400],
    prepare(W, n) {
      const all = Array.from({ length: n }, (_, i) => i);
      const calls = all.flatMap((i) => [0x10, ...leb(i)]);
      const code = [0, ...calls, 0x0b];
      const bytes = encode([
        [1, [[0x60, 0, 0]]],
        [2, all.map((i) => [...name('m'), ...name(`f${i}`), 0, 0])],
        [3, [[0]]],
        [7, [[...name('f'), 0, ...leb(n)]]],
        [10, [[...leb(code.length), ...code]]],
      ]);
      const imports = { m: Object.fromEntries(all.map((i) => [`f${i}`, () => {}])) };
      return new W.Instance(new W.Module(bytes), imports).exports.f;
    },
  },
  'first calls of exports, each of another type': {
    sizes: [1, 40, 400],
    prepare(W, n) {
      const all = Array.from({ length: n }, (_, i) => i);
      // The bits of a number, as parameters.
      const params = (i) => [...i.toString(2)].map((bit) => (bit === '1' ? 0x7f : 0x7d));
      const bytes = encode([
        [1, all.map((i) => [0x60, params(i).length, ...params(i), 0])],
        [3, all.map((i) => leb(i))],
        [7, all.map((i) => [...name(`f${i}`), 0, ...leb(i)])],
        [10, all.map(() => body())],
      ]);
      const functions = Object.values(new W.Instance(new W.Module(bytes)).exports);
      return () => {
        for (let i = 0; i < n; i++) functions[i](1, 2, 3);
      };
    },
  },
  'first instance, n exports': {
    sizes: [100, 1000, 10_000],
    count: 1,
    prepare(W, n) {
      const module = new W.Module(manyExports(n));
      return () => new W.Instance(module);
    },
  },
  'tenth instance, n exports': {
    sizes: [100, 1000, 10_000],
    count: 1,
    prepare(W, n) {
      const module = new W.Module(manyExports(n));
      for (let i = 0; i < 9; i++) new W.Instance(module);
      return () => new W.Instance(module);
    },
  },
  'live instances, empty': live(nothing),
  'live instances, a function': live(small),
  'live instances, an import, a table, a global': live(() => small({ rest: true })),
  'live instances, called': live(small, { use: ({ exports }) => exports.f(1) }),
  'live instances, a memory': {
    ...live(() => small({ memory: 1 }), {
      warm: 100,
      use: ({ exports }) => (new Uint8Array(exports.memory.buffer)[0] = 1),
    }),
    sizes: [100, 1000, 5000],
  },
  'live instances, a data segment of 1 MiB': {
    ...live(() => small({ memory: 17, segment: 1 << 20 }), { warm: 10 }),
    sizes: [100, 400],
  },
  'instances made and dropped, a memory': {
    sizes: [1000, 5000],
    prepare(W, n) {
      const module = new W.Module(small({ memory: 1 }));
      return () => {
        for (let i = 0; i < n; i++) new W.Instance(module).exports.f(1);
      };
    },
  },
  'functions of n instances into a table': {
    sizes: [1000, 10_000],
    prepare(W, n) {
      const module = new W.Module(small());
      const t = new W.Table({ element: 'anyfunc', initial: n });
      return () => {
        for (let i = 0; i < n; i++) t.set(i, new W.Instance(module).exports.f);
      };
    },
  },
  'live memories': {
    sizes: [1000, 5000],
    prepare(W, n) {
      const kept = [];
      return () => {
        for (let i = 0; i < n; i++) kept.push(new W.Memory({ initial: 1, maximum: 1 }));
      };
    },
  },
  'live shared memories': {
    sizes: [1000, 5000],
    prepare(W, n) {
      const kept = [];
      return () => {
        for (let i = 0; i < n; i++) kept.push(new W.Memory({ initial: 1, maximum: 1, shared: true }));
      };
    },
  },
  'new Table of functions': {
    sizes: [100_000, 1_000_000, 10_000_000],
    count: 1,
    prepare: (W, n) => () => new W.Table({ element: 'anyfunc', initial: n }),
  },
  'new Table of references': {
    sizes: [100_000, 1_000_000, 10_000_000],
    count: 1,
    prepare: (W, n) => () => new W.Table({ element: 'externref', initial: n }),
  },
  'Table.set at random, functions': table('anyfunc', setAll),
  'Table.get at random, functions': table('anyfunc', getAll),
  'Table.set at random, references': table('externref', setAll),
  'Table.get at random, references': table('externref', getAll),
  'Table.grow(1)': {
    sizes: [1000, 100_000],
    prepare(W, n) {
      const t = new W.Table({ element: 'anyfunc', initial: 0 });
      return () => {
        for (let i = 0; i < n; i++) t.grow(1);
      };
    },
  },
  'Memory.grow(1)': {
    sizes: [100, 1000],
    large: [16_384],
    prepare(W, n) {
      const memory = new W.Memory({ initial: 0, maximum: 65_536 });
      return () => {
        for (let i = 0; i < n; i++) memory.grow(1);
      };
    },
  },
};

/** One measurement, in a process of its own: microseconds an operation, by the clock and of the processor. */
function child(operation, size) {
  const { count = size, prepare } = OPERATIONS[operation];
  const run = prepare(load(), size);
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const result = run();
  const wall = Number(process.hrtime.bigint() - start) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ wall: wall / count, cpu: (user + system) / count, kept: result !== null }));
  process.exit(); // Without the end of what was made: that is no part of it.
}

function measure(operation, size, impl) {
  const args = [__filename, '--child', operation, String(size)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, WRT_TEST_IMPL: impl },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${operation}, ${size}, on ${impl}: ${stderr}`);
  return JSON.parse(stdout);
}

function main(args) {
  const option = (key, otherwise) => (args.includes(key) ? args[args.indexOf(key) + 1] : otherwise);
  const repeat = Number(option('--repeat', '5'));
  const filter = option('--filter', '');
  const all = option('--sizes', '') === 'all';
  const line = (...cells) =>
    console.log(cells.map((c, i) => (i ? String(c).padStart(12) : String(c).padEnd(46))).join(''));
  const number = (x) => (x >= 100 ? x.toFixed(0) : x.toFixed(x >= 10 ? 1 : 2));
  console.log(`node ${process.version}, microseconds an operation, medians of ${repeat} processes in turns\n`);
  line('', 'size', 'V8', 'wrt', 'wrt/V8', 'V8 CPU', 'wrt CPU', 'wrt/V8');
  for (const [operation, { sizes, large = [] }] of Object.entries(OPERATIONS)) {
    if (!operation.includes(filter)) continue;
    for (const size of all ? [...sizes, ...large] : sizes) {
      const runs = { builtin: [], wrt: [] };
      for (let i = 0; i < repeat; i++) for (const impl in runs) runs[impl].push(measure(operation, size, impl));
      const of = (impl, key) => median(runs[impl].map((r) => r[key]));
      const cells = ['wall', 'cpu'].flatMap((key) => {
        const [v8, wrt] = [of('builtin', key), of('wrt', key)];
        return [number(v8), number(wrt), (wrt / v8).toFixed(2)];
      });
      line(operation, size, ...cells);
    }
  }
}

const args = process.argv.slice(2);
if (args[0] === '--child') child(args[1], Number(args[2]));
else main(args);
