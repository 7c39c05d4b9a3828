'use strict';

// Memories where addresses are short: then they take no more than they have bytes, and code checks every access.

const { execFileSync } = require('node:child_process');
const wat = require('../support/wat');
const { MODULE } = require('./address-space');
const { SCRIPT, idle, result } = require('./scenario');

const only = wrtTest.name === 'wrt' ? test : test.skip;

/** What a scenario gives under a limit of the shell's, in KiB. */
function limited(limit, kibibytes, ...scenario) {
  const args = ['-c', `ulimit ${limit} "$0" && exec "$@"`, kibibytes, process.execPath, SCRIPT, ...scenario];
  const env = { ...process.env, NODE_OPTIONS: '', WRT_SCENARIO_WASM: Buffer.from(wat(MODULE)).toString('base64') };
  return JSON.parse(execFileSync('sh', args, { env }));
}

only('with little address space', () => {
  expect(limited('-v', '2000000', 'littleAddressSpace', '20')).toEqual({ done: 20 });
});

for (const [limit, kibibytes, pages] of [
  ['-v', '2000000', '10'],
  ['-v', '2000000', '100'],
  ['-v', 'little', '4'],
  ['-d', '1000000', '10'],
  ['-d', '1000000', '100'],
]) {
  only(`memories of ${pages} pages until there are no more: ulimit ${limit} ${kibibytes}`, () => {
    const error = 'RangeError: WebAssembly.Memory(): could not allocate memory';
    // With the scenario's objects Node takes some 310,000 KiB more than when it starts.
    const most = kibibytes === 'little' ? String(idle().addresses + 420_000) : kibibytes;
    expect(limited(limit, most, 'allMemories', pages)).toEqual({ error, some: true });
  });
}

only('a hundred thousand memories', async () => {
  const { memories, mappings } = await result('manyMemories', 100_000);
  expect(memories).toBeGreaterThanOrEqual(100_000);
  expect(mappings).toBeLessThan(50_000); // of the 65,530 that Linux allows
});

only('memories that move while they are used', async () => {
  const env = { WRT_FEATURES: 'boundsChecks' };
  const { pages, reserved } = await result('moving', 10, { env });
  expect(pages).toBe(1 + 10 * (20 + 14));
  expect(reserved).toBeLessThan(2 ** 31);
  expect(await result('moving', 10)).toMatchObject({ pages });
});

for (const address of ['i32', 'i64']) {
  for (const features of ['', 'boundsChecks']) {
    only(`the edges of memories: ${address} ${features}`, async () => {
      const env = { WRT_FEATURES: features };
      const { traps, improved } = await result('edges', 1000, { args: [address], env });
      expect(traps).toBeGreaterThan(1000);
      expect(improved).toBe(true);
    });
  }
}
