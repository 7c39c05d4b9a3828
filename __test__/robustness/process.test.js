'use strict';

// How processes and threads end.

const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { promisify } = require('node:util');
const wat = require('../support/wat');
const { run, result, SCRIPT } = require('./scenario');

test.each(['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL'])('a %s from outside still ends the process', async (signal) => {
  const end = await run('kill', { args: [0, signal] });
  expect(end).toMatchObject({ code: null, signal, stdout: 'before\n' });
});

test('process.exit inside of an import', async () => {
  expect(await run('exitInImport')).toMatchObject({ code: 7, signal: null, stderr: '' });
});

test('an uncaught trap', async () => {
  const { code, signal, stderr } = await run('uncaughtTrap');
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toMatch(/RuntimeError: unreachable/);
});

test('an uncaught exception of an import', async () => {
  const { code, signal, stderr } = await run('uncaughtThrow');
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toMatch(/TypeError: from the import/);
});

test('eight workers at once', async () => {
  const { results } = await result('workers', 8);
  expect(results).toEqual(Array.from({ length: 8 }, (_, i) => ({ code: 0, result: { sum: 3000 * i, nested: 100 } })));
});

test('workers that exit inside of an import', async () => {
  const { codes } = await result('exitingWorkers', 8);
  expect(codes).toEqual(Array(8).fill(3));
});

test('worker.terminate ends a loop of the guest', async () => {
  const { slowest } = await result('terminate', 5);
  expect(slowest).toBeLessThan(1000);
});

test('a timeout of vm ends a loop of the guest', async () => {
  const { slowest } = await result('timeout', 5);
  expect(slowest).toBeLessThan(1000);
});

test.each([['--cpu-prof'], ['--cpu-prof', '--cpu-prof-interval=100'], ['--heap-prof']])(
  'under the profiler: %s %s',
  async (...flags) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-profile-'));
    try {
      const nodeArgs = flags.filter((flag) => typeof flag === 'string' && flag.startsWith('--'));
      expect(await result('profiled', 500, { nodeArgs, cwd: folder })).toEqual({ done: true });
      expect(fs.readdirSync(folder)).toHaveLength(1);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  },
);

test.each([['--no-opt'], ['--stress-compaction', '--expose-gc'], ['--disallow-code-generation-from-strings']])(
  'with node %s',
  async (...flags) => {
    const nodeArgs = flags.filter((flag) => typeof flag === 'string' && flag.startsWith('--'));
    expect(await result('overflowsNested', 20, { nodeArgs })).toEqual({ errors: 20 });
    expect(await result('bothEngines', 200, { nodeArgs })).toMatchObject({ result: [42, 42] });
  },
);

// V8 needs its reservations of 8 GiB; the engine falls back to bounds checks.
if (wrtTest.name !== 'builtin') {
  test('with little address space', async () => {
    const bytes = wat`(module (import "m" "mem" (memory 2))
      (func (export "load") (param i32) (result i32) (i32.load offset=4 (local.get 0)))
      (func (export "grow") (result i32) (memory.grow (i32.const 3))))`;
    const env = { ...process.env, WRT_SCENARIO_WASM: Buffer.from(bytes).toString('base64') };
    const args = ['-c', 'ulimit -v 6000000 && exec "$0" "$1" littleAddressSpace', process.execPath, SCRIPT];
    const { stdout } = await promisify(execFile)('sh', args, { env, timeout: 60_000 });
    expect(JSON.parse(stdout)).toEqual({ done: 20 });
  });
}
