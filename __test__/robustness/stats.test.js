'use strict';

// What `stats` counts; the builtin has no such function.

const path = require('node:path');
const { node } = require('../support/child');
const wat = require('../support/wat');
const { result } = require('./scenario');

const { impl } = wrtTest;
const describeOurs = impl.stats ? describe : describe.skip;

const COUNTS = path.join(__dirname, 'counts.js');
const SAMPLE = wat`(module (memory 1) (table 3 externref) (func (export "f")))`;

describeOurs('stats', () => {
  test('is no enumerable member of the namespace', () => {
    expect(Object.keys(impl)).not.toContain('stats');
    const { compile, ...counts } = impl.stats();
    expect(Object.entries(counts).filter(([, value]) => typeof value !== 'number')).toEqual([]);
    expect(compile.modules).toEqual({ count: expect.any(Number), milliseconds: expect.any(Number) });
  });

  test('counts what is made, exported or not', async () => {
    // In a process of its own, where nobody drops anything meanwhile.
    const { stderr, stdout } = await node([COUNTS, JSON.stringify([...SAMPLE])]);
    expect(stderr).toBe('');
    const { before, after } = JSON.parse(stdout);
    const { compile, ...counts } = before;
    const { compile: later } = after;
    expect(later.modules.count).toBe(compile.modules.count + 1);
    expect(later.onDemand.count).toBeGreaterThan(compile.onDemand.count);
    const more = Object.fromEntries(Object.keys(counts).map((key) => [key, after[key] - before[key]]));
    expect(more).toMatchObject({ modules: 1, instances: 1, memories: 2, tables: 2, references: 1 });
    expect(more.codeBytes).toBeGreaterThan(0);
    expect(more.reservedBytes).toBeGreaterThan(2 * 65536);
  });

  test('an idle program gets back what it has dropped', async () => {
    const stats = await result('idle', 500, { nodeArgs: ['--expose-gc'] });
    // The one that a register of V8's still refers to may stay.
    for (const key of ['instances', 'memories', 'tables']) expect(stats[key]).toBeLessThan(5);
  });
});
