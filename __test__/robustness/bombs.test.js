'use strict';

// Modules that are hard on compilers: what becomes of them must be what becomes of them on V8, in bounded time and memory.

const path = require('node:path');
const { node } = require('../support/child');
const report = require('../support/report');
const { FULL } = require('./scenario');

const SCRIPT = path.join(__dirname, 'bombs.js');
const BOMBS = require('./bombs').names;

async function explode(name, impl, env) {
  const { code, signal, stdout, stderr } = await node([SCRIPT, name, impl], { env });
  // V8 of Node 24 and later says what it found, and then has no memory left to compile the module again in the background.
  const said = impl === 'builtin' && stdout !== '';
  if (code !== 0 && !said) throw new Error(`${name} on ${impl} ends with ${signal ?? code}: ${stderr}`);
  return JSON.parse(stdout);
}

// Some take V8 long, or us.
const QUICK = /7 MB$|too|joins$|loops in one another|targets|parameters|results|functions|globals/;
const CHOSEN = FULL ? BOMBS : BOMBS.filter((name) => QUICK.test(name));
// In the first tier; and made for good, which does without what takes too long.
const TIERS = FULL ? [{}, { WRT_TIER: 'optimized' }] : [{}];

describe.each(TIERS)('%j', (env) => {
  test.each(CHOSEN)('%s', async (name) => {
    const [theirs, ours] = [await explode(name, 'builtin', {}), await explode(name, wrtTest.name, env)];
    const costs = [theirs, ours].map(({ seconds, megabytes }) => `${seconds} s, ${megabytes} MiB`);
    report('a module', `${name}: on V8 ${costs[0]}, here ${costs[1]}`);
    expect({ valid: ours.valid, result: ours.result }).toEqual({ valid: theirs.valid, result: theirs.result });
    expect(ours.megabytes).toBeLessThan(1500);
  });
});
