'use strict';

// Compiled code that outlives the process: images, and the directory that keeps them.

const { execFile, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const { node } = require('../support/child');
const wat = require('../support/wat');

// All of it is wrt's own.
const only = process.env.WRT_TEST_IMPL ? test.skip : test;
const FULL = Boolean(process.env.WRT_TEST_FULL);
const PROGRAM = path.join(__dirname, 'program.js');
const wrt = require('../..');

let directory;
beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-cache-'))));
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

/** Runs the program; what it says. */
async function program(where = directory, rounds = 50, ...more) {
  const { code, signal, stdout, stderr } = await node([PROGRAM, where, String(rounds), ...more]);
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

const images = () => fs.readdirSync(directory).filter((name) => name.endsWith('.wrt'));
const imageFile = () => path.join(directory, images()[0]);

/** A module with many functions, some with loops, calls, tables, traps and SIMD; it has been run. */
function sample() {
  const functions = Array.from(
    { length: 20 },
    (_, i) => `(func $f${i} (export "f${i}") (param i32) (result i32) (local i32)
      (loop $l (local.set 1 (i32.add (local.get 1) (i32.mul (local.get 0) (i32.const ${i + 1}))))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (i32.gt_s (local.get 0) (i32.const 0))))
      (local.get 1))`,
  );
  const bytes = wat(`(module (type $t (func (param i32) (result i32)))
    (table funcref (elem ${functions.map((_, i) => `$f${i}`).join(' ')})) (memory 1)
    ${functions.join('\n')}
    (func (export "via") (param i32 i32) (result i32) (call_indirect (type $t) (local.get 1) (local.get 0)))
    (func (export "trap") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "never") (result i32) (i32.const 12345)))`);
  const run = (module) => {
    const { exports } = new wrt.Instance(module);
    const values = Array.from({ length: 20 }, (_, i) => [exports[`f${i}`](10 + i), exports.via(i, 20)]);
    let trap;
    try {
      exports.trap(65_533);
    } catch (error) {
      trap = `${error}`;
    }
    return JSON.stringify([values, trap, exports.trap(0)]);
  };
  return { bytes, run };
}

/** A module of functions `f0`, `f1`..., each with 20,000 additions of 7 to what it is given. */
function longFunctions(count) {
  const number = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...number(n >>> 7)]);
  const section = (id, bytes) => [id, ...number(bytes.length), ...bytes];
  const each = (item) => [...number(count), ...Array.from({ length: count }, (_, i) => item(i)).flat()];
  // local.get 0, i32.const 7, i32.add, local.set 0
  const additions = Array.from({ length: 20_000 }, () => [0x20, 0, 0x41, 7, 0x6a, 0x21, 0]).flat();
  const body = [0, ...additions, 0x20, 0, 0x0b];
  const code = Buffer.concat([
    Buffer.from(number(count)),
    ...Array.from({ length: count }, () => Buffer.from([...number(body.length), ...body])),
  ]);
  const name = (i) => [...Buffer.from(`f${i}`)];
  return Buffer.concat([
    Buffer.from([
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]),
      ...section(
        3,
        each(() => 0),
      ),
    ]),
    Buffer.from(
      section(
        7,
        each((i) => [name(i).length, ...name(i), 0, i]),
      ),
    ),
    Buffer.from([10, ...number(code.length)]),
    code,
  ]);
}

