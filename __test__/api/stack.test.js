'use strict';

// What `stack.js` finds, also where all code is made for good and calls are inlined.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

describe.each([[''], ['optimized']])('WRT_TIER=%s', (tier) => {
  const env = { ...process.env, WRT_TIER: tier || process.env.WRT_TIER || '' };
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(__dirname, 'stack.js')], { encoding: 'utf8', env });
  if (stderr) throw new Error(stderr);

  test.each(Object.entries(JSON.parse(stdout)))('%s', (_, { wrt, v8 }) => {
    expect(wrt).toEqual(v8);
  });
});
