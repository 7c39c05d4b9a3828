'use strict';

const { same } = require('../support/compare');
const wat = require('../support/wat');

const MODULE = wat`(module (import "m" "f" (func $f (result i32))) (func (export "g") (result i32) call $f))`;
const BAD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 77);
const IMPORTS = { m: { f: () => 11 } };

same('compile', async (W, log) => {
  const promise = W.compile(MODULE);
  log(Object.prototype.toString.call(promise), promise.constructor.name);
  const module = await promise;
  log(module, new W.Instance(module, IMPORTS).exports.g());
  await log.settled(() => W.compile(BAD));
});

same('instantiate with bytes', async (W, log) => {
  const result = await W.instantiate(MODULE, IMPORTS);
  log(Object.entries(result), Object.getPrototypeOf(result).constructor.name, result.instance.exports.g());
  log(Object.getOwnPropertyDescriptor(result, 'module').writable, result.instance.exports.g());
  await log.settled(() => W.instantiate(BAD, IMPORTS));
  for (const imports of [undefined, null, 5, {}, { m: {} }, { m: { f: 1 } }]) {
    await log.settled(() => W.instantiate(MODULE, imports));
  }
  await log.settled(() => W.instantiate(BAD, 5));
});

same('instantiate with a module', async (W, log) => {
  const module = new W.Module(MODULE);
  const instance = await W.instantiate(module, IMPORTS);
  log(instance, instance instanceof W.Instance, instance.exports.g());
  for (const imports of [undefined, null, 5, {}, { m: {} }, { m: { f: 1 } }]) {
    await log.settled(() => W.instantiate(module, imports));
  }
  const mine = new RangeError('mine');
  const bad = {
    get m() {
      throw mine;
    },
  };
  log(await W.instantiate(module, bad).catch((e) => e === mine));
  log(await W.instantiate(MODULE, bad).catch((e) => e === mine));
});

same('bytes are taken at the call', async (W, log) => {
  for (const call of [(b) => W.compile(b), (b) => W.instantiate(b, IMPORTS)]) {
    const bytes = MODULE.slice();
    const promise = call(bytes);
    bytes.fill(0);
    await log.settled(() => promise);
  }
});

same('a property named then of an instance is not called', async (W, log) => {
  const { instance } = await W.instantiate(wat`(module (func (export "then") unreachable))`);
  log(Object.keys(instance.exports));
});

same('many at once', async (W, log) => {
  const results = await Promise.all(Array.from({ length: 50 }, (_, i) => W.instantiate(MODULE, { m: { f: () => i } })));
  log(results.map(({ instance }) => instance.exports.g()));
});

same('a trap and an exception during instantiation', async (W, log) => {
  const start = wat`(module (import "m" "f" (func $f (result i32))) (func $s (drop (call $f)) unreachable) (start $s))`;
  await log.settled(() => W.instantiate(start, IMPORTS));
  await log.settled(() => W.instantiate(new W.Module(start), IMPORTS));
  const mine = {};
  const throws = {
    m: {
      f() {
        throw mine;
      },
    },
  };
  log(await W.instantiate(start, throws).catch((e) => e === mine));
});

const respond = (body, type = 'application/wasm', init = {}) =>
  new Response(body, { ...init, headers: type === null ? {} : { 'content-type': type } });

same('streaming', async (W, log) => {
  const module = await log.settled(() => W.compileStreaming(respond(MODULE)));
  log(new W.Instance(module, IMPORTS).exports.g());
  await log.settled(() => W.compileStreaming(Promise.resolve(respond(MODULE))));
  const { instance } = await W.instantiateStreaming(respond(MODULE), IMPORTS);
  log(instance.exports.g());
  await log.settled(() => W.instantiateStreaming(respond(MODULE)));
  await log.settled(() => W.instantiateStreaming(respond(BAD)));
});

same('streaming of a body in pieces', async (W, log) => {
  const body = new ReadableStream({
    async start(controller) {
      for (const byte of MODULE) {
        controller.enqueue(Uint8Array.of(byte));
        await null;
      }
      controller.close();
    },
  });
  const { instance } = await W.instantiateStreaming(respond(body), IMPORTS);
  log(instance.exports.g());
  const broken = new ReadableStream({ start: (controller) => controller.error(new RangeError('mine')) });
  await log.settled(() => W.compileStreaming(respond(broken)));
});

const NO_STREAMS = {
  undefined: () => undefined,
  bytes: () => MODULE,
  object: () => ({}),
  'a rejected promise': () => Promise.reject(new RangeError('mine')),
  'another type': () => respond(MODULE, 'text/plain'),
  'no type': () => respond(MODULE, null),
  'a type in capitals': () => respond(MODULE, 'Application/WASM'),
  'a type with a parameter': () => respond(MODULE, 'application/wasm; charset=utf-8'),
  'status 404': () => respond(MODULE, 'application/wasm', { status: 404 }),
  'no body': () => respond(null),
};
same.each(NO_STREAMS)('streaming what is no stream of a module', async (W, log, make) => {
  await log.settled(() => W.compileStreaming(make()), { as: 'compileStreaming' });
  await log.settled(() => W.instantiateStreaming(make(), {}), { as: 'instantiateStreaming' });
});

const inPieces = (...pieces) =>
  respond(
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    }),
  );

same('streaming bodies in pieces of other kinds', async (W, log) => {
  const { buffer } = MODULE.slice();
  await log.settled(() => W.compileStreaming(inPieces(buffer)));
  await log.settled(() => W.compileStreaming(inPieces(new DataView(buffer, 0, 20), new Uint16Array(buffer, 20, 0))));
  await log.settled(() => W.compileStreaming(inPieces(new Uint8Array(0))));
  for (const piece of ['text', 5, null, {}, []]) {
    await log.settled(() => W.compileStreaming(inPieces(piece)), { as: `${piece}` });
    await log.settled(() => W.compileStreaming(inPieces(MODULE.slice(0, 9), piece)), { as: `${piece}` });
  }
});

same('streaming a body that was used', async (W, log) => {
  const response = respond(MODULE);
  await response.arrayBuffer();
  await log.settled(() => W.compileStreaming(response));
});
