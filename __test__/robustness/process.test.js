'use strict';

// How processes and threads end.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, result } = require('./scenario');

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

test('fifty workers that load the addon, one after another', async () => {
  const { grown } = await result('workersInTurn', 50);
  expect(grown).toBeLessThan(60);
});

test('workers with live instances that are terminated', async () => {
  expect(await result('terminateIdle', 10)).toMatchObject({ done: 10 });
});

test('the end of a process with live instances', async () => {
  expect(await run('liveAtExit')).toMatchObject({ code: 0, signal: null, stderr: '' });
});

test.each([['--cpu-prof'], ['--cpu-prof', '--cpu-prof-interval=100'], ['--heap-prof']])(
  'under the profiler: %s %s',
  async (...flags) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-profile-'));
    try {
      const nodeArgs = flags.filter((flag) => typeof flag === 'string' && flag.startsWith('--'));
      expect(await result('profiled', 500, { nodeArgs, cwd: folder })).toMatchObject({ done: true });
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
    expect(await result('overflowsNested', 20, { nodeArgs })).toMatchObject({ errors: 20 });
    expect(await result('bothEngines', 200, { nodeArgs })).toMatchObject({ result: [42, 42] });
  },
);
