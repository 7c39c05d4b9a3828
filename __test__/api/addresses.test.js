'use strict';

// Memories and tables whose addresses have 64 bits, and memories with pages of one byte.

const { same, ours, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const VALUES = {
  '0n': 0n,
  '1n': 1n,
  '3n': 3n,
  '4n': 4n,
  '-1n': -1n,
  '2n ** 64n - 1n': 2n ** 64n - 1n,
  '2n ** 64n': 2n ** 64n,
  number: 1,
  text: '1',
  'no number': 'x',
  undefined,
  null: null,
  true: true,
  symbol: Symbol('s'),
  object: { valueOf: () => 1n },
};

/** Are there such addresses? Of older V8s the tests log that there are none. */
const exist = (W, log) => log.try(() => new W.Memory({ address: 'i64', initial: 1n })) !== undefined;

same.each(VALUES)('64-bit: sizes of memories and tables', (W, log, value) => {
  if (!exist(W, log)) return;
  log.try(() => new W.Memory({ address: 'i64', initial: value }).buffer.byteLength);
  log.try(() => new W.Memory({ address: 'i64', initial: 1n, maximum: value }).buffer.byteLength);
  log.try(() => new W.Table({ element: 'externref', address: 'i64', initial: value }).length);
  log.try(() => new W.Table({ element: 'externref', address: 'i64', initial: 1n, maximum: value }).length);
});

same.each(VALUES)('64-bit: growth, and access to tables', (W, log, value) => {
  if (!exist(W, log)) return;
  const memory = new W.Memory({ address: 'i64', initial: 1n, maximum: 4n });
  const table = new W.Table({ element: 'externref', address: 'i64', initial: 2n, maximum: 5n });
  log.try(() => memory.grow(value));
  log(memory.buffer.byteLength);
  log.try(() => table.set(value, 'v'));
  log.try(() => table.get(value));
  log.try(() => table.grow(value, 'w'));
  log(table.length);
});

same('64-bit: types of addresses', (W, log) => {
  if (!exist(W, log)) return;
  log.try(() => new W.Memory({ address: 'i128', initial: 1n }));
  log.try(() => new W.Memory({ address: 'i32', initial: 1n }));
  log.try(() => new W.Memory({ address: 'i64', initial: 262145n }));
  log.try(() => new W.Table({ element: 'anyfunc', address: 'i64', initial: 10000001n }));
  log.try(() => new W.Table({ element: 'anyfunc', address: 'i128', initial: 10000001n }));
});

/** (memory i64 1 3), (memory 1 3), (table i64 1 3 funcref), (table 1 3 funcref), imported as "m" "x" */
const IMPORTS = [
  [2, 5, 1, 3],
  [2, 1, 1, 3],
  [1, 0x70, 5, 1, 3],
  [1, 0x70, 1, 1, 3],
].map((type) => {
  const section = [1, 1, 0x6d, 1, 0x78, ...type];
  return new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, section.length, ...section]);
});

same('64-bit: imports', (W, log) => {
  if (!exist(W, log)) return;
  const given = [
    new W.Memory({ initial: 1, maximum: 3 }),
    new W.Memory({ address: 'i64', initial: 1n, maximum: 3n }),
    new W.Memory({ address: 'i64', initial: 0n, maximum: 3n }),
    new W.Memory({ address: 'i64', initial: 1n, maximum: 4n }),
    new W.Table({ element: 'anyfunc', initial: 1, maximum: 3 }),
    new W.Table({ element: 'anyfunc', address: 'i64', initial: 1n, maximum: 3n }),
    new W.Table({ element: 'anyfunc', address: 'i64', initial: 0n, maximum: 3n }),
    new W.Table({ element: 'anyfunc', address: 'i64', initial: 1n, maximum: 4n }),
    new W.Table({ element: 'anyfunc', address: 'i64', initial: 1n }),
  ];
  for (const bytes of IMPORTS) for (const x of given) log.try(() => new W.Instance(new W.Module(bytes), { m: { x } }));
});

ours('types', (W) => {
  const memory = new W.Memory({ address: 'i64', initial: 1n, maximum: 2n ** 37n - 1n });
  expect(memory.type()).toEqual({ minimum: 1n, maximum: 2n ** 37n - 1n, shared: false, address: 'i64' });
  expect(() => new W.Memory({ address: 'i64', initial: 1n, maximum: 2n ** 37n })).toThrow('above the upper bound');
  const table = new W.Table({ element: 'anyfunc', address: 'i64', initial: 1n, maximum: 2n ** 64n - 1n });
  expect(table.type()).toEqual({ element: 'funcref', minimum: 1n, maximum: 2n ** 64n - 1n, address: 'i64' });
  expect(W.Module.imports(new W.Module(IMPORTS[0]))[0].type).toEqual({
    minimum: 1n,
    maximum: 3n,
    shared: false,
    address: 'i64',
  });
});

ours('a buffer that this Node cannot make is an error, and the memory goes on', (W) => {
  const memory = new W.Memory({ address: 'i64', initial: 65537n });
  const size = 65537 * 65536;
  if (require('node:buffer').constants.MAX_LENGTH < size) {
    expect(() => memory.buffer).toThrow(`an ArrayBuffer of ${size} bytes`);
  } else {
    expect(memory.buffer.byteLength).toBe(size);
  }
  expect(memory.grow(1n)).toBe(65537n);
});

/** (memory (export "m") 5 9 (pagesize 1)) */
const BYTES = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[5, 5, 1, 9, 5, 9, 0],
  ...[7, 5, 1, 1, 0x6d, 2, 0],
]);

ours('pages of one byte', (W) => {
  const { m } = new W.Instance(new W.Module(BYTES)).exports;
  expect(m.type()).toEqual({ minimum: 5, maximum: 9, shared: false, address: 'i32', pageSize: 1 });
  expect(m.buffer.byteLength).toBe(5);
  new Uint8Array(m.buffer).set([1, 2, 3, 4, 5]);
  expect(m.grow(2)).toBe(5);
  expect([...new Uint8Array(m.buffer)]).toEqual([1, 2, 3, 4, 5, 0, 0]);
  expect(() => m.grow(3)).toThrow('Maximum memory size exceeded');
  const wants = wat`(module (import "m" "x" (memory 0 9)))`;
  expect(() => instantiate(W, wants, { m: { x: m } })).toThrow('page size');
});
