'use strict';

// Where traps say that they were, on wrt and on V8. Not inside of jest, which makes stacks itself. The output: cases by
// name, with what both say; but for the number that each engine gives a module, and for the text of the error.

const path = require('node:path');
const initWabt = require('wabt');

const builtin = globalThis.WebAssembly;
const wrt = require('../support/impl').load();

const NAMED = `(module $named (import "m" "f" (func $f)) (memory 1) (table 2 funcref) (elem (i32.const 1) $inner) (elem func $inner)
  (func $inner unreachable)
  (func $middle (call $inner))
  (func (export "nested") (call $middle))
  (func (export "load") (drop (i32.load (i32.const -1))))
  (func $leaf (param i32) (drop (i32.div_u (i32.const 1) (local.get 0))))
  (func (export "divide") (call $leaf (i32.const 0)))
  (func $indirect (export "indirect") (call_indirect (i32.const 0)))
  (func $init (export "init") (table.init 1 (i32.const 3) (i32.const 0) (i32.const 9)))
  (func $back (export "back") (call $f) (call $inner))
  (func (export "loop") (local $n i32) (loop $l
    (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000)))) (call_indirect (i32.const 1)))
  (func $deep (export "deep") (call $deep)))`;
const UNNAMED = `(module (func unreachable) (func (export "f") call 0))`;

/** What is thrown; `limit` frames are noted. */
function trap(engine, bytes, name, limit = 10) {
  const { exports } = new engine.Instance(new engine.Module(bytes), { m: { f() {} } });
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = limit;
  try {
    exports[name]();
  } catch (error) {
    return error;
  } finally {
    Error.stackTraceLimit = before;
  }
  throw new Error('nothing was thrown');
}

const frames = (error) =>
  error.stack
    .replace(/[0-9a-f]{8}:/g, 'HASH:')
    .split('\n')
    .slice(1);

(async () => {
  const wabt = await initWabt();
  const bytes = (text) => new Uint8Array(wabt.parseWat('stack.wat', text).toBinary({ write_debug_names: true }).buffer);
  const named = bytes(NAMED);
  const unnamed = new Uint8Array(wabt.parseWat('stack.wat', UNNAMED).toBinary({}).buffer);
  const cases = {};
  for (const name of ['nested', 'load', 'divide', 'indirect', 'init', 'back', 'loop', 'deep']) {
    cases[name] = (engine) => frames(trap(engine, named, name));
    cases[`${name}, again`] = cases[name];
  }
  cases['no names'] = (engine) => frames(trap(engine, unnamed, 'f'));
  for (const limit of [0, 1, 2, 3, 4, Infinity]) {
    cases[`at most ${limit} frames`] = (engine) => frames(trap(engine, named, 'nested', limit));
  }
  for (const limit of ['many', undefined, null]) {
    cases[`a limit of ${limit}`] = (engine) => Object.getOwnPropertyNames(trap(engine, named, 'nested', limit));
  }
  cases['the message counts that is there when the stack is first read'] = (engine) => {
    const error = trap(engine, unnamed, 'f');
    error.message = 'changed';
    const [first] = error.stack.split('\n');
    error.message = 'again';
    return [first, error.stack.split('\n')[0]];
  };
  cases['a stack that is made by the program'] = (engine) => {
    const before = Error.prepareStackTrace;
    Error.prepareStackTrace = (error, sites) => [
      error instanceof engine.RuntimeError,
      error.message,
      sites.some((site) => site.getFileName() === path.resolve(__filename)),
    ];
    const { stack } = trap(engine, unnamed, 'f');
    Error.prepareStackTrace = before;
    return stack;
  };
  cases['the property'] = (engine) => {
    const error = trap(engine, unnamed, 'f');
    const { enumerable, configurable } = Object.getOwnPropertyDescriptor(error, 'stack');
    error.stack = 7;
    return [enumerable, configurable, error.stack, Object.keys(error)];
  };
  for (const name of ['load', 'deep']) {
    cases[`the text of the function ${name}`] = (engine) => {
      const func = new engine.Instance(new engine.Module(named), { m: { f() {} } }).exports[name];
      return [`${func}`, func.toString()];
    };
  }
  const results = {};
  for (const [name, run] of Object.entries(cases)) {
    // From one place.
    const [ours, theirs] = [wrt, builtin].map((engine) => run(engine));
    results[name] = { wrt: ours, v8: theirs };
  }
  console.log(JSON.stringify(results));
})();
