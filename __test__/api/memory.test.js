'use strict';

const { same, ours, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const DESCRIPTORS = {
  none: undefined,
  null: null,
  number: 1,
  empty: {},
  'initial 0': { initial: 0 },
  'initial 1': { initial: 1 },
  'initial text': { initial: '2' },
  'initial fraction': { initial: 1.9 },
  'initial -0.5': { initial: -0.5 },
  'initial -1': { initial: -1 },
  'initial NaN': { initial: NaN },
  'initial Infinity': { initial: Infinity },
  'initial bigint': { initial: 1n },
  'initial null': { initial: null },
  'initial symbol': { initial: Symbol('s') },
  'initial object': { initial: { valueOf: () => 3 } },
  'initial throws': {
    get initial() {
      throw new RangeError('mine');
    },
  },
  'initial 65537': { initial: 65537 },
  'initial 2**32': { initial: 2 ** 32 },
  'maximum below': { initial: 2, maximum: 1 },
  'maximum equal': { initial: 2, maximum: 2 },
  'maximum 65536': { initial: 0, maximum: 65536 },
  'maximum 65537': { initial: 0, maximum: 65537 },
  'maximum -1': { initial: 0, maximum: -1 },
  'maximum undefined': { initial: 1, maximum: undefined },
  'maximum null': { initial: 0, maximum: null },
  'shared undefined': { initial: 1, shared: undefined },
};
same.each(DESCRIPTORS)('new Memory', (W, log, descriptor) => {
  const memory = log.try(() => new W.Memory(descriptor));
  if (memory) log(memory.buffer, Object.isExtensible(memory.buffer));
});

same('the order in which a descriptor is read', (W, log) => {
  const seen = [];
  const watch = (values) =>
    new Proxy(values, {
      get: (t, k) => (seen.push(`get ${String(k)}`), t[k]),
      has: (t, k) => (seen.push(`has ${String(k)}`), k in t),
    });
  const number = (name, n) => ({ valueOf: () => (seen.push(`convert ${name}`), n) });
  log.try(() => new W.Memory(watch({ initial: number('initial', 1), maximum: number('maximum', 2) })));
  const memory = seen.splice(0).filter((s) => /initial|maximum/.test(s));
  log(memory);
  log.try(
    () => new W.Table(watch({ element: 'anyfunc', initial: number('initial', 1), maximum: number('maximum', 2) })),
  );
  log(seen.splice(0).filter((s) => /initial|maximum|element/.test(s)));
  log.try(() => new W.Global(watch({ value: 'i32', mutable: true }), number('value', 3)));
  log(seen.splice(0).filter((s) => /value|mutable/.test(s)));
});

same('buffer and grow', (W, log) => {
  const memory = new W.Memory({ initial: 1, maximum: 4 });
  const first = memory.buffer;
  log(memory.buffer === first);
  new Uint8Array(first)[5] = 42;
  log(memory.grow(1), first.byteLength, memory.buffer === first, memory.buffer.byteLength);
  log(new Uint8Array(memory.buffer)[5]);
  const second = memory.buffer;
  log(memory.grow(0), second.byteLength, memory.buffer === second, memory.buffer);
  for (const delta of [3, -1, 2 ** 32, 1.5, '1', NaN, undefined, null, 1n, Symbol('s'), 70000]) {
    log.try(() => memory.grow(delta));
    log(memory.buffer);
  }
  log.try(() => memory.grow());
});

same('growth by the guest detaches the old buffer', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module (import "m" "look" (func $look)) (memory (export "memory") 1 3)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)) call $look)
      (func (export "size") (result i32) memory.size)
      (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
      (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))`,
    { m: { look: () => log('in the import', old.byteLength, exports.memory.buffer) } },
  );
  let old = exports.memory.buffer;
  log(exports.grow(1), old.byteLength, exports.memory.buffer, exports.size());
  exports.store(65536, 7);
  log(new Uint8Array(exports.memory.buffer)[65536]);
  new Uint8Array(exports.memory.buffer)[65537] = 9;
  log(exports.load(65537));
  old = exports.memory.buffer;
  log(exports.grow(5), old.byteLength, exports.memory.buffer === old);
  log(exports.grow(0), old.byteLength, exports.memory.buffer === old, exports.memory.buffer);
  log(exports.memory.grow(1), exports.size(), exports.grow(1));
  log.try(() => exports.load(3 * 65536));
  log.try(() => exports.store(-1, 0));
});

same('one memory, two instances', (W, log) => {
  const memory = new W.Memory({ initial: 1 });
  const make = () =>
    instantiate(
      W,
      wat`(module (import "m" "mem" (memory 1))
      (func (export "get") (param i32) (result i32) (i32.load (local.get 0)))
      (func (export "set") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
      (func (export "grow") (result i32) (memory.grow (i32.const 1))))`,
      { m: { mem: memory } },
    );
  const [a, b] = [make(), make()];
  a.set(8, 123);
  log(b.get(8), new Uint32Array(memory.buffer)[2], a.grow(), memory.buffer);
  b.set(65536 + 8, 5);
  log(a.get(65536 + 8), memory.grow(1), a.get(2 * 65536));
});

same('a buffer cannot be detached by others', (W, log) => {
  const memory = new W.Memory({ initial: 1 });
  log.try(() => structuredClone(memory.buffer, { transfer: [memory.buffer] }), { text: false, as: 'clone' }); // Node's text.
  log(memory.buffer.byteLength);
  // Node 18 and 20 have no such method, which is a TypeError, too.
  log.try(() => memory.buffer.transfer(), { text: false });
  log(memory.buffer.byteLength);
  const { port1, port2 } = new MessageChannel();
  log.try(() => port1.postMessage(memory.buffer, [memory.buffer]), { text: false, as: 'post' });
  port1.close();
  port2.close();
  log(memory.buffer.byteLength, new Uint8Array(memory.buffer).length);
});

same('no copies of memories, tables and instances', (W, log) => {
  for (const value of [
    new W.Memory({ initial: 1 }),
    new W.Table({ initial: 1, element: 'anyfunc' }),
    new W.Global({ value: 'i32' }, 1),
    new W.Instance(new W.Module(wat`(module)`)),
  ]) {
    log(value);
    log.try(() => structuredClone(value), { text: false });
  }
});

ours('4 GiB', (W) => {
  const memory = new W.Memory({ initial: 1, maximum: 65536 });
  const { buffer } = memory;
  expect(memory.grow(65535)).toBe(1);
  expect(buffer.byteLength).toBe(0);
  expect(memory.buffer.byteLength).toBe(2 ** 32);
  const view = new Uint8Array(memory.buffer);
  view[2 ** 32 - 1] = 5;
  const { load } = instantiate(
    W,
    wat`(module (import "m" "m" (memory 1)) (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))`,
    { m: { m: memory } },
  );
  expect(load(-1)).toBe(5);
  expect(() => memory.grow(1)).toThrow();
});
