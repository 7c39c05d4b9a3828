'use strict';

// Scenarios of guests that run long, see scenarios.js.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const vm = require('node:vm');
const { Worker, parentPort } = require('node:worker_threads');

module.exports = ({ W, TRAPS, NEST, builtin, caught, check, growth, instantiate }) => ({
  /** Ctrl-C, where somebody waits for it: `vm` ends the script, as the REPL does. */
  breakOnSigint() {
    const { forever, add } = instantiate(TRAPS);
    const context = vm.createContext({ forever });
    fs.writeSync(1, 'running\n');
    const error = caught(() => vm.runInContext('forever()', context, { breakOnSigint: true }));
    check(add(2, 3) === 5, 'a call afterwards');
    return { code: error?.code };
  },

  /** Ctrl-C, where nobody waits for it. */
  forever() {
    const { forever } = instantiate(TRAPS);
    fs.writeSync(1, 'running\n');
    forever();
  },

  /** Where the system has no timer, wasm runs, but nobody may believe that it would be stopped. */
  noTimer() {
    const { forever, add } = instantiate(TRAPS);
    check(add(2, 3) === 5, 'a call');
    const error = caught(() => W.withDeadline(100, forever));
    check(add(2, 3) === 5, 'a call afterwards');
    return { error: `${error}` };
  },

  /** A timeout at each depth of calls that go back and forth, in turns with calls that must not notice. */
  nestedTimeouts(count) {
    const { forever, add } = instantiate(TRAPS);
    let levels = 0;
    const { f } = instantiate(NEST, { m: { f: (n) => (n < levels ? f(n + 1) : forever()) } });
    const context = vm.createContext({ f });
    const grown = growth(count, (i) => {
      levels = i % 30;
      const error = caught(() => vm.runInContext('f(0)', context, { timeout: 15 }));
      check(error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT', `a timeout, not ${error}`);
      check(add(i, 3) === i + 3, 'a call afterwards');
    });
    return { grown };
  },

  /**
   * Many deep activations that timeouts leave behind within one job, under and between live ones: they must not
   * take the room of others.
   */
  abandoned(count) {
    const { forever, add } = instantiate(TRAPS);
    const { deep } = instantiate(`(module (func $deep (export "deep") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))`);
    let end = forever;
    const levels = 600;
    const { f } = instantiate(NEST, { m: { f: (n) => (n < levels ? f(n + 1) : end()) } });
    const context = vm.createContext({ f });
    const round = (i) => {
      end = forever;
      const error = caught(() => vm.runInContext('f(0)', context, { timeout: 12 }));
      check(error?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT', `a timeout, not ${error}`);
      check(add(i, 3) === i + 3, 'a call afterwards');
      if (i % 8 !== 0) return;
      // Live ones above the abandoned ones, and more of those above them.
      end = () => (outer++ < 2 ? round(i + 1) : 7);
      let outer = 0;
      f(0);
      check(deep(4000) === 4000, 'a deep call afterwards');
    };
    const { f: within } = instantiate(NEST, { m: { f: (n) => (n < 20 ? within(n + 1) : rounds()) } });
    const rounds = () => {
      for (let i = 0; i < count; i++) round(i);
    };
    rounds();
    within(0);
    check(add(2, 3) === 5, 'a call at the end');
    return { done: count };
  },

  /** Long-running guests inside one another, interrupted many times, with values to keep. */
  interruptedNested(count) {
    const text = `(module (import "m" "f" (func $f (param i32 i64 externref) (result i64)))
      (func (export "run") (param $depth i32) (param $seed i64) (param $ref externref) (result i64)
        (local $n i32) (local $h i64)
        (local.set $n (i32.const 1500000)) (local.set $h (local.get $seed))
        (loop $l
          (local.set $h (i64.add (i64.rotl (i64.mul (local.get $h) (i64.const 31)) (i64.const 7)) (i64.extend_i32_u (local.get $n))))
          (if (i32.eqz (i32.rem_u (local.get $n) (i32.const 500000)))
            (then (local.set $h (i64.xor (local.get $h) (call $f (local.get $depth) (local.get $h) (local.get $ref))))))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $l (local.get $n)))
        (local.get $h)))`;
    const results = [builtin, W].map((engine) => {
      const token = { engine };
      const { run } = instantiate(
        text,
        {
          m: {
            f(depth, seed, ref) {
              check(ref === token, 'the reference');
              for (let i = 0; i < 3000; i++) if (depth === 3) step({ i });
              return depth < 3 ? run(depth + 1, seed, ref) : seed ^ 5n;
            },
          },
        },
        engine,
      );
      const { step } = instantiate(
        '(module (func (export "step") (param externref) (result externref) (local.get 0)))',
        {},
        engine,
      );
      return Array.from({ length: count }, (_, i) => `${run(0, BigInt(i), token)}`);
    });
    check(results[0].join() === results[1].join(), 'the same results');
    return { done: results[1].length };
  },

  /** A debugger in another thread evaluates while a guest runs. */
  async debugged() {
    const { forever, add } = instantiate(TRAPS);
    const table = new W.Table({ element: 'anyfunc', initial: 2 });
    globalThis.evaluated = () => {
      const errors = [() => add(1, 2), () => table.set(0, add), () => table.grow(1)].map((f) => caught(f)?.message);
      return JSON.stringify({ errors, get: table.get(0) });
    };
    const worker = new Worker(
      `const { Session } = require('node:inspector');
      const { parentPort } = require('node:worker_threads');
      const session = new Session();
      session.connectToMainThread();
      setInterval(() => {}, 1000);
      parentPort.postMessage('ready');
      setTimeout(() => session.post('Runtime.evaluate', { expression: 'globalThis.evaluated()' }, (error, answer) =>
        parentPort.postMessage(error ?? answer.result.value)), 200);`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    const error = caught(() => W.withDeadline(1000, forever));
    check(error?.code === 'ERR_WRT_DEADLINE', `a deadline, not ${error}`);
    check(add(2, 3) === 5, 'a call afterwards');
    table.set(0, add);
    const answer = await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    return JSON.parse(answer);
  },

  /** What a worker of `chaos` does until it is terminated. */
  busyWorker() {
    const { forever, unreachable, deep, add } = instantiate(TRAPS);
    const { f } = instantiate(NEST, {
      m: { f: (n) => (n > 0 ? f(n - 1) : caught(() => W.withDeadline(6, forever)) && 0) },
    });
    parentPort.postMessage('running');
    for (let i = 0; ; i++) {
      check(f(i % 20) === (i % 20) + 1, 'nested calls around a deadline');
      check(caught(unreachable) instanceof W.RuntimeError, 'a trap');
      if (i % 5 === 0) check(caught(deep) instanceof RangeError, 'an overflow');
      check(add(i, 1) === i + 1, 'a call');
    }
  },

  /** Sixteen workers that loop, trap, overflow and are terminated at random. */
  async chaos(count) {
    let ended = 0;
    const one = async (seed) => {
      for (let i = seed; i < count; i += 16) {
        const worker = new Worker(require.resolve('./scenarios'), { workerData: { chaos: true } });
        let error;
        worker.on('error', (e) => (error = e));
        await new Promise((resolve) => worker.once('message', resolve));
        await new Promise((resolve) => setTimeout(resolve, (i * 37) % 400));
        check((await worker.terminate()) === 1, 'terminated');
        check(error === undefined, error);
        ended++;
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, seed) => one(seed)));
    return { ended };
  },

  /** Deadlines, one after the other. */
  deadlines(count) {
    const { forever, add } = instantiate(TRAPS);
    const times = [];
    const grown = growth(count, (i) => {
      const start = performance.now();
      const error = caught(() => W.withDeadline(8, forever));
      times.push(performance.now() - start);
      check(error?.code === 'ERR_WRT_DEADLINE', `a deadline, not ${error}`);
      check(add(i, 3) === i + 3, 'a call afterwards');
    });
    return { grown, slowest: Math.round(Math.max(...times)) };
  },

  /** Signals of others while guests run long. */
  async signals(count) {
    const { forever } = instantiate(TRAPS);
    const exits = Array.from({ length: count }, () => new Promise((resolve) => spawn('true').on('exit', resolve)));
    for (let i = 0; i < count; i++) {
      const error = caught(() => W.withDeadline(10, forever));
      check(error?.code === 'ERR_WRT_DEADLINE', `a deadline, not ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      // A blocking call must not be disturbed.
      check(fs.readFileSync('/proc/self/stat', 'utf8').length > 0, 'a read');
    }
    return { codes: [...new Set(await Promise.all(exits))] };
  },
});
