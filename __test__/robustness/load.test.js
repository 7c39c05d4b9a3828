'use strict';

// Large numbers in processes of their own. WRT_TEST_FULL=1 also makes those large that are slow to reach.

const { result, FULL } = require('./scenario');

jest.setTimeout(FULL ? 600_000 : 120_000);

// MiB that may be resident more at the end than after a tenth of the work
const FLAT = 24;

const LOADS = {
  'a million traps': ['traps', 1_000_000],
  'a million exceptions through wasm': ['throws', 1_000_000],
  'exceptions from nested activations': ['nestedThrows', FULL ? 100_000 : 20_000],
  'overflows of the guest stack': ['overflows', FULL ? 10_000 : 1_500],
  'traps of both engines in turns': ['bothEngines', FULL ? 200_000 : 20_000],
  'ten million fresh references': ['references', 10_000_000],
  'instances in cycles with their imports': ['instances', FULL ? 20_000 : 2_000, 200],
  'memories in one loop': ['memories', 5_000, 200],
  'modules with code of their own': ['modules', FULL ? 20_000 : 2_000, 60],
};
for (const [title, [name, count, limit = FLAT]] of Object.entries(LOADS)) {
  test(`memory stays flat: ${title} (${count})`, async () => {
    const { grown } = await result(name, count, { timeout: FULL ? 590_000 : 110_000 });
    expect(grown).toBeLessThan(limit);
  });
}

test('200 times to the limit of V8’s stack and back', async () => {
  const { grown, least, most } = await result('nestingLimit', 200);
  expect(least).toBeGreaterThan(1000);
  expect(most).toBeLessThan(least * 3);
  expect(grown).toBeLessThan(FLAT);
});

test('5,000 levels of JavaScript and wasm with a larger stack', async () => {
  const { depth } = await result('nestingDepth', 5_000, { nodeArgs: ['--stack-size=3900'] });
  expect(depth).toBeGreaterThan(5_000);
});

test('an overflow inside of nested activations', async () => {
  expect(await result('overflowsNested', 200)).toEqual({ errors: 200 });
});

test('an overflow says what V8 says', async () => {
  const { message } = await result('overflows', 10);
  expect(message).toBe('Maximum call stack size exceeded');
});
