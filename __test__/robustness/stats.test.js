'use strict';

// What `stats` counts; the builtin has no such function.

const v8 = require('node:v8');
const vm = require('node:vm');
const wat = require('../support/wat');
const { result } = require('./scenario');

const { impl } = wrtTest;
const describeOurs = impl.stats ? describe : describe.skip;

describeOurs('stats', () => {
  test('is no enumerable member of the namespace', () => {
    expect(Object.keys(impl)).not.toContain('stats');
    const { compile, ...counts } = impl.stats();
    expect(Object.entries(counts).filter(([, value]) => typeof value !== 'number')).toEqual([]);
    expect(compile.modules).toEqual({ count: expect.any(Number), milliseconds: expect.any(Number) });
  });

  test('counts what is made, exported or not', async () => {
    // What other tests of this process have dropped must not go away meanwhile.
    v8.setFlagsFromString('--expose-gc');
    vm.runInNewContext('gc')();
    await new Promise((resolve) => setImmediate(resolve));
    impl.stats();
    const { compile, ...before } = impl.stats();
    const module = new impl.Module(wat`(module (memory 1) (table 3 externref) (func (export "f")))`);
    const kept = [module, new impl.Instance(module), new impl.Memory({ initial: 1 })];
    const table = new impl.Table({ element: 'externref', initial: 1 }, kept);
    // Functions are compiled when they are called.
    kept[1].exports.f();
    const { compile: later, ...after } = impl.stats();
    expect(later.modules.count).toBe(compile.modules.count + 1);
    expect(later.onDemand.count).toBeGreaterThan(compile.onDemand.count);
    const more = Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
    expect(more).toMatchObject({ modules: 1, instances: 1, memories: 2, tables: 2, references: 1 });
    expect(more.codeBytes).toBeGreaterThan(0);
    expect(more.reservedBytes).toBeGreaterThan(2 * 65536);
    expect(table.get(0)).toBe(kept);
  });

  test('an idle program gets back what it has dropped', async () => {
    const stats = await result('idle', 500, { nodeArgs: ['--expose-gc'] });
    // The one that a register of V8's still refers to may stay.
    for (const key of ['instances', 'memories', 'tables']) expect(stats[key]).toBeLessThan(5);
  });
});
