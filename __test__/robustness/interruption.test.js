'use strict';

// Guests that run long: JavaScript, and who sends signals, must not have to wait for them.

const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { FULL, result, SCRIPT } = require('./scenario');

jest.setTimeout(FULL ? 600_000 : 120_000);
const options = { timeout: FULL ? 590_000 : 110_000 };

// Ctrl-C while a guest loops.
const interrupted = (name) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SCRIPT, name, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (data) => {
      if (!stdout) setTimeout(() => child.kill('SIGINT'), 100);
      stdout += data;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    child.on('error', reject).on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout });
    });
  });

test('Ctrl-C ends a process in a loop of the guest', async () => {
  expect(await interrupted('forever')).toEqual({ code: null, signal: 'SIGINT', stdout: 'running\n' });
});

test('Ctrl-C ends a script that waits for it in a loop of the guest', async () => {
  const { code, stdout } = await interrupted('breakOnSigint');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'running\n{"code":"ERR_SCRIPT_EXECUTION_INTERRUPTED"}\n' });
});

if (wrtTest.name === 'wrt') {
  test('without a timer there are no deadlines', () => {
    const args = ['-c', 'ulimit -i 0 && exec "$@"', 'bash', process.execPath, SCRIPT, 'noTimer'];
    const stdout = execFileSync('bash', args, { env: { ...process.env, NODE_OPTIONS: '' }, encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual({ error: 'RangeError: wrt.withDeadline(): the system has no timer for it' });
  });
}

test('timeouts at all depths of nested activations', async () => {
  const { grown } = await result('nestedTimeouts', FULL ? 3000 : 150, options);
  expect(grown).toBeLessThan(24);
});

test('what timeouts leave behind takes no room', async () => {
  const count = FULL ? 400 : 80;
  expect(await result('abandoned', count, options)).toEqual({ done: count });
});

describe('nested activations that are interrupted compute the same', () => {
  const count = FULL ? 20 : 2;

  test.each([{}, { WRT_INTERRUPT_EVERY: '100' }])('%j', async (env) => {
    expect(await result('interruptedNested', count, { env })).toEqual({ done: count });
  });

  test('under the profiler', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-profile-'));
    try {
      const profiled = {
        env: { WRT_INTERRUPT_EVERY: '100' },
        nodeArgs: ['--cpu-prof', '--cpu-prof-interval=100'],
        cwd: folder,
      };
      expect(await result('interruptedNested', count, profiled)).toEqual({ done: count });
      expect(fs.readdirSync(folder)).toHaveLength(1);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});

if (wrtTest.name !== 'builtin') {
  test('deadlines', async () => {
    const { slowest, grown } = await result('deadlines', FULL ? 2000 : 100, options);
    expect(slowest).toBeLessThan(500);
    expect(grown).toBeLessThan(24);
  });

  test('a debugger gets its turn, and cannot change what a guest has in hand', async () => {
    const { errors, get } = await result('debugged', 0);
    expect(errors).toEqual([
      'wrt: wasm was stopped between two instructions and cannot be called before it goes on',
      expect.stringContaining('WebAssembly.Table.set()'),
      expect.stringContaining('WebAssembly.Table.grow()'),
    ]);
    expect(get).toBe(null);
  });

  test('sixteen workers that loop, trap and are terminated at random', async () => {
    const count = FULL ? 1000 : 48;
    expect(await result('chaos', count, options)).toEqual({ ended: count });
  });

  test('children that end while guests run', async () => {
    expect(await result('signals', 30)).toEqual({ codes: [0] });
  });
}
