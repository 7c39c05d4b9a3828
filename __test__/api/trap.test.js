'use strict';

const { same, ours, instantiate } = require('../support/compare');
const wat = require('../support/wat');

const TRAPS = {
  unreachable: 'unreachable',
  'i32.div_s by zero': '(drop (i32.div_s (i32.const 1) (local.get $zero)))',
  'i32.div_u by zero': '(drop (i32.div_u (i32.const 1) (local.get $zero)))',
  'i32.rem_s by zero': '(drop (i32.rem_s (i32.const 1) (local.get $zero)))',
  'i32.rem_u by zero': '(drop (i32.rem_u (i32.const 1) (local.get $zero)))',
  'i64.div_s by zero': '(drop (i64.div_s (i64.const 1) (i64.extend_i32_u (local.get $zero))))',
  'i64.rem_u by zero': '(drop (i64.rem_u (i64.const 1) (i64.extend_i32_u (local.get $zero))))',
  'i32.div_s overflow': '(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $zero) (i32.const 1))))',
  'i64.div_s overflow':
    '(drop (i64.div_s (i64.const 0x8000000000000000) (i64.extend_i32_s (i32.sub (local.get $zero) (i32.const 1)))))',
  'trunc of NaN': '(drop (i32.trunc_f32_s (f32.const nan)))',
  'trunc of a large number': '(drop (i64.trunc_f64_u (f64.const 1e30)))',
  'load out of bounds': '(drop (i32.load (i32.const 65533)))',
  'load far out of bounds': '(drop (i64.load offset=0xfffffff0 (i32.const -1)))',
  'store out of bounds': '(i64.store (i32.const -8) (i64.const 0))',
  'v128.load out of bounds': '(drop (v128.load (i32.const 65530)))',
  'memory.fill': '(memory.fill (i32.const 65530) (i32.const 0) (i32.const 9))',
  'memory.copy': '(memory.copy (i32.const 0) (i32.const 65530) (i32.const 9))',
  'memory.init': '(memory.init $data (i32.const 0) (i32.const 2) (i32.const 5))',
  'memory.init after data.drop': '(data.drop $data) (memory.init $data (i32.const 0) (i32.const 0) (i32.const 1))',
  'call_indirect out of bounds': '(call_indirect $table (type $void) (i32.const 9))',
  'call_indirect null': '(call_indirect $table (type $void) (i32.const 1))',
  'call_indirect of another type': '(call_indirect $table (type $int) (i32.const 0) (i32.const 0))',
  'table.get': '(drop (table.get $table (i32.const 2)))',
  'table.set': '(table.set $table (i32.const -1) (ref.null func))',
  'table.fill': '(table.fill $table (i32.const 1) (ref.null func) (i32.const 2))',
  'table.copy': '(table.copy $table $table (i32.const 0) (i32.const 1) (i32.const 2))',
  'table.init': '(table.init $table $elem (i32.const 0) (i32.const 0) (i32.const 2))',
};
const moduleOf = (body) =>
  wat(`(module
  (type $void (func)) (type $int (func (param i32)))
  (import "m" "host" (func $host))
  (memory (export "memory") 1) (data $data "abcd")
  (table $table 2 funcref) (elem (i32.const 0) func $nop) (elem $elem func $nop)
  (func $nop)
  (func $trap (local $zero i32) ${body})
  (func (export "direct") call $trap)
  (func (export "host") call $host)
  (func (export "fine") (result i32) i32.const 5))`);

same.each(TRAPS)('trap', (W, log, body) => {
  const exports = instantiate(W, moduleOf(body), { m: { host: () => exports.direct() } });
  log.try(exports.direct);
  log(exports.fine());
  log.try(exports.host); // through JavaScript and wasm again
  log(exports.fine());
  let error;
  try {
    exports.direct();
  } catch (e) {
    error = e;
  }
  log(error.name, Object.prototype.toString.call(error), error instanceof W.RuntimeError, typeof error.stack);
  log(error.stack.split('\n')[0] === `${error.name}: ${error.message}`, Object.getOwnPropertyNames(error).sort());
});

same('a trap can be caught by an import in between, and the outer call goes on', (W, log) => {
  const exports = instantiate(
    W,
    wat`(module (import "m" "try" (func $try (result i32))) (func (export "boom") unreachable)
      (func (export "run") (result i32) (i32.add (call $try) (i32.const 1))))`,
    {
      m: {
        try() {
          try {
            exports.boom();
          } catch (e) {
            return e instanceof W.RuntimeError ? 41 : 0;
          }
          return -1;
        },
      },
    },
  );
  log(exports.run(), exports.run());
});

ours('traps of both engines, interleaved', (W) => {
  const bytes = wat`(module (memory 1) (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))`;
  const engines = [W, wrtTest.builtin].map((engine) => [engine, instantiate(engine, bytes)]);
  for (let i = 0; i < 2000; i++) {
    for (const [engine, { load, div }] of engines) {
      expect(load(i)).toBe(0);
      for (const action of [() => load(65536 + i), () => div(i, 0)]) {
        let error;
        try {
          action();
        } catch (e) {
          error = e;
        }
        if (!(error instanceof engine.RuntimeError)) throw new Error(`no trap: ${error}`);
      }
    }
  }
});

ours('traps of functions that neither call nor loop', (W) => {
  const bodies = Object.entries(TRAPS).filter(([, body]) => !/memory\.|table|call/.test(body));
  const functions = bodies.map(
    ([name, body]) => `(func (export "${name}") (result i32) (local $zero i32) ${body} i32.const 1)
      (func (export "deep ${name}") (call $again) (drop (call $${bodies.findIndex(([n]) => n === name)})))
      (func $${bodies.findIndex(([n]) => n === name)} (result i32) (local $zero i32) ${body} i32.const 1)`,
  );
  const bytes = wat(`(module (import "m" "again" (func $again)) (memory 1) ${functions.join('\n')}
    (func (export "fine") (param i32) (result i32) (i32.load (local.get 0))))`);
  let inner;
  const exports = instantiate(W, bytes, { m: { again: () => inner && expect(inner).toThrow(W.RuntimeError) } });
  const message = (f) => {
    try {
      f();
    } catch (error) {
      return error.message;
    }
    return 'none';
  };
  for (let round = 0; round < 300; round++) {
    for (const [name] of bodies) {
      inner = exports[name];
      expect(message(exports[name])).toBe(message(exports[`deep ${name}`]));
      expect(exports.fine(0)).toBe(0);
    }
  }
});
