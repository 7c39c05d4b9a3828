'use strict';

// Scenarios of JavaScript that does what it can to come between, see scenarios.js.

const asyncHooks = require('node:async_hooks');
const domain = require('node:domain');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');
const { Worker } = require('node:worker_threads');

const GUEST = `(module (import "m" "f" (func $f (param i32) (result i32))) (memory (export "memory") 1 1000)
  (func (export "forever") (loop (br 0)))
  (func (export "call") (param i32) (result i32) (call $f (local.get 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
      (else (i32.const 0))))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))`;

/** As many as end no guest that works. */
const LONG = 100_000;

const tick = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

module.exports = ({ W, wat, caught, check, instantiate }) => {
  const guest = (f = (x) => x) => instantiate(GUEST, { m: { f } });
  const works = ({ add, deep }) => check(add(2, 3) === 5 && deep(100) === 100, 'calls afterwards');
  const late = (error) => check(error?.code === 'ERR_WRT_DEADLINE', `a deadline, not ${error}`);
  const overflow = (error) => check(error instanceof RangeError, `an overflow, not ${error}`);
  const thrown = (f) => {
    try {
      return f();
    } catch (error) {
      return error;
    }
  };

  return {
    /** Deadlines in imports of guests under deadlines, shorter and longer ones. */
    deadlinesInImports() {
      const e = guest((n) => {
        if (n === 0) return 0;
        late(caught(() => W.withDeadline(5, e.forever)));
        return W.withDeadline(LONG, () => e.call(n - 1)) + 1;
      });
      check(W.withDeadline(LONG, () => e.call(20)) === 20, 'the sum');
      let inner;
      const outer = caught(() =>
        W.withDeadline(10, () => {
          inner = caught(() => W.withDeadline(LONG, e.forever));
          throw inner;
        }),
      );
      late(inner);
      check(inner === outer, 'the one error');
      // Between a timeout of vm and another deadline.
      const both = () => {
        late(caught(() => W.withDeadline(5, e.forever)));
        e.forever();
      };
      const timeout = caught(() => vm.runInNewContext('both()', { both }, { timeout: 20 }));
      check(timeout?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT', `a timeout, not ${timeout}`);
      // Until the stack is used up.
      const endless = guest((n) => W.withDeadline(LONG, () => endless.call(n + 1)));
      overflow(caught(() => endless.call(0)));
      [e, endless].forEach(works);
      return {};
    },

    /** Code of the user in the middle of instantiation and of conversions. */
    getters() {
      const module = new W.Module(wat(GUEST));
      const boom = new Error('boom');
      const fail = () => {
        throw boom;
      };
      const make = (imports) => new W.Instance(module, imports).exports;
      for (const imports of [
        { get m() { return fail(); } },
        { m: { get f() { return fail(); } } },
        { m: new Proxy({}, { get: fail }) },
        new Proxy({}, { get: fail }),
      ]) check(caught(() => make(imports)) === boom, 'its own error'); // prettier-ignore
      const nested = {
        get m() {
          works(make({ m: { f() {} } }));
          global.gc();
          return { f: (x) => x + 1 };
        },
      };
      const e = make(nested);
      check(e.call(4) === 5, 'the import');
      const handler = { get: () => new Proxy(() => {}, { apply: (target, self, [x]) => 2 * x }), has: fail };
      check(make({ m: new Proxy({}, handler) }).call(4) === 8, 'a proxy of a function');
      const revoked = Proxy.revocable(() => {}, {});
      const dead = make({ m: { f: revoked.proxy } });
      revoked.revoke();
      check(caught(() => dead.call(1)) instanceof TypeError, 'a revoked import');
      const endless = { get m() { return make(endless); } }; // prettier-ignore
      overflow(caught(() => make(endless)));
      late(caught(() => W.withDeadline(5, () => make({ get m() { return e.forever(); } })))); // prettier-ignore
      for (const value of [Symbol('s'), { valueOf: fail }, 1n, new Proxy({}, { get: fail })]) {
        const bad = make({ m: { f: () => value } });
        check(caught(() => bad.call(1)) instanceof Error, 'no number');
        works(bad);
      }
      return {};
    },

    /** The two stacks run out in turns, and between them V8's own WebAssembly. */
    overflowsInTurns(count) {
      for (let k = 0; k < count; k++) {
        const e = guest((n) => e.call(n + 1));
        overflow(caught(() => e.call(0)));
        const deep = guest((n) => deep.deep(20_000) + deep.call(n + 1));
        overflow(caught(() => deep.call(0)));
        const converted = guest((n) => ({ valueOf: () => converted.call(n + 1) }));
        overflow(caught(() => converted.call(0)));
        let tries = 0;
        const again = guest((n) => {
          if (thrown(() => again.call(n + 1)) instanceof RangeError && tries++ < 500) {
            return thrown(() => again.call(n + 1)) instanceof RangeError ? 1 : 2;
          }
          return 3;
        });
        again.call(0);
        [e, deep, converted, again].forEach(works);
      }
      return {};
    },

    /** Bytes that somebody changes while they are read. */
    async changingBytes(count) {
      const bytes = wat(GUEST);
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      const writer = new Worker(
        `const bytes = require('node:worker_threads').workerData;
        for (;;) {
          const k = Math.floor(Math.random() * bytes.length);
          const byte = bytes[k];
          bytes[k] = Math.random() * 256;
          bytes[k] = byte;
        }`,
        { eval: true, workerData: shared },
      );
      await new Promise((resolve) => writer.once('online', resolve));
      for (let k = 0; k < count; k++) {
        caught(() => W.validate(shared));
        const error = caught(() => works(new W.Instance(new W.Module(shared), { m: { f() {} } }).exports));
        check(!error || /^(Compile|Link|Type|Range|Runtime)?Error$/.test(error.name), `${error}`);
        await W.compile(shared).catch(() => {});
      }
      await writer.terminate();
      const copy = new Uint8Array(bytes);
      const compiled = W.compile(copy);
      copy.fill(0);
      works(new W.Instance(await compiled, { m: { f() {} } }).exports);
      const { buffer } = new Uint8Array(bytes);
      const instantiated = W.instantiate(buffer, { m: { f() {} } });
      structuredClone(buffer, { transfer: [buffer] });
      works((await instantiated).instance.exports);
      return {};
    },

    /** Finalisers that call guests, end them, and make more. */
    async finalizers() {
      const e = guest();
      const module = new W.Module(wat(GUEST));
      let called = 0;
      const registry = new FinalizationRegistry((more) => {
        called++;
        works(e);
        late(caught(() => W.withDeadline(2, e.forever)));
        if (more > 0) registry.register(new W.Instance(module, { m: { f() {} } }), more - 1);
      });
      for (let k = 0; k < 10; k++) registry.register(new W.Instance(module, { m: { f() {} } }), 1);
      for (let k = 0; k < 50 && called < 20; k++) {
        global.gc();
        await tick(2);
      }
      check(called >= 10, `only ${called} were called`);
      works(e);
      return {};
    },

    /** What others put in place of what the language has. */
    async intrinsics() {
      const e = guest();
      const bytes = wat(GUEST);
      const prepare = Error.prepareStackTrace;
      Error.prepareStackTrace = () => {
        works(e);
        caught(() => e.deep(1e9));
        throw new Error('of prepareStackTrace');
      };
      for (let k = 0; k < 5; k++) {
        const error = caught(() => e.deep(1e9));
        caught(() => error.stack);
      }
      Error.prepareStackTrace = prepare;
      Error.stackTraceLimit = 0;
      overflow(caught(() => e.deep(1e9)));
      delete Error.stackTraceLimit;
      overflow(caught(() => e.deep(1e9)));
      Error.stackTraceLimit = 10;
      const inherited = ['get', 'value', 'then', 'done'];
      for (const name of inherited) Object.prototype[name] = () => check(false, `${name} is inherited`);
      const { call } = Function.prototype;
      const iterator = Array.prototype[Symbol.iterator];
      Function.prototype.call = null;
      Array.prototype[Symbol.iterator] = null;
      const found = thrown(() => new W.Instance(new W.Module(bytes), { m: { f: () => 77 } }).exports.call(0));
      Function.prototype.call = call;
      Array.prototype[Symbol.iterator] = iterator;
      check(found === 77, `${found}`);
      for (const name of inherited) delete Object.prototype[name];
      for (const { prototype } of [Object, Function, Array, Map, Set, WeakMap, WeakRef, Promise, Error]) {
        Object.freeze(prototype);
      }
      const frozen = new W.Instance(new W.Module(bytes), { m: { f: (x) => x } }).exports;
      frozen.memory.grow(1);
      check(frozen.memory.buffer.byteLength === 2 << 16 && frozen.call(3) === 3, 'all is frozen');
      overflow(caught(() => frozen.deep(1e9)));
      works((await W.instantiate(bytes, { m: { f() {} } })).instance.exports);
      return {};
    },

    /** Hooks around everything asynchronous, domains, and a process that survives its exceptions. */
    async hooks() {
      let seen = 0;
      const hook = asyncHooks.createHook({ init: () => seen++, before: () => seen++ }).enable();
      const storage = new asyncHooks.AsyncLocalStorage();
      const e = guest(() => storage.getStore());
      check(storage.run(5, () => e.call(1)) === 5, 'what is stored');
      const { instance } = await storage.run(6, () =>
        W.instantiate(wat(GUEST), { m: { f: () => storage.getStore() } }),
      );
      check(storage.run(7, () => instance.exports.call(1)) === 7, 'what is stored now');
      const d = domain.create();
      const inDomain = new Promise((resolve) => d.on('error', resolve));
      d.run(() => setImmediate(() => e.deep(1e9)));
      overflow(await inDomain);
      hook.disable();
      let exceptions = 0;
      await new Promise((resolve) => {
        process.on('uncaughtException', (error) => {
          overflow(error);
          late(caught(() => W.withDeadline(2, e.forever)));
          works(e);
          if (++exceptions === 10) resolve();
          else setImmediate(() => e.deep(1e9));
        });
        setImmediate(() => e.deep(1e9));
      });
      return {};
    },

    /** Snapshots of the heap and collections while guests wait in imports. */
    snapshots(count) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-heap-'));
      const all = Array.from({ length: count }, () => guest());
      all.forEach(({ memory }) => memory.buffer);
      const e = guest((n) => {
        v8.writeHeapSnapshot(path.join(folder, 'heap.heapsnapshot'));
        global.gc();
        return n;
      });
      check(e.call(3) === 3, 'the result');
      fs.rmSync(folder, { recursive: true });
      let lost = guest(() => {
        lost = null;
        global.gc();
        guest();
        return 9;
      });
      const { call } = lost;
      check(call(0) === 9, 'nobody but the call has the instance');
      all.forEach(works);
      return {};
    },

    /** Much that is made and dropped by a program that may have hardly any heap. */
    littleHeap(count) {
      const module = new W.Module(wat(GUEST));
      for (let k = 0; k < count; k++) {
        const e = new W.Instance(module, { m: { f: (x) => x } }).exports;
        check(e.call(k) === k, 'the import');
        if (k % 10 === 0) new Uint8Array(e.memory.buffer)[5] = 1;
        new W.Table({ element: 'anyfunc', initial: 100 }).grow(10);
      }
      return {};
    },

    /** All kinds of work, under limits that the test sets for the process. */
    async underLimits(count) {
      const bytes = wat(GUEST);
      for (let k = 0; k < count; k++) {
        const e = new W.Instance(await W.compile(bytes), { m: { f: (x) => x } }).exports;
        check(e.call(k) === k, 'the import');
        works(e);
        overflow(caught(() => e.deep(1e9)));
        late(caught(() => W.withDeadline(2, e.forever)));
        new W.Memory({ initial: 100 }).grow(1);
      }
      return {};
    },

    /** Workers that end in every bad way while a guest is active. */
    async badEnds() {
      const ends = {
        exit: 'process.exit(5)',
        throws: 'throw new Error("of the worker")',
        memory: 'const all = []; for (;;) all.push(new Array(1e5).fill(Math.random()))',
        overflow: 'e.deep(1e9)',
        endless: 'e.call(x + 1)',
        closes: 'require("node:worker_threads").parentPort.close(); return x',
        promise: 'return new Promise(() => {})',
      };
      const codes = {};
      for (const [name, body] of Object.entries(ends)) {
        const worker = new Worker(
          `const { impl, bytes } = require('node:worker_threads').workerData;
          const W = require(impl);
          const e = new W.Instance(new W.Module(bytes), { m: { f(x) { ${body} } } }).exports;
          e.call(1);`,
          {
            eval: true,
            workerData: { impl: path.join(__dirname, '..', '..'), bytes: wat(GUEST) },
            resourceLimits: { maxOldGenerationSizeMb: 60 },
            stderr: true,
          },
        );
        let error;
        worker.on('error', (e) => (error = e));
        const code = await new Promise((resolve) => worker.on('exit', resolve));
        codes[name] = error ? (error.code ?? error.name) : code;
      }
      works(guest());
      return { codes };
    },

    /** Responses that break off, come in single bytes, are no bytes, or never end. */
    async brokenStreams() {
      const bytes = wat(GUEST);
      const response = (start) => {
        const headers = { 'content-type': 'application/wasm' };
        return new Response(new ReadableStream({ start }), { headers });
      };
      const failure = (promise) => promise.then(() => undefined, (error) => error); // prettier-ignore
      const broken = new Error('broken');
      const found = await failure(
        W.compileStreaming(
          response(async (controller) => {
            controller.enqueue(bytes.slice(0, 20));
            await tick(2);
            controller.error(broken);
          }),
        ),
      );
      check(found instanceof Error, 'a broken stream');
      const single = response((controller) => {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      });
      works((await W.instantiateStreaming(single, { m: { f() {} } })).instance.exports);
      check((await failure(W.compileStreaming(response((c) => c.enqueue('text'))))) instanceof TypeError, 'no bytes');
      for (let k = 0; k < 50; k++) failure(W.compileStreaming(response((c) => c.enqueue(bytes.slice(0, 50)))));
      await tick();
      global.gc();
      works(guest());
      return {};
    },
  };
};
