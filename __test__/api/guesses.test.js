'use strict';

// Callees that optimised code guesses: it must call the function that is there, whatever it has guessed.

const fs = require('node:fs');
const path = require('node:path');

const MODULE = fs.readFileSync(path.join(__dirname, '..', '..', 'target', 'spec', 'modules', 'guesses.wasm'));

const W = wrtTest.impl;
const only = W.validate(MODULE) ? test : test.skip;

const instantiate = () => new W.Instance(new W.Module(MODULE)).exports;
const add = (own) => (n) => {
  let s = 0;
  for (; n > 0; n--) s = (s + n + own) | 0;
  return s;
};
const xor = (n) => {
  let s = 0;
  for (; n > 0; n--) s ^= n;
  return s;
};

only.each(['ref', 'indirect'])('calls: %s', (kind) => {
  const [a, b] = [instantiate(), instantiate()];
  a.own(100);
  b.own(3);
  // Functions of another instance with the same code.
  a.t.set(3, b.add);
  a.t.set(4, b.t.get(1));
  const call = a[kind];
  const argument = kind === 'ref' ? (n) => n : () => 3;
  const times = (f, n) => {
    let s = 0;
    for (; n > 0; n--) s = f(s, argument(n));
    return s;
  };
  // Long enough for each form of the code.
  for (const n of [1, 10, 100, 50000, 7]) {
    expect(call(0, n)).toBe(kind === 'ref' ? add(100)(n) : times((s, x) => (s + x + 100) | 0, n));
    expect(call(1, n)).toBe(kind === 'ref' ? xor(n) : times((s, x) => s ^ x, n));
    expect(() => call(2, n)).toThrow(kind === 'ref' ? 'illegal cast' : /signature mismatch/);
    expect(call(3, n)).toBe(times((s, x) => (s + x + 3) | 0, n));
    expect(call(4, n)).toBe(times((s, x) => s ^ x, n));
    expect(() => call(5, n)).toThrow(
      kind === 'ref' ? 'dereferencing a null pointer' : /signature mismatch|null function/,
    );
  }
});

only('tail calls of each other by reference', () => {
  const { turns } = instantiate();
  const expected = (n) => {
    let s = 0;
    for (let k = 0; k < n; k++) s = k % 2 === 0 ? s + 5 : s ^ 1;
    return s;
  };
  for (const n of [0, 1, 2, 1001, 300000, 5]) expect(turns(n)).toBe(expected(n));
});
