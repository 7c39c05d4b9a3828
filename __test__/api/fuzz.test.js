'use strict';

// What `npm run fuzz` has found, each as small as it gets.

const W = wrtTest.impl;
const only = wrtTest.name === 'wrt' ? test : test.skip;
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

only('JavaScript cannot see the value of a global of type exnref', () => {
  const global = [6, 6, 1, 0x69, 1, 0xd0, 0x69, 0x0b];
  const exported = [7, 5, 1, 1, 0x67, 3, 0];
  const { g } = new W.Instance(new W.Module(new Uint8Array([...HEADER, ...global, ...exported]))).exports;
  expect(() => g.value).toThrow('get WebAssembly.Global.value: invalid type exnref');
  expect(() => g.valueOf()).toThrow('WebAssembly.Global.valueOf(): invalid type exnref');
  expect(() => (g.value = null)).toThrow('set WebAssembly.Global.value: invalid type (ref null exn)');
});

only('nor the elements of a table of that type', () => {
  const table = [4, 4, 1, 0x69, 0, 1];
  const exported = [7, 5, 1, 1, 0x74, 1, 0];
  const { t } = new W.Instance(new W.Module(new Uint8Array([...HEADER, ...table, ...exported]))).exports;
  expect(() => t.get(0)).toThrow('WebAssembly.Table.get(): invalid type exnref');
  expect(() => t.get(5)).toThrow('invalid address 5 in exnref table of size 1');
  expect(() => t.set(0, null)).toThrow('Argument 1 is invalid for table: invalid type (ref null exn)');
  expect(() => t.grow(1, null)).toThrow('Argument 1 is invalid: invalid type (ref null exn)');
  t.set(0);
  expect(t.grow(1)).toBe(1);
});