describe('images', () => {
  only('code runs that another module had compiled, and what is not in the image is compiled', () => {
    const { bytes, run } = sample();
    const module = new wrt.Module(bytes);
    const expected = run(module);
    expect(expected).toContain('RuntimeError: memory access out of bounds');
    const image = wrt.Module.serialize(module);
    expect(image.byteLength).toBeGreaterThan(4096);
    const again = wrt.Module.deserialize(image, bytes);
    expect(again).toBeInstanceOf(wrt.Module);
    expect(run(again)).toBe(expected);
    expect(new wrt.Instance(again).exports.never()).toBe(12345);
    // The code was taken over: the copy has all that the first one had, and "never" besides.
    expect(wrt.Module.serialize(again).byteLength).toBeGreaterThanOrEqual(image.byteLength);
  });

  only('every byte of an image counts', () => {
    const { bytes, run } = sample();
    const module = new wrt.Module(bytes);
    const expected = run(module);
    const image = new Uint8Array(wrt.Module.serialize(module));
    for (let i = 0; i < image.length; i += FULL ? 1 : 7) {
      image[i] ^= 1 << (i % 8);
      expect(() => wrt.Module.deserialize(image, bytes)).toThrow(wrt.CompileError);
      image[i] ^= 1 << (i % 8);
    }
    for (const length of [0, 1, 50, 95, 96, 4096, image.length - 1]) {
      expect(() => wrt.Module.deserialize(image.subarray(0, length), bytes)).toThrow(wrt.CompileError);
    }
    const longer = new Uint8Array(image.length + 1);
    longer.set(image);
    expect(() => wrt.Module.deserialize(longer, bytes)).toThrow(/the image of the code is refused: it is damaged/);
    expect(run(wrt.Module.deserialize(image, bytes))).toBe(expected);
  });

  only('an image belongs to its bytes', () => {
    const { bytes, run } = sample();
    const module = new wrt.Module(bytes);
    run(module);
    const image = wrt.Module.serialize(module);
    const others = wat`(module (func (export "f")))`;
    expect(() => wrt.Module.deserialize(image, others)).toThrow(
      'WebAssembly.Module.deserialize(): the image of the code is refused: ' +
        'it was made by another version of wrt, on another kind of machine, or from other bytes',
    );
    expect(() => wrt.Module.deserialize(image, new Uint8Array(8))).toThrow(wrt.CompileError);
    expect(() => wrt.Module.deserialize(1, bytes)).toThrow(TypeError);
    expect(() => wrt.Module.serialize({})).toThrow(TypeError);
  });
});

