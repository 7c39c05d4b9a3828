'use strict';

// withDeadline, which V8 does not have.

const vm = require('node:vm');
const wat = require('../support/wat');

const W = wrtTest.impl;
const only = wrtTest.name === 'builtin' ? describe.skip : describe;

const MODULE = wat`(module (import "m" "f" (func $f (param i32)))
  (memory 800) (global $g (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "forever") (loop $l br $l))
  (func (export "count") (loop $l (global.set $g (i32.add (global.get $g) (i32.const 1))) br $l))
  (func (export "counted") (result i32) (global.get $g))
  (func (export "calls") (loop $l (call $f (i32.const 1)) br $l))
  (func (export "once") (call $f (i32.const 2)))
  (func (export "fill") (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 52428800)) br $l))
  (func (export "grow") (loop $l (drop (memory.grow (i32.const 0))) br $l)))`;
const instance = (f = () => {}) => new W.Instance(new W.Module(MODULE), { m: { f } }).exports;

const thrown = (f) => {
  try {
    f();
  } catch (error) {
    return error;
  }
  return undefined;
};
const late = { code: 'ERR_WRT_DEADLINE', name: 'DeadlineError' };

only('withDeadline', () => {
  test('gives what the function returns or throws', () => {
    const { add } = instance();
    expect(W.withDeadline(1000, () => add(2, 3))).toBe(5);
    expect(W.withDeadline(Infinity, () => add(2, 3))).toBe(5);
    const error = new Error('other');
    const fails = () => {
      throw error;
    };
    expect(thrown(() => W.withDeadline(1000, fails))).toBe(error);
    expect(thrown(() => W.withDeadline(1000, instance(fails).once))).toBe(error);
  });

  test.each(['forever', 'calls', 'fill', 'grow'])('ends a call of %s', (name) => {
    const exports = instance();
    const start = performance.now();
    const error = thrown(() => W.withDeadline(40, exports[name]));
    const time = performance.now() - start;
    expect(error).toMatchObject({ ...late, message: 'the call exceeded its deadline of 40 ms' });
    expect(error).toBeInstanceOf(W.RuntimeError);
    expect(error.stack).toMatch(/DeadlineError: the call/);
    expect(time).toBeGreaterThan(35);
    expect(time).toBeLessThan(2000);
    expect(exports.add(2, 3)).toBe(5);
  });

  test('leaves the instance as it was at that moment', () => {
    const { count, counted } = instance();
    expect(thrown(() => W.withDeadline(30, count))).toMatchObject(late);
    const first = counted();
    expect(first).toBeGreaterThan(1000);
    expect(counted()).toBe(first);
    expect(thrown(() => W.withDeadline(30, count))).toMatchObject(late);
    expect(counted()).toBeGreaterThan(first);
  });

  test('reaches through imports, and JavaScript may catch it', () => {
    const inner = instance();
    const outer = instance(() => inner.forever());
    expect(thrown(() => W.withDeadline(30, outer.once))).toMatchObject(late);
    let caught = 0;
    const stubborn = instance(() => {
      if (thrown(inner.forever)?.code === 'ERR_WRT_DEADLINE') caught++;
    });
    expect(thrown(() => W.withDeadline(30, stubborn.calls))).toMatchObject(late);
    expect(caught).toBe(1);
  });

  test('the nearest of several deadlines counts', () => {
    const { forever } = instance();
    let inner;
    const error = thrown(() =>
      W.withDeadline(200, () => {
        inner = thrown(() => W.withDeadline(20, forever));
        forever();
      }),
    );
    expect(inner.message).toMatch('20 ms');
    expect(error.message).toMatch('200 ms');
    expect(thrown(() => W.withDeadline(20, () => W.withDeadline(10_000, forever))).message).toMatch('20 ms');
  });

  test('a signal that is aborted', () => {
    const controller = new AbortController();
    let calls = 0;
    const { calls: run, add } = instance(() => {
      if (++calls === 100) controller.abort('enough');
    });
    const error = thrown(() => W.withDeadline(controller.signal, run));
    expect(error).toMatchObject({ ...late, message: 'the call was aborted', cause: 'enough' });
    expect(calls).toBe(100);
    let ran = false;
    expect(thrown(() => W.withDeadline(controller.signal, () => (ran = true)))).toMatchObject(late);
    expect(ran).toBe(false);
    expect(W.withDeadline(new AbortController().signal, () => add(1, 1))).toBe(2);
  });

  test('is gone when the call has ended, however that was', () => {
    const { forever, add } = instance();
    const context = vm.createContext({ W, forever });
    const error = thrown(() => vm.runInContext('W.withDeadline(60, forever)', context, { timeout: 20 }));
    expect(error.code).toBe('ERR_SCRIPT_EXECUTION_TIMEOUT');
    const end = performance.now() + 150;
    while (performance.now() < end) add(1, 2);
    const again = thrown(() => vm.runInContext('forever()', context, { timeout: 30 }));
    expect(again.code).toBe('ERR_SCRIPT_EXECUTION_TIMEOUT');
  });

  test('refuses other arguments', () => {
    for (const limit of [undefined, null, -1, NaN, '5', 5n, {}, new EventTarget()]) {
      expect(thrown(() => W.withDeadline(limit, () => {}))).toEqual(
        new TypeError('Argument 0 must be a number of milliseconds or an AbortSignal'),
      );
    }
    for (const func of [undefined, null, {}]) {
      expect(thrown(() => W.withDeadline(5, func))).toEqual(new TypeError('Argument 1 must be a function'));
    }
  });

  test('is not enumerable', () => {
    expect(Object.keys(W)).not.toContain('withDeadline');
    expect(Object.getOwnPropertyDescriptor(W, 'withDeadline')).toMatchObject({ writable: true, configurable: true });
  });
});
