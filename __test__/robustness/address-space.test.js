'use strict';

// Memories where addresses are short: then they take no more than they have bytes, and code checks every access.

const { execFileSync } = require('node:child_process');
const wat = require('../support/wat');
const { MODULE } = require('./address-space');
const { FULL, SCRIPT, STEADY, idle, result } = require('./scenario');

const only = wrtTest.name === 'wrt' ? test : test.skip;

/** What a scenario gives under a limit of the shell's, in KiB. */
function limited(limit, kibibytes, ...scenario) {
  const args = ['-c', `ulimit ${limit} "$0" && exec "$@"`, kibibytes, process.execPath, SCRIPT, ...scenario];
  const env = { ...process.env, ...STEADY, WRT_SCENARIO_WASM: Buffer.from(wat(MODULE)).toString('base64') };
  return JSON.parse(execFileSync('sh', args, { env }));
}

only('with little address space', () => {
  expect(limited('-v', '2000000', 'littleAddressSpace', '20')).toEqual({ done: 20 });
});

/** KiB of which a quarter can be kept from guests, and `room` is left. */
const withRoom = (room) => Math.ceil((room * 4) / 3);
/** Limits that leave guests, whatever Node has when it starts, what they leave with Node 20, whose are the numbers in their names. */
const LIMITS = {
  '-v 2000000': ({ addresses }) => ['-v', withRoom(addresses + 772_000)],
  // Where 352 MiB are kept, which are more than a quarter; from Node 24 on, which starts with 1,270,000, they are less.
  '-v 1150000': ({ addresses }) => ['-v', addresses < 1_000_000 ? 1_150_000 : withRoom(addresses + 190_000)],
  '-d 1000000': ({ data }) => ['-d', withRoom(data + 701_000)],
};
for (const [name, pages] of [
  ['-v 2000000', '10'],
  ['-v 2000000', '100'],
  ['-v 1150000', '4'],
  ['-d 1000000', '10'],
  ['-d 1000000', '100'],
]) {
  only(`memories of ${pages} pages until there are no more: ulimit ${name}`, () => {
    const error = 'RangeError: WebAssembly.Memory(): could not allocate memory';
    const [limit, kibibytes] = LIMITS[name](idle());
    expect(limited(limit, String(kibibytes), 'allMemories', pages)).toEqual({ error, some: true });
  });
}

only('a hundred thousand memories', async () => {
  const { memories, mappings } = await result('manyMemories', 100_000);
  expect(memories).toBeGreaterThanOrEqual(100_000);
  expect(mappings).toBeLessThan(50_000); // of the 65,530 that Linux allows
});

only('many instances whose data is mapped as long as there are mappings', async () => {
  const count = FULL ? 100_000 : 25_000;
  const { alive, before, most } = await result('imagesOfMany', count, { args: [0] });
  expect(alive).toBe(count);
  expect(most - before).toBeGreaterThan(20_000);
  expect(most).toBeLessThan(50_000);
});

// V8 takes two for each buffer that can grow. With none left its heap cannot grow, which ends the process.
only('instances with data where most mappings are taken', async () => {
  const nodeArgs = parseInt(process.versions.node) < 20 ? ['--harmony-rab-gsab'] : [];
  const { alive, before, most } = await result('imagesOfMany', 5000, { nodeArgs, args: [29_000] });
  expect(alive).toBe(5000);
  expect(before).toBeGreaterThan(58_000);
  expect(most).toBeLessThan(63_500);
});

only(
  'the edges of memories with guard pages and of those after them',
  async () => {
    const [count, every] = [22_000, FULL ? 1 : 20];
    const { traps, reserved } = await result('edgesOfMany', count, { timeout: 590_000, args: [every] });
    expect(traps).toBe(811 * (count / every));
    // GiB: 20,000 have all addresses that code can name, the others only their own.
    expect(Math.floor(reserved)).toBe(20_000 * 6 + 1);
  },
  600_000,
);

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
      const { traps, improved } = await result('edges', 10_000, { args: [address], env });
      expect(traps).toBeGreaterThan(1000);
      expect(improved).toBe(true);
    });
  }
}
