'use strict';

// Modules with much data, whose instances share it until they write: what they see, next to V8.

const crypto = require('node:crypto');
const fs = require('node:fs');
const wat = require('../support/wat');

const PAGE = 65_536;

/** Bytes for the text of a module. */
const bytes = (n, seed) => {
  let text = '';
  for (let i = 0; i < n; i++) text += `\\${(((i * seed) >> 4) & 255).toString(16).padStart(2, '0')}`;
  return text;
};
const LARGE = bytes(100_000, 37);

const FUNCTIONS = `
  (func $peek (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "poke") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))`;

const MODULES = {
  'one segment': `(module (memory (export "memory") 3 10) ${FUNCTIONS} (data (i32.const 1000) "${LARGE}"))`,
  'from start to end': `(module (memory (export "memory") 2) ${FUNCTIONS} (data (i32.const 0) "${bytes(2 * PAGE, 11)}"))`,
  'segments over one another': `(module (memory (export "memory") 3 10) ${FUNCTIONS}
    (data (i32.const 4097) "${LARGE}") (data (i32.const 50000) "${bytes(9000, 5)}") (data (i32.const 196608) "")
    (data (i32.const 49999) "ab") (data (i32.const 3) "before"))`,
  'passive segments, too': `(module (memory (export "memory") 3 10) ${FUNCTIONS}
    (data $p "passive") (data $a (i32.const 1000) "${LARGE}")
    (func (export "init") (param i32) (memory.init $p (i32.const 2000) (i32.const 0) (local.get 0)))
    (func (export "again") (param i32) (memory.init $a (i32.const 0) (i32.const 0) (local.get 0))))`,
  'two memories': `(module (import "m" "n" (global $n i32)) (memory (export "memory") 3) ${FUNCTIONS}
    (data (i32.const 1000) "${LARGE}") (data (global.get $n) "at an imported place"))`,
  'a memory that is imported': `(module (import "m" "memory" (memory 3)) (export "memory" (memory 0)) ${FUNCTIONS}
    (data (i32.const 1000) "${LARGE}"))`,
  'a gap': `(module (memory (export "memory") 40) ${FUNCTIONS}
    (data (i32.const 1000) "${LARGE}") (data (i32.const 2500000) "far away"))`,
  'a segment that does not fit': `(module (import "m" "t" (table 9 funcref)) (memory (export "memory") 2)
    ${FUNCTIONS} (elem (i32.const 0) $peek) (data (i32.const 1000) "${LARGE}") (data (i32.const 131070) "end"))`,
  'elements that do not fit': `(module (import "m" "t" (table 9 funcref)) (memory (export "memory") 2)
    ${FUNCTIONS} (elem (i32.const 0) $peek) (elem (i32.const 9) $peek) (data (i32.const 1000) "${LARGE}"))`,
};

/** What can be seen of some instances that live at once, and then of many that do not. */
function observe(W, binary) {
  const module = new W.Module(binary);
  const log = [];
  const attempt = (action) => {
    try {
      return action();
    } catch (error) {
      return log.push(error.constructor.name);
    }
  };
  const hash = ({ memory }) => crypto.createHash('md5').update(new Uint8Array(memory.buffer)).digest('hex');
  const make = () => {
    const memory = new W.Memory({ initial: 3 });
    const t = new W.Table({ element: 'anyfunc', initial: 9 });
    const instance = attempt(() => new W.Instance(module, { m: { n: 7, memory, t } }));
    const peek = t.get(0);
    if (peek !== null) log.push([0, 999, 1000, 1001, 50_000, 100_999, 101_000].map((at) => peek(at)));
    return instance.exports;
  };
  const change = (e, k) => {
    log.push(hash(e));
    for (const at of [0, 999, 1000, 5000 + k, 50_000, 101_000, 120_000]) {
      log.push(e.peek(at));
      e.poke(at, k);
    }
    log.push(
      hash(e),
      attempt(() => e.grow(k)),
      hash(e),
    );
    for (const name of ['init', 'again']) for (const n of [0, 1, 7]) if (e[name]) attempt(() => e[name](n));
    log.push(
      hash(e),
      attempt(() => e.peek(PAGE * 40)),
    );
  };
  const all = Array.from({ length: 4 }, make);
  for (let round = 0; round < 2; round++) all.forEach((e, k) => e && change(e, 3 * round + k));
  for (let k = 0; k < 100; k++) {
    const e = make();
    if (e && k % 10 === 0) change(e, k % 3);
    if (k % 30 === 29) globalThis.gc?.();
  }
  return log;
}

test.each(Object.entries(MODULES))('%s', (_, text) => {
  const binary = wat(text);
  const expected = observe(wrtTest.builtin, binary);
  expect(expected.length).toBeGreaterThan(100);
  expect(observe(wrtTest.impl, binary)).toEqual(expected);
});

const ours = wrtTest.name === 'builtin' ? test.skip : test;

// Memories of modules with explicit checks have other places, and copies.
let checks;
beforeAll(() => {
  const { features } = wrtTest.impl;
  if (features) checks = features.boundsChecks;
});
afterEach(() => {
  if (checks !== undefined) wrtTest.impl.features.boundsChecks = checks;
});

/** The files of which memories have pages, once for each memory. */
const files = () =>
  fs
    .readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.includes('wrt-data'))
    .map((line) => line.split(/ +/)[4]);

ours('instances share data until they write, if there is much and its place is known', () => {
  const W = wrtTest.impl;
  W.features.boundsChecks = false;
  // Those of other tests may go meanwhile.
  const others = new Set(files());
  const shared = () => files().filter((file) => !others.has(file)).length;
  const kept = [];
  const made = (text, n = 4) => {
    // No other test has made this one's memories.
    const module = new W.Module(wat(text.replace('"peek"', '"look"')));
    const start = shared();
    for (let k = 0; k < n; k++)
      kept.push(new W.Instance(module, { m: { n: 7, memory: new W.Memory({ initial: 3 }) } }));
    return shared() - start;
  };
  expect(made(MODULES['one segment'])).toBe(3); // The first one cannot know that there will be others.
  expect(made(MODULES['segments over one another'])).toBe(3);
  expect(made(MODULES['two memories'])).toBe(0);
  expect(made(MODULES['a memory that is imported'])).toBe(0);
  expect(made(MODULES['a gap'])).toBe(0);
  expect(made('(module (memory 3) (data (i32.const 0) "little"))')).toBe(0);
  W.features.boundsChecks = true;
  expect(made(MODULES['passive segments, too'])).toBe(0);
  expect(shared()).toBe(6);
  expect(kept.length).toBe(28);
});

ours('the files of data leave most to the program', () => {
  const W = wrtTest.impl;
  W.features.boundsChecks = false;
  const binary = wat(MODULES['one segment']);
  const descriptors = () =>
    fs.readdirSync('/proc/self/fd').filter((name) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${name}`).includes('wrt-data');
      } catch {
        return false; // the one by which the directory was read
      }
    }).length;
  const kept = [];
  for (let k = 0; k < 200; k++) {
    const module = new W.Module(Buffer.concat([binary, Buffer.from([0, 4, 1, 97, k >> 7, k & 127])]));
    for (let i = 0; i < 2; i++) kept.push(new W.Instance(module).exports.peek(1000 + k));
    kept.push(module);
  }
  expect(descriptors()).toBe(128);
  expect(
    kept.filter((item) => typeof item === 'number').every((byte, k) => byte === ((((k >> 1) * 37) >> 4) & 255)),
  ).toBe(true);
});
