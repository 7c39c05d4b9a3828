'use strict';

// Atomic instructions of memories that are not shared, on wrt and on V8.

const wat = require('../support/wat');

const W = wrtTest.impl;

const WIDTHS = ['i32:', 'i64:', 'i32:8', 'i32:16', 'i64:8', 'i64:16', 'i64:32'].map((text) => text.split(':'));
const ACTIONS = ['add', 'sub', 'and', 'or', 'xor', 'xchg', 'cmpxchg'];

/** All instructions, each exported under its name. */
function functions() {
  const all = [];
  for (const [type, bits] of WIDTHS) {
    const u = bits && '_u';
    const at = '(local.get 0)';
    const one = `(param i32 ${type})`;
    all.push([`${type}.atomic.load${bits}${u}`, '(param i32)', `(result ${type})`, at]);
    all.push([`${type}.atomic.store${bits}`, one, '', `${at} (local.get 1)`]);
    for (const action of ACTIONS) {
      const compares = action === 'cmpxchg';
      const params = compares ? `(param i32 ${type} ${type})` : one;
      const operands = `${at} (local.get 1)${compares ? ' (local.get 2)' : ''}`;
      all.push([`${type}.atomic.rmw${bits}.${action}${u}`, params, `(result ${type})`, operands]);
    }
  }
  all.push(['memory.atomic.notify', '(param i32 i32)', '(result i32)', '(local.get 0) (local.get 1)']);
  const wait = '(local.get 0) (local.get 1) (local.get 2)';
  all.push(['memory.atomic.wait32', '(param i32 i32 i64)', '(result i32)', wait]);
  all.push(['memory.atomic.wait64', '(param i32 i64 i64)', '(result i32)', wait]);
  return all;
}

const text = functions().map(
  ([name, params, result, operands]) =>
    `(func (export "${name}") ${params} ${result} (${name} ${name.includes('.wait') ? '' : 'offset=8'} ${operands}))`,
);
const bytes = wat(`(module (memory (export "memory") 1 1) (func (export "fence") (atomic.fence)) ${text.join('\n')})`);

/** What calls do to a memory that begins with the same bytes, in words. */
function run(api) {
  const { memory, fence, ...all } = new api.Instance(new api.Module(bytes)).exports;
  const results = [String(fence())];
  for (const [name, call] of Object.entries(all)) {
    const wide = name.startsWith('i64') || name.endsWith('wait64');
    const number = (n) => (wide ? BigInt.asIntN(64, BigInt(n)) : Number(BigInt.asIntN(32, BigInt(n))));
    for (const at of [0, 8, 1, 2, 4, 65520, 65528, 65536, -8]) {
      new Uint8Array(memory.buffer).forEach((_, i, view) => (view[i] = (i * 37) ^ 0x80));
      // Some are what is there, so that comparisons are equal, too.
      const there = at >= 0 && at < 65000 ? new DataView(memory.buffer).getBigInt64(at + 8, true) : 1n;
      for (const operand of [there, there & 0xffn, there & 0xffffn, there & 0xffffffffn, 0x1234_5678_9abc_def0n]) {
        const third = name.includes('.wait') ? 0n : number(0x7f6e_5d4c_3b2a_1908n);
        let result;
        try {
          result = call(at, number(operand), third);
        } catch (error) {
          result = `${error.constructor.name} ${error.message}`;
        }
        results.push(`${name} ${at} ${operand}: ${result}`);
      }
      const sum = new Uint8Array(memory.buffer).reduce((a, byte, i) => (a * 31 + byte * (i + 1)) | 0, 0);
      results.push(`${name} ${at}: ${sum}`);
    }
  }
  return results;
}

test('every atomic instruction does what it does on V8', () => {
  const theirs = run(WebAssembly);
  expect(theirs.length).toBeGreaterThan(3000);
  expect(run(W)).toEqual(theirs);
});
