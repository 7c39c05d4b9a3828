'use strict';

const { same, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const EMPTY = wat`(module)`;
const RICH = wat`(module
  (import "env" "f" (func (param i32)))
  (import "env" "g" (global i64))
  (import "" "t" (table 1 externref))
  (import "env" "m" (memory 1 2))
  (func (export "run") (result f64) f64.const 1)
  (func (export "ünï \u{1F600}"))
  (global (export "answer") i32 (i32.const 42))
  (export "memory" (memory 0))
  (export "table" (table 0))
  (export "g" (global 0)))`;

/** Appends custom sections to a module. */
const withSections = (bytes, sections) => {
  const out = [...bytes];
  for (const [name, content] of sections) {
    const label = [...new TextEncoder().encode(name)];
    out.push(0, 1 + label.length + content.length, label.length, ...label, ...content);
  }
  return Uint8Array.from(out);
};

const NOT_BYTES = {
  nothing: undefined,
  null: null,
  number: 7,
  string: '\0asm',
  array: [0, 97, 115, 109, 1, 0, 0, 0],
  object: { byteLength: 8 },
  'empty buffer': new ArrayBuffer(0),
  'empty view': new Uint8Array(),
};
same.each(NOT_BYTES)('no bytes', async (W, log, value) => {
  log.try(() => new W.Module(value));
  log.try(() => W.validate(value));
  await log.settled(() => W.compile(value));
  await log.settled(() => W.instantiate(value));
});

same('what has bytes', (W, log) => {
  const padded = new Uint8Array([9, 9, 9, ...EMPTY, 9]);
  const shared = new Uint8Array(new SharedArrayBuffer(EMPTY.length));
  shared.set(EMPTY);
  const sources = {
    buffer: EMPTY.buffer,
    view: padded.subarray(3, 3 + EMPTY.length),
    Int16Array: new Int16Array(EMPTY.buffer, 0, EMPTY.length >> 1),
    DataView: new DataView(padded.buffer, 3, EMPTY.length),
    Buffer: Buffer.from(EMPTY),
    shared,
    'shared buffer': shared.buffer,
    more: padded,
  };
  for (const [name, source] of Object.entries(sources)) {
    log.try(() => W.validate(source), { as: name });
    log.try(() => new W.Module(source), { as: name });
  }
});

same('bad modules', async (W, log) => {
  const bad = [
    [0],
    [0, 97, 115, 109],
    [0, 97, 115, 109, 2, 0, 0, 0],
    [...EMPTY, 1],
    [...EMPTY, 99, 0],
    [...EMPTY, 3, 2, 1, 0],
    [...RICH.slice(0, RICH.length - 1)],
  ];
  for (const bytes of bad.map((b) => Uint8Array.from(b))) {
    log(W.validate(bytes));
    log.try(() => new W.Module(bytes));
    await log.settled(() => W.compile(bytes));
    await log.settled(() => W.instantiate(bytes, {}));
  }
});

same('the errors of compiling say which function was called', async (W, log) => {
  const prefix = (e) => log(/^WebAssembly\.\w+\(\)/.exec(e.message)?.[0], e instanceof W.CompileError);
  const bad = Uint8Array.of(0, 97, 115, 109, 9, 0, 0, 0);
  try {
    new W.Module(bad);
  } catch (e) {
    prefix(e);
  }
  await W.compile(bad).catch(prefix);
  await W.instantiate(bad).catch(prefix);
});

same('imports and exports', (W, log) => {
  const module = new W.Module(RICH);
  log(W.Module.exports(module));
  log(W.Module.imports(module));
  log(W.Module.exports(module) === W.Module.exports(module));
  log(Object.getOwnPropertyDescriptors(W.Module.exports(module)[0]));
  log(W.Module.exports(new W.Module(EMPTY)), W.Module.imports(new W.Module(EMPTY)));
  for (const f of ['exports', 'imports', 'customSections']) {
    log.try(() => W.Module[f]());
    log.try(() => W.Module[f]({}));
    log.try(() => W.Module[f](new W.Memory({ initial: 0 })));
  }
});

same('custom sections', (W, log) => {
  const bytes = withSections(RICH, [
    ['a', [1, 2, 3]],
    ['', []],
    ['ä', [4]],
    ['a', [5]],
  ]);
  const module = new W.Module(bytes);
  for (const name of ['a', '', 'ä', 'b', null, 'name']) {
    const sections = W.Module.customSections(module, name);
    log(
      name,
      sections,
      sections.map((s) => [...new Uint8Array(s)].join()),
    );
  }
  log.try(() => W.Module.customSections(module));
  log.try(() => W.Module.customSections(module, undefined), { as: 'undefined' });
  log.try(() => W.Module.customSections(module, Symbol('a')));
  log.try(() => W.Module.customSections(module, { toString: () => 'a' }).length);
  const [one] = W.Module.customSections(module, 'a');
  new Uint8Array(one).fill(0);
  log([...new Uint8Array(W.Module.customSections(module, 'a')[0])]);
});

same('bytes may change after compilation', (W, log) => {
  const bytes = wat`(module (func (export "f") (result i32) i32.const 1))`;
  const module = new W.Module(bytes);
  bytes.fill(0);
  log(new W.Instance(module).exports.f());
});

same('objects', (W, log) => {
  const module = new W.Module(EMPTY);
  log(module, Object.keys(module), Object.prototype.toString.call(module), Object.isExtensible(module));
  module.own = 1;
  log(module.own);
  log(new W.Module(EMPTY) === new W.Module(EMPTY));
});

same('more than one memory or table', (W, log) => {
  log(W.validate(wat`(module (table 1 funcref) (table 1 externref))`));
  log(instantiate(W, wat`(module (table (export "a") 1 funcref) (table (export "b") 2 externref))`));
});

same('structured clones of modules', (W, log) => {
  const module = new W.Module(wat`(module (import "m" "f" (func)) (export "g" (func 0)))`);
  const copy = structuredClone(module);
  log(copy === module, copy instanceof W.Module, Object.getPrototypeOf(copy) === W.Module.prototype);
  log(copy.constructor === W.Module, Object.prototype.toString.call(copy), Reflect.ownKeys(copy));
  log(W.Module.imports(copy), W.Module.exports(copy));
  log.try(() => new W.Instance(structuredClone({ in: [copy] }).in[0], { m: { f() {} } }));
  log.try(() => require('node:v8').serialize(module), { text: false });
  class Mine extends W.Module {}
  const mine = new Mine(wat`(module)`);
  log(mine instanceof Mine, structuredClone(mine) instanceof Mine, structuredClone(mine) instanceof W.Module);
});

same('values that are not modules are no instances', (W, log) => {
  const other = new (W === wrtTest.builtin ? Object : wrtTest.builtin.Module)(wat`(module)`);
  for (const value of [other, {}, null, 1, () => {}, W.Module, W.Module.prototype, new Proxy({}, {})]) {
    log(value instanceof W.Module);
    log.try(() => W.Module.exports(value));
  }
  log.try(() => ({}) instanceof Object.create(W.Module)); // Not callable.
});

// What a clone is made of can be forged: a module of V8's with such a section.
(wrtTest.name === 'wrt' ? test : test.skip)('a forged clone is no more than its bytes', () => {
  const W = wrtTest.impl;
  const forge = (contents) => new wrtTest.builtin.Module(withSections(EMPTY, [['wrt', contents]]));
  const bytes = wat`(module (func (export "f") (result i32) (i32.const 7)))`;
  for (let number = 0; number < 20; number++) {
    const clone = forge([number, 0, 0, 0, 0, 0, 0, 0, ...bytes]);
    expect(clone).toBeInstanceOf(W.Module);
    expect(new W.Instance(clone).exports.f()).toBe(7);
  }
  for (const contents of [[], [1, 2, 3], [1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, ...bytes.slice(0, 20)]]) {
    const clone = forge(contents);
    expect(clone).not.toBeInstanceOf(W.Module);
    expect(() => new W.Instance(clone)).toThrow('Argument 0 must be a WebAssembly.Module');
  }
});

// Nodes before 24 have no such class; there it is wrt's own.
same('modules are module sources', (W, log) => {
  const Source = Object.getPrototypeOf(W.Module);
  const { prototype = {} } = Source;
  log(typeof Source, Source.name, Source.length, Reflect.ownKeys(Source).map(String).sort().join());
  log(Object.getPrototypeOf(W.Module.prototype) === prototype, Object.getPrototypeOf(Source) === Function.prototype);
  log(Object.getPrototypeOf(prototype) === Object.prototype, prototype.constructor === Source);
  log.try(() => Source());
  log.try(() => new Source());
  log.try(() => new (class extends Source {})());
  for (const [object, key] of [
    [Source, 'prototype'],
    [prototype, 'constructor'],
    [prototype, Symbol.toStringTag],
  ]) {
    const { value, get, set, ...flags } = Object.getOwnPropertyDescriptor(object, key) ?? {};
    log(typeof value, typeof get, typeof set, get?.name, JSON.stringify(flags));
  }
  const tag = (value) => Reflect.get(prototype, Symbol.toStringTag, value);
  const module = new W.Module(EMPTY);
  log(tag(module), tag(new (class extends W.Module {})(EMPTY)));
  Object.setPrototypeOf(module, null);
  log(tag(module), tag(W.Module.prototype), tag(prototype), tag(Object.create(new W.Module(EMPTY))), tag(1));
});
