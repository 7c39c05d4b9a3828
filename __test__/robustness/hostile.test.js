'use strict';

// JavaScript that comes between wherever it can: nothing crashes, hangs or is lost.

const { execFileSync } = require('node:child_process');
const { SCRIPT, idle, result } = require('./scenario');

const only = wrtTest.name === 'wrt' ? test : test.skip;
const nodeArgs = ['--expose-gc', '--no-warnings'];

only.each([
  ['deadlinesInImports', 0],
  ['getters', 0],
  ['overflowsInTurns', 2],
  ['changingBytes', 100],
  ['finalizers', 0],
  ['intrinsics', 0],
  ['hooks', 0],
  ['snapshots', 20],
  ['brokenStreams', 0],
])('%s', (name, count) => result(name, count, { nodeArgs }));

only('overflows of a small stack', () =>
  result('overflowsInTurns', 1, { nodeArgs: [...nodeArgs, '--stack-size=100'] }),
);

only.each([
  ['open files', () => `-n ${idle().files + 2}`],
  ['the stack', () => '-s 256'],
  ['sizes of files', () => '-f 0'],
  ['locked memory', () => '-l 0'],
  // A quarter of it is kept from guests.
  ['data', () => `-d ${Math.ceil(((idle().data + 176_000) * 4) / 3)}`],
])('a limit of %s', (what, limit) => {
  const command = `ulimit ${limit()} && exec "$@"`;
  const args = ['-c', command, 'sh', process.execPath, '--expose-gc', SCRIPT, 'underLimits', '20'];
  const stdout = execFileSync('sh', args, { env: { ...process.env, NODE_OPTIONS: '' } });
  expect(JSON.parse(stdout)).toEqual({});
});

only('a heap of 40 MB', () => result('littleHeap', 2000, { nodeArgs: ['--max-old-space-size=40'] }));

only('workers that end badly', async () => {
  const { codes } = await result('badEnds', 0, { nodeArgs });
  expect(codes).toEqual({
    exit: 5,
    throws: 'Error',
    memory: 'ERR_WORKER_OUT_OF_MEMORY',
    overflow: 'RangeError',
    endless: 'RangeError',
    closes: 0,
    promise: 0,
  });
});
