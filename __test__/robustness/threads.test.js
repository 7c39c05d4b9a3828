'use strict';

// Many threads, handlers of others for the same signals, storms of signals, other processes, profilers.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const report = require('../support/report');
const { FULL, result } = require('./scenario');

const SECONDS = FULL ? 120 : 2;
jest.setTimeout(FULL ? 600_000 : 120_000);
const options = { timeout: FULL ? 590_000 : 110_000 };

/** In a folder of its own, where profilers leave their files; their names. */
async function profiled(nodeArgs, name, count, env) {
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-profile-'));
  try {
    await result(name, count, { ...options, nodeArgs, cwd, env });
    return fs.readdirSync(cwd);
  } finally {
    fs.rmSync(cwd, { recursive: true });
  }
}

if (wrtTest.name === 'wrt') {
  test('sixteen workers that compile, trap, grow and end at random', async () => {
    const { wrong, ended } = await result('storm', SECONDS, options);
    report('workers', `${ended} ended in a storm`);
    expect(wrong).toEqual([]);
    expect(ended).toBeGreaterThanOrEqual(32);
  });

  test.each([['own,other,builtin'], ['other,own,builtin'], ['builtin,own,other'], ['other,builtin,own']])(
    'two copies of the addon and V8 trap in one thread, first %s',
    async (order) => {
      expect(await result('manyHandlers', FULL ? 20_000 : 500, { args: [order] })).toEqual({ order: order.split(',') });
    },
  );

  test('both engines trap in eight threads at once', async () => {
    const { codes } = await result('trapsEverywhere', FULL ? 200_000 : 2000, options);
    expect(codes).toEqual(Array(8).fill(0));
  });

  test.each([[{}], [{ WRT_INTERRUPT_EVERY: '100' }]])('a storm of signals %j', async (env) => {
    expect(await result('signalStorm', SECONDS, { ...options, env })).toMatchObject({ deaf: [] });
  });

  test('processes that are started while guests run', async () => {
    const count = FULL ? 40 : 2;
    expect(await result('children', count, options)).toEqual({ done: count });
  });

  test('a cluster whose members run guests', async () => {
    expect(await result('cluster', 4, options)).toEqual({ codes: Array(4).fill(6) });
  });

  describe('the stack is sampled', () => {
    test('by the inspector, every 100 µs', async () => {
      expect(await result('sampled', SECONDS, options)).toEqual({ done: true });
    });

    const EVERY = ['--cpu-prof', '--cpu-prof-interval=100'];
    test.each([
      ['--cpu-prof', EVERY, {}],
      ['--cpu-prof, of interrupted guests', EVERY, { WRT_INTERRUPT_EVERY: '100' }],
      ['--prof', ['--prof', '--no-logfile-per-isolate'], {}],
    ])('by %s', async (_, nodeArgs, env) => {
      expect((await profiled(nodeArgs, 'storm', SECONDS, env)).length).toBeGreaterThan(0);
    });
  });
}
