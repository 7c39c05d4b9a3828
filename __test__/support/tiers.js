'use strict';

const path = require('node:path');
const { node } = require('./child');

const ROOT = path.join(__dirname, '..', '..');

/**
 * Tests that a module computes in each of these tiers, in a process of its own, what it computes on V8.
 * @param {string} name
 * @param {string[]} tiers values of WRT_TIER
 * @param {() => Uint8Array} module
 * @param {(W: typeof WebAssembly, bytes: Uint8Array, rounds: number) => unknown[]} run in either process: it refers to nothing else
 * @param {number} rounds
 */
function testTiers(name, tiers, module, run, rounds) {
  test.each(tiers)(`${name}, tier "%s"`, async (WRT_TIER) => {
    const bytes = module();
    const engine = wrtTest.name === 'wrt' ? `require(${JSON.stringify(ROOT)})` : 'WebAssembly';
    const script = `const bytes = Buffer.from('${Buffer.from(bytes).toString('base64')}', 'base64');
      console.log(JSON.stringify((${run})(${engine}, bytes, ${rounds})))`;
    const { stdout, stderr } = await node(['-e', script], { env: { WRT_TIER } });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(run(WebAssembly, bytes, rounds));
  });
}

module.exports = { testTiers };