describe('the cache', () => {
  only('a miss, then hits; the result is the same', async () => {
    const first = await program();
    expect(first.cache).toEqual({ status: 'miss' });
    const [name] = images();
    expect(fs.readdirSync(directory)).toEqual([name]);
    expect(fs.statSync(imageFile()).mode & 0o777).toBe(0o600);
    const image = fs.readFileSync(imageFile());
    expect(await program()).toEqual({ result: first.result, cache: { status: 'hit' } });
    // A few more functions are called now. That is not worth an image by itself.
    const more = await program(directory, 2000, 'flush');
    expect(more.cache).toEqual({ status: 'hit' });
    expect(fs.readFileSync(imageFile()).equals(image)).toBe(false);
    expect(await program(directory, 2000)).toEqual(more);
  });

  only('a damaged image is refused with the reason, and replaced', async () => {
    const { result } = await program();
    const good = fs.readFileSync(imageFile());
    const damages = [
      Buffer.alloc(0),
      Buffer.from('no image'),
      good.subarray(0, 5000),
      Buffer.concat([good, good]),
      ...Array.from({ length: FULL ? 60 : 4 }, (_, k) => {
        const bad = Buffer.from(good);
        bad[(k * 999_983) % bad.length] ^= 0x10;
        return bad;
      }),
    ];
    for (const bad of damages) {
      fs.writeFileSync(imageFile(), bad);
      const { result: now, cache } = await program();
      expect(now).toBe(result);
      expect(cache).toEqual({ status: 'refused', reason: expect.stringMatching(/^it (is|was|could) /) });
      expect(await program()).toEqual({ result, cache: { status: 'hit' } });
    }
  });

  only('an image that others may write to is refused', async () => {
    const { result } = await program();
    fs.chmodSync(imageFile(), 0o666);
    const { result: now, cache } = await program();
    expect(now).toBe(result);
    expect(cache).toEqual({ status: 'refused', reason: 'somebody else may write to it' });
  });

  only('a directory that others may write to is not used', async () => {
    fs.chmodSync(directory, 0o777);
    const { cache } = await program();
    expect(cache).toEqual({ status: 'failed', message: expect.stringContaining('must belong to the user') });
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  only('a directory that cannot be made', async () => {
    const file = path.join(directory, 'file');
    fs.writeFileSync(file, '');
    const { cache } = await program(path.join(file, 'below'));
    expect(cache).toEqual({ status: 'failed', message: expect.stringMatching(/os error|directory/i) });
  });

  only('many processes at once on a cold directory', async () => {
    const all = await Promise.all(Array.from({ length: FULL ? 100 : 12 }, () => program()));
    expect(new Set(all.map(({ result }) => result)).size).toBe(1);
    expect(images()).toHaveLength(1);
    expect(fs.readdirSync(directory)).toHaveLength(1);
    expect((await program()).cache).toEqual({ status: 'hit' });
  });

  only('processes that are killed at any moment', async () => {
    const { result } = await program(directory, 1);
    for (let round = 0; round < (FULL ? 200 : 12); round++) {
      // Each has more to write than the one before.
      const child = spawn(process.execPath, [PROGRAM, directory, '300'], { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.on('close', resolve));
      setTimeout(() => child.kill('SIGKILL'), 100 + round * (FULL ? 3 : 40));
      await ended;
      if (round % 4 === 0) expect((await program(directory, 1)).result).toBe(result);
    }
    expect(await program(directory, 1)).toEqual({ result, cache: { status: 'hit' } });
    // Whoever writes next removes what they left.
    fs.writeFileSync(path.join(directory, 'left.1-0.draft'), 'a part');
    fs.rmSync(imageFile());
    await program();
    expect(fs.readdirSync(directory)).toEqual(images());
  });

  only('code is written while a guest runs', async () => {
    const child = spawn(process.execPath, [PROGRAM, directory, '1000000'], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (images().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGKILL');
    await ended;
    expect((await program()).cache).toEqual({ status: 'hit' });
  });

  only('no thread waits to write where the cache has all', async () => {
    const file = path.join(directory, 'long.wasm');
    fs.writeFileSync(file, longFunctions(1));
    const text = `const fs = require('fs');
      const wrt = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
      wrt.enableCompileCache(${JSON.stringify(directory)});
      const module = new wrt.Module(fs.readFileSync(${JSON.stringify(file)}));
      const result = new wrt.Instance(module).exports.f0(5);
      const { status } = wrt.getCompileCacheStatus(module);
      const name = (id) => fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8');
      const waits = () => fs.readdirSync('/proc/self/task').some((id) => name(id) === 'wrt-cache\\n');
      // A thread names itself.
      const end = Date.now() + (status === 'miss' ? 30_000 : 100);
      while (!waits() && Date.now() < end);
      console.log(status, result, waits());`;
    const outputs = [];
    for (let k = 0; k < 2; k++) outputs.push((await node(['-e', text])).stdout);
    expect(outputs).toEqual(['miss 140005 true\n', 'hit 140005 false\n']);
  });

  only('much code is written in parts, and together when there are too many', async () => {
    const bytes = longFunctions(60);
    const file = path.join(directory, 'module.wasm');
    fs.writeFileSync(file, bytes);
    const cacheIn = path.join(directory, 'cache');
    // Calls functions FROM to TO, one flush every five; says what was there and how many files there were then.
    const script = `const [root, file, directory, from, to] = process.argv.slice(1);
      const wrt = require(root);
      const fs = require('fs');
      wrt.enableCompileCache(directory);
      const module = new wrt.Module(fs.readFileSync(file));
      const { exports } = new wrt.Instance(module);
      const counts = [];
      for (let i = Number(from); i < Number(to); i++) {
        if (exports['f' + i](1) !== 1 + 20_000 * 7) throw new Error('wrong');
        if (i % 5 < 4) continue;
        wrt.flushCompileCache();
        counts.push(fs.readdirSync(directory).length);
      }
      const { status } = wrt.getCompileCacheStatus(module);
      console.log(JSON.stringify([status, wrt.stats().compile.onDemand.count, counts]))`;
    const run = async (from, to) => {
      const args = ['-e', script, path.join(__dirname, '..', '..'), file, cacheIn, from, to];
      const { stdout, stderr } = await node(args.map(String));
      expect(stderr).toBe('');
      return JSON.parse(stdout);
    };
    // The first file is written again while it is small. There is a thread that writes, too.
    const [status, , counts] = await run(0, 40);
    expect(status).toBe('miss');
    expect(counts[0]).toBe(1);
    expect(Math.max(...counts)).toBeGreaterThan(1);
    expect(Math.max(...counts)).toBeLessThanOrEqual(8);
    // All parts are taken: nothing is compiled.
    expect((await run(0, 40)).slice(0, 2)).toEqual(['hit', 0]);
    // A damaged part is no hit, and is healed.
    const parts = fs.readdirSync(cacheIn);
    fs.truncateSync(path.join(cacheIn, parts.at(-1)), 5000);
    expect((await run(0, 40))[0]).toBe('refused');
    expect((await run(0, 40)).slice(0, 2)).toEqual(['hit', 0]);
    // Never more than eight.
    const [, , later] = await run(40, 60);
    expect(Math.max(...later)).toBeLessThanOrEqual(8);
    for (let from = 40; from < 60; from += 5) await run(from, from + 5);
    expect((await run(0, 60)).slice(0, 2)).toEqual(['hit', 0]);
  });

  only('a disk that is full', async () => {
    // No file may grow beyond 64 KiB, and the signal that says so is ignored: writes fail.
    const script = `trap '' XFSZ; ulimit -f 128; exec "$0" "$@"`;
    const { stdout } = await new Promise((resolve) => {
      execFile('sh', ['-c', script, process.execPath, PROGRAM, directory], (error, out, err) =>
        resolve({ error, stdout: out, stderr: err }),
      );
    });
    const { result, cache } = JSON.parse(stdout);
    expect(cache).toEqual({ status: 'miss' });
    expect(fs.readdirSync(directory)).toEqual([]);
    expect(await program()).toEqual({ result, cache: { status: 'miss' } });
  });

  only('a directory that is read-only', async () => {
    // The superuser may write there all the same, unless that is taken away.
    const [command, ...before] = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override'] : ['env'];
    const readOnly = async () => {
      fs.chmodSync(directory, 0o500);
      const { stdout } = await promisify(execFile)(
        command,
        [...before, process.execPath, PROGRAM, directory, '50', 'flush'],
        {
          encoding: 'utf8',
        },
      ).catch((error) => error);
      fs.chmodSync(directory, 0o700);
      return JSON.parse(stdout);
    };
    const cold = await readOnly();
    expect(cold.cache).toEqual({ status: 'miss' });
    expect(cold.problem).toMatch(/EACCES|Permission denied/);
    expect(fs.readdirSync(directory)).toEqual([]);
    const { result } = await program();
    const names = fs.readdirSync(directory);
    expect(names).toHaveLength(1);
    const warm = await readOnly();
    expect(warm).toMatchObject({ result, cache: { status: 'hit' } });
    expect(cold.result).toBe(result);
    expect(fs.readdirSync(directory)).toEqual(names);
  });

  only('a module that arrives in pieces', async () => {
    // Small modules are not kept, so it has a section of 1,501 bytes as well.
    const section = Buffer.concat([Buffer.of(0, 0xdd, 0x0b, 1, 97), Buffer.alloc(1499)]);
    const file = path.join(directory, 'sample.wasm');
    fs.writeFileSync(file, Buffer.concat([sample().bytes, section]));
    const script = `const wrt = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
      wrt.enableCompileCache(${JSON.stringify(directory)});
      const bytes = require('fs').readFileSync(${JSON.stringify(file)});
      const pieces = Array.from({ length: 10 }, (_, i) => bytes.subarray((i * bytes.length) / 10, ((i + 1) * bytes.length) / 10));
      const body = new ReadableStream({ pull: (c) => (pieces.length > 0 ? c.enqueue(pieces.shift()) : c.close()) });
      const response = new Response(body, { headers: { 'content-type': 'application/wasm' } });
      wrt.compileStreaming(response).then((module) => {
        const { exports } = new wrt.Instance(module);
        console.log(wrt.getCompileCacheStatus(module).status, exports.via(3, 20), wrt.stats().compile.onDemand.count);
        wrt.flushCompileCache();
      });`;
    const run = async () => {
      const { stdout, stderr } = await node(['-e', script]);
      return stdout + stderr;
    };
    const compiled = /^miss 840 [1-9]\d*\n$/;
    expect(await run()).toMatch(compiled);
    expect(await run()).toBe('hit 840 0\n');
  });

  only('by environment, and by wrt/register', async () => {
    const script = `const m = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]));
      const wrt = require(process.argv[2]);
      console.log(WebAssembly === wrt, wrt.getCompileCacheStatus(m).status, wrt.getCompileCacheDir())`;
    const root = path.join(__dirname, '..', '..');
    const args = [
      '-r',
      path.join(root, 'register.js'),
      '-e',
      script,
      require.resolve('sql.js/dist/sql-wasm.wasm'),
      root,
    ];
    const { stdout, stderr } = await node(args, { env: { WRT_CACHE_DIR: directory } });
    expect({ stdout, stderr }).toEqual({ stdout: `true miss ${fs.realpathSync(directory)}\n`, stderr: '' });
  });
});
