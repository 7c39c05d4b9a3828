'use strict';

// Large numbers in processes of their own. WRT_TEST_FULL=1 also makes those large that are slow to reach.

const report = require('../support/report');
const { result, FULL } = require('./scenario');

jest.setTimeout(FULL ? 600_000 : 120_000);

// MiB that may be resident more at the end than after a tenth of the work
const FLAT = 24;

// V8's young generation grows from 1 to 16 MiB a half-space in the course of the work; that would hide a leak as large.
// (Without these flags V8 may put objects where the first ones of their kind were still alive into the old generation.)
const small = { nodeArgs: ['--max-semi-space-size=1', '--no-allocation-site-pretenuring'] };
// At most so much at any time: what V8 lets pile up before it collects is bounded, whatever the count.
const flat = (most) => ({ memories: 500, reserved: 500 * 7000, ...most });
// MiB of addresses that the process may have more when all is collected: less than a memory takes
const LEFT = 4_000;

const LOADS = {
  'a million traps': ['traps', 1_000_000],
  'a million exceptions through wasm': ['throws', 1_000_000],
  'exceptions from nested activations': ['nestedThrows', FULL ? 100_000 : 20_000],
  'overflows of the guest stack': ['overflows', FULL ? 10_000 : 1_500],
  'traps of both engines in turns': ['bothEngines', FULL ? 200_000 : 20_000],
  'ten million fresh references': ['references', 10_000_000, { ...small, most: { references: 3_000 } }],
  'ten million fresh references in one activation': [
    'referencesInside',
    10_000_000,
    { ...small, most: { references: 3_000 } },
  ],
  'instances in cycles with their imports': ['instances', FULL ? 20_000 : 2_000, { limit: 100, most: flat() }],
  'instances in cycles with their externrefs': [
    'externCycles',
    2_000,
    { limit: 100, most: flat({ instances: 1_000 }) },
  ],
  'instances in cycles with their externrefs, in one activation': [
    'externCyclesInside',
    2_000,
    { limit: 100, most: flat({ instances: 1_000 }) },
  ],
  'plain instances': ['plainInstances', FULL ? 100_000 : 50_000, { limit: 100, most: { instances: 40_000 } }],
  'memories in one loop': ['memories', 5_000, { limit: 100, most: flat() }],
  'memories without a page': ['emptyMemories', 50_000, { limit: 100, most: { memories: 15_000 } }],
  'shared memories in one loop': ['sharedMemoriesInside', 5_000, { limit: 100 }],
  'buffers that were taken from their memories': ['takenBuffers', 2_000, { limit: 100, most: flat() }],
  'buffers that outlive their memories': ['buffersOutliveMemories', 1_000, { limit: 100, most: flat() }],
  'functions that stay reachable': ['held', FULL ? 20_000 : 2_000, { limit: 100, most: flat() }],
  'modules with code of their own': ['modules', FULL ? 20_000 : 2_000, { limit: 60, most: { code: 100 } }],
};
for (const [title, [name, count, { limit = FLAT, most = {}, nodeArgs = [] } = {}]] of Object.entries(LOADS)) {
  test(`memory stays flat: ${title} (${count})`, async () => {
    const options = { timeout: FULL ? 590_000 : 110_000, nodeArgs: ['--expose-gc', ...nodeArgs] };
    const { grown, measured } = await result(name, count, options);
    const { before, peak, after } = measured;
    const line = (key) => `${key} ${before[key]}, ${peak[key]}, ${after[key]}`;
    report('MiB before, at most, after', `${title} (${count}): ${line('rss')}; ${line('addresses')}`);
    expect(grown).toBeLessThan(limit);
    expect(after.addresses - before.addresses).toBeLessThan(LEFT);
    // Other implementations do not tell.
    for (const key of Object.keys(most)) if (key in peak) expect([key, peak[key] < most[key]]).toEqual([key, true]);
  });
}

test('cycles through externrefs end with the turn', async () => {
  const { kept, instances, references } = await result('externCyclesIdle', 200, { nodeArgs: ['--expose-gc'] });
  expect(instances).toBe(2 * kept);
  expect(references).toBeLessThan(10 * kept);
});

test('instances whose functions were removed everywhere are gone', async () => {
  const { instances } = await result('removed', 200, { nodeArgs: ['--expose-gc'] });
  // What the last turn had may lie in a register.
  expect(instances).toBeLessThan(4);
});

test('shared memories that nobody has are gone', async () => {
  const { gone } = await result('sharedMemories', 200, { nodeArgs: ['--expose-gc'] });
  // What the last turn had may lie in a register.
  expect(gone).toBeGreaterThan(196);
});

test('externrefs are what they were wherever they move', async () => {
  const { tables, references } = await result('externsMoved', 5_000, { nodeArgs: ['--expose-gc'] });
  expect(tables).toBeLessThan(500);
  expect(references).toBeLessThan(2_000);
});

test('memories that are dropped when no more can be had make room for others', async () => {
  const { most } = await result('exhaustion', 100);
  expect(most).toBeGreaterThan(1000);
});

test('200 times to the limit of V8’s stack and back', async () => {
  const { grown, first, least, most } = await result('nestingLimit', 200);
  report('levels', `at first ${first}, at least ${least}, at most ${most}`);
  // V8's frames become smaller as it optimises, four times on Node 26, so there is room for more; none may be lost.
  expect(least).toBeGreaterThan(900);
  expect(least).toBeGreaterThan(first * 0.9);
  expect(grown).toBeLessThan(FLAT);
});

test('5,000 levels of JavaScript and wasm with a larger stack', async () => {
  const { depth } = await result('nestingDepth', 5_000, { nodeArgs: ['--stack-size=3900'] });
  expect(depth).toBeGreaterThan(5_000);
});

test('an overflow inside of nested activations', async () => {
  expect(await result('overflowsNested', 200)).toMatchObject({ errors: 200 });
});

test('an overflow says what V8 says', async () => {
  const { message } = await result('overflows', 10);
  expect(message).toBe('Maximum call stack size exceeded');
});
