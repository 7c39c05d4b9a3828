'use strict';

const { same, ours } = require('../support/compare');

const INTERFACES = ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception'];
const ERRORS = ['CompileError', 'LinkError', 'RuntimeError'];
const FUNCTIONS = ['validate', 'compile', 'instantiate', 'compileStreaming', 'instantiateStreaming'];
// V8 has these beyond the standard, except the last two, which are ours.
const EXTRA = /^(JSTag|Suspending|SuspendError|promising|Function|type|newDataSegment|withDeadline|withLimits)$/;

// wrt has these beyond the standard, all documented in index.d.ts. They do not show in listings: none is enumerable,
// but for the methods of a proposal.
const EXTENSIONS = {
  namespace: [
    'Function',
    'enableCompileCache',
    'features',
    'flushCompileCache',
    'getCompileCacheDir',
    'getCompileCacheStatus',
    'limits',
    'setCodeGenerationPolicy',
    'stats',
  ],
  Module: ['deserialize', 'serialize', 'Symbol(Symbol.hasInstance)'],
  Memory: ['Symbol(Symbol.hasInstance)'],
  'Memory.prototype': ['type'],
  'Table.prototype': ['type'],
  'Global.prototype': ['type'],
  'Tag.prototype': ['type'],
};
const extensionsOf = (W, place) => (W === wrtTest.builtin ? [] : (EXTENSIONS[place] ?? []));

const keyName = (key) => (typeof key === 'symbol' ? key.toString() : key);
const shape = (W, object, place) =>
  Reflect.ownKeys(object)
    .filter((key) => !extensionsOf(W, place).includes(keyName(key)))
    .filter((key) => !EXTRA.test(keyName(key)) && !/^(stack|captureStackTrace|stackTraceLimit)$/.test(keyName(key)))
    .map((key) => {
      const d = Object.getOwnPropertyDescriptor(object, key);
      const flags = `${d.enumerable ? 'e' : '-'}${d.configurable ? 'c' : '-'}${'value' in d ? (d.writable ? 'w' : '-') : 'a'}`;
      const parts = [keyName(key), flags];
      for (const f of [d.get, d.set, d.value]) {
        if (typeof f === 'function') parts.push(f.name, f.length, Object.hasOwn(f, 'prototype'));
      }
      if (typeof d.value === 'string') parts.push(d.value);
      return parts.join(' ');
    })
    .sort();

same('the namespace has the members of the standard', (W, log) => {
  for (const line of shape(W, W, 'namespace')) log(line);
  log(Object.prototype.toString.call(W), typeof W, Object.isExtensible(W));
  log(Object.getPrototypeOf(Object.getPrototypeOf(W)) === null);
});

same.each(Object.fromEntries(INTERFACES.map((n) => [n, n])))('interface', (W, log, name) => {
  for (const line of shape(W, W[name], name)) if (!/^(arguments|caller) /.test(line)) log(line);
  for (const line of shape(W, W[name].prototype, `${name}.prototype`)) log(`prototype: ${line}`);
  log(W[name].prototype.constructor === W[name]);
  log.try(() => W[name]());
  log.try(() => new W[name]());
  log.try(() => W[name].call({}, {}));
});

same.each(Object.fromEntries(FUNCTIONS.map((n) => [n, n])))('function', async (W, log, name) => {
  log(W[name].name, W[name].length, Object.hasOwn(W[name], 'prototype'));
  log.try(() => new W[name](new Uint8Array()));
  await log.settled(() => W[name].call(undefined));
});

same('methods and accessors refuse other receivers', (W, log) => {
  for (const name of ['Instance', 'Memory', 'Table', 'Global']) {
    const { prototype } = W[name];
    for (const key of Object.getOwnPropertyNames(prototype).sort()) {
      if (key === 'constructor' || key === 'type') continue;
      const { get, set, value } = Object.getOwnPropertyDescriptor(prototype, key);
      for (const f of [get, set, value]) {
        if (typeof f !== 'function') continue;
        log(name, key);
        for (const receiver of [undefined, null, {}, prototype, new W.Memory({ initial: 0 })]) {
          if (name === 'Memory' && receiver instanceof W.Memory && receiver !== prototype) continue;
          log.try(() => f.call(receiver, 0));
        }
      }
    }
  }
});

same('subclasses', (W, log) => {
  class Mine extends W.Memory {
    pages() {
      return this.buffer.byteLength >> 16;
    }
  }
  const memory = new Mine({ initial: 2 });
  log(memory.pages(), memory instanceof Mine, memory instanceof W.Memory, memory.grow(1), memory.pages());
  log(Object.getPrototypeOf(Reflect.construct(W.Global, [{ value: 'i32' }, 5], Mine)) === Mine.prototype);
});

same.each(Object.fromEntries(ERRORS.map((n) => [n, n])))('error', (W, log, name) => {
  const Type = W[name];
  log(Type.name, Type.length, Object.getPrototypeOf(Type).name, Object.getPrototypeOf(Type.prototype).name);
  for (const line of shape(W, Type.prototype, `${name}.prototype`)) log(line);
  const cause = {};
  for (const error of [new Type(), new Type('text'), Type('called'), new Type('x', { cause }), new Type(undefined)]) {
    log(error.name, error.message, String(error), Object.prototype.toString.call(error), error instanceof Type);
    log(Object.hasOwn(error, 'message'), Object.hasOwn(error, 'cause'), error.cause === cause, typeof error.stack);
    log(error.stack.split('\n')[0]);
  }
  log.try(() => new Type(Symbol('no text')));
});

const onlyOurs = wrtTest.name === 'wrt' ? ours : test.skip;

onlyOurs('extensions are there and do not show', (W) => {
  const places = { namespace: W, Module: W.Module };
  for (const name of ['Memory', 'Table', 'Global']) places[`${name}.prototype`] = W[name].prototype;
  for (const [place, object] of Object.entries(places)) {
    const keys = Reflect.ownKeys(object).filter((key) => EXTENSIONS[place].includes(keyName(key)));
    expect(keys.map(keyName).sort()).toEqual([...EXTENSIONS[place]].sort());
    for (const key of keys) expect(Object.keys(object).includes(key)).toBe(key === 'type');
  }
  expect(Object.keys(W)).toEqual(Object.keys(wrtTest.builtin).filter((name) => name !== 'promising'));
});

ours('nothing is put on globalThis and V8 keeps its own', (W) => {
  expect(wrtTest.builtin.Module.name).toBe('Module');
  if (wrtTest.name === 'builtin') return;
  expect(W).not.toBe(wrtTest.builtin);
  expect(W.Module).not.toBe(wrtTest.builtin.Module);
});
