'use strict';

// Scenarios of threads, signals and other processes, see scenarios.js.

const childProcess = require('node:child_process');
const cluster = require('node:cluster');
const { once } = require('node:events');
const fs = require('node:fs');
const inspector = require('node:inspector');
const os = require('node:os');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { promisify } = require('node:util');

const pause = promisify(setTimeout);

/** What counts as an end of a worker of storm.js: an exception of its own, or the exit code of its own. */
const ALLOWED = /^(RuntimeError: unreachable|Error: on purpose)/;

module.exports = ({ W, TRAPS, NEST, builtin, caught, check, instantiate, wat }) => {
  const modules = () => {
    const functions = Array.from(
      { length: 200 },
      (_, k) => `(func (export "f${k}") (param i32) (result i32)
        (i32.mul (i32.add (local.get 0) (i32.const 1)) (i32.const ${k + 1})))`,
    );
    return {
      traps: wat(TRAPS),
      nest: wat(NEST),
      many: wat(`(module ${functions.join('')})`),
      loop: wat(`(module (func (export "loop") (param i32) (result i32) (local i32) (loop $l
        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get 1) (local.get 0)))) (local.get 1)))`),
      grow: wat(
        `(module (memory (export "m") 1) (table (export "t") 1 funcref)
        (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "table") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0))))`,
        { reference_types: true },
      ),
    };
  };

  /** Workers that run a guest without end, until `stop` is called. */
  async function running(count) {
    const workers = Array.from({ length: count }, () => {
      const worker = new Worker(require.resolve('./scenarios'), { workerData: { forever: true } });
      return once(worker, 'message').then(() => worker);
    });
    const all = await Promise.all(workers);
    return {
      stop: async () =>
        check(
          (await Promise.all(all.map((w) => w.terminate()))).every((c) => c === 1),
          'codes',
        ),
    };
  }

  return {
    /** Sixteen workers at a time that compile, trap, grow and end at random, for so many seconds and at least two each. */
    async storm(seconds) {
      const shared = modules();
      const end = performance.now() + seconds * 1000;
      const wrong = [];
      let ended = 0;
      const { unreachable, add } = instantiate(TRAPS);
      const next = async (seed) => {
        // Some are terminated while they start or work, and those that would never end. Not others: while one that has ended
        // writes its profile, that would keep Node from it.
        const endless = seed % 4 === 0;
        const worker = new Worker(require.resolve('./storm'), { workerData: { modules: shared, seed, endless } });
        const terminate = (delay) => setTimeout(() => worker.terminate(), delay);
        if (endless) terminate((seed * 7) % 400);
        worker.on('message', (message) => {
          if (message === 'forever') terminate(seed % 40);
          else if (message !== 'running') wrong.push(message);
        });
        worker.on('error', (error) => ALLOWED.test(error) || wrong.push(`${seed}: ${error.stack}`));
        await new Promise((resolve) => worker.on('exit', resolve));
        check(caught(unreachable) instanceof W.RuntimeError && add(seed, 1) === seed + 1, 'the main thread goes on');
        ended++;
      };
      let seed = 0;
      const slot = async () => {
        for (let k = 0; k < 2 || performance.now() < end; k++) await next(++seed);
      };
      await Promise.all(Array.from({ length: 16 }, slot));
      return { wrong, ended };
    },

    /**
     * Two copies of the addon and V8's wasm in one thread, each with a handler for the same signals: `first` says in which
     * order they trap for the first time.
     */
    manyHandlers(count, first) {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-copy-'));
      const root = path.join(__dirname, '..', '..');
      for (const name of ['dist', 'wrt.node', 'package.json']) {
        fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
      }
      const other = () => require(folder);
      const engines = { own: () => W, other, builtin: () => builtin };
      const all = first.split(',').map((name) => {
        const engine = engines[name]();
        const exports = instantiate(TRAPS, {}, engine);
        check(caught(() => exports.load(-1)) instanceof engine.RuntimeError, `${name} traps`);
        return { name, engine, exports };
      });
      fs.rmSync(folder, { recursive: true });
      check(new Set(all.map(({ engine }) => engine)).size === all.length, 'all are different');
      for (let i = 0; i < count; i++) {
        for (const { name, engine, exports } of all) {
          check(caught(() => exports.load(65533 + (i & 3))) instanceof engine.RuntimeError, `${name}: load`);
          check(caught(() => exports.div(0)) instanceof engine.RuntimeError, `${name}: div`);
          check(exports.load(i & 1023) === 0, `${name} works`);
          if (i % 100 === 0) check(caught(exports.deep) instanceof RangeError, `${name}: deep`);
        }
      }
      // Inside one another, in all orders.
      let inner;
      const calls = all.map(({ engine }) => instantiate(NEST, { m: { f: () => inner() } }, engine).f);
      for (const { engine, exports } of all) {
        inner = () => {
          check(caught(() => exports.load(-1)) instanceof engine.RuntimeError, 'an inner trap');
          return 1;
        };
        for (const call of calls) check(call(0) === 2, 'a call around it');
      }
      return { order: all.map(({ name }) => name) };
    },

    /** Both engines trap in many threads at the same time. */
    async trapsEverywhere(count) {
      const text = `const { Worker, workerData: { bytes, count } } = require('node:worker_threads');
        const engines = [WebAssembly, require(${JSON.stringify(require.resolve('../..'))})];
        const all = engines.map((engine) => ({ engine, ...new engine.Instance(new engine.Module(bytes)).exports }));
        for (let i = 0; i < count; i++) for (const { engine, load } of all) {
          try { load(-1); process.exit(4); } catch (error) { if (!(error instanceof engine.RuntimeError)) process.exit(5); }
        }`;
      const workerData = { bytes: wat(TRAPS), count };
      const exits = Array.from({ length: 8 }, () => once(new Worker(text, { eval: true, workerData }), 'exit'));
      return { codes: (await Promise.all(exits)).map(([code]) => code) };
    },

    /** Other processes send signals as fast as they can, some of which JavaScript listens to. */
    async signalStorm(seconds) {
      const heard = {};
      const names = ['SIGCHLD', 'SIGWINCH', 'SIGUSR2', 'SIGCONT', 'SIGHUP'];
      for (const name of names) {
        heard[name] = 0;
        process.on(name, () => heard[name]++);
      }
      const text = `const names = ${JSON.stringify(names)};
        for (;;) for (const name of names) process.kill(${process.pid}, name);`;
      const senders = [1, 2].map(() => childProcess.spawn(process.execPath, ['-e', text], { stdio: 'inherit' }));
      const { forever, deep, load, add } = instantiate(TRAPS);
      const { stop } = await running(2);
      const { loop } = new W.Instance(new W.Module(modules().loop)).exports;
      const end = performance.now() + seconds * 1000;
      let rounds = 0;
      for (; performance.now() < end; rounds++) {
        check(caught(() => W.withDeadline(8, forever))?.code === 'ERR_WRT_DEADLINE', 'a deadline');
        check(loop(100_000) === 100_000, 'a loop');
        for (let i = 0; i < 20; i++) check(caught(() => load(-1)) instanceof W.RuntimeError, 'a trap');
        check(caught(deep) instanceof RangeError, 'an overflow');
        check(add(rounds, 1) === rounds + 1, 'a call');
        // Blocking calls must not see EINTR.
        check(fs.readFileSync('/proc/self/stat', 'utf8').length > 0, 'a read');
        if (rounds % 10 === 0) {
          check(`${childProcess.execFileSync('echo', ['said'])}` === 'said\n', 'a child');
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        }
        await pause(1);
      }
      for (const sender of senders) sender.kill('SIGKILL');
      await stop();
      return { rounds, deaf: names.filter((name) => heard[name] === 0) };
    },

    /** All ways to start a process, from the thread of a guest, inside of it, and while others run. */
    async children(count) {
      const { stop } = await running(2);
      const { forever, add } = instantiate(TRAPS);
      const sync = () => {
        const { status, stdout } = childProcess.spawnSync(process.execPath, ['-p', '1 + 1']);
        check(status === 0 && `${stdout}` === '2\n', 'spawnSync');
        check(`${childProcess.execSync('echo said')}` === 'said\n', 'execSync');
        return 0;
      };
      const { f } = instantiate(NEST, { m: { f: (n) => (n ? f(n - 1) : sync()) } });
      const child = async (started) => {
        const [code, signal] = await once(started, 'exit');
        check(code === 0 && signal === null, `a child ends with ${code ?? signal}`);
      };
      const script = require.resolve('./scenarios');
      for (let i = 0; i < count; i++) {
        check(f(3) === 4, 'from inside');
        const children = [
          child(childProcess.spawn('true')),
          child(childProcess.spawn('sh', ['-c', 'exit 0'], { detached: true })),
          child(childProcess.execFile('true')),
          child(childProcess.fork(script, ['traps', '1000'], { stdio: 'ignore' })),
        ];
        while (caught(() => W.withDeadline(20, forever))?.code !== 'ERR_WRT_DEADLINE');
        await Promise.all(children);
        check(add(i, 1) === i + 1, 'a call');
      }
      await stop();
      return { done: count };
    },

    /** A cluster whose members, primary and all, run guests. */
    async cluster(count) {
      const { forever, unreachable } = instantiate(TRAPS);
      const work = () => {
        check(caught(() => W.withDeadline(20, forever))?.code === 'ERR_WRT_DEADLINE', 'a deadline');
        check(caught(unreachable) instanceof W.RuntimeError, 'a trap');
      };
      if (cluster.isWorker) {
        work();
        process.exit(6);
      }
      const members = Array.from({ length: count }, () => once(cluster.fork(), 'exit'));
      for (let i = 0; i < 10; i++) work();
      return { codes: (await Promise.all(members)).map(([code]) => code) };
    },

    /** The inspector samples every 100 µs, here and in workers, while guests run, trap, overflow and are interrupted. */
    async sampled(seconds) {
      const session = new inspector.Session();
      session.connect();
      const post = promisify(session.post.bind(session));
      await post('Profiler.enable');
      await post('Profiler.setSamplingInterval', { interval: 100 });
      await post('Profiler.start');
      const { stop } = await running(2);
      const { forever, load, deep } = instantiate(TRAPS);
      const { f } = instantiate(NEST, {
        m: { f: (n) => (n ? f(n - 1) : (caught(() => W.withDeadline(6, forever)), 0)) },
      });
      const end = performance.now() + seconds * 1000;
      let k = 0;
      for (; performance.now() < end; k++) {
        const levels = k % 40;
        check(f(levels) === levels + 1, 'nested calls');
        for (let i = 0; i < 200; i++) check(caught(() => load(-1)) instanceof W.RuntimeError, 'a trap');
        check(caught(deep) instanceof RangeError, 'an overflow');
        if (k % 20 === 0) {
          // Each profile is whole.
          const { profile } = await post('Profiler.stop');
          check(profile.samples.length > 0, 'samples');
          await post('Profiler.start');
        }
      }
      await post('Profiler.stop');
      await stop();
      return { done: k > 0 };
    },
  };
};
