'use strict';

// wabt: the tools of WebAssembly's text format, C++ by Emscripten.

const initWabt = require('wabt');
const { message, print, run } = require('../case');

run(async () => {
  const wabt = await initWabt();
  const functions = Array.from(
    { length: 300 },
    (_, k) => `(func $f${k} (export "f${k}") (param $n i32) (result i32) (local $h i64)
      (block $out (loop $l (br_if $out (i32.eqz (local.get $n)))
        (local.set $h (i64.add (i64.rotl (local.get $h) (i64.const ${k})) (i64.extend_i32_u (local.get $n))))
        (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $l)))
      (i32.add (i32.wrap_i64 (local.get $h)) (call $f${(k * 7) % 300} (i32.const 0))))`,
  );
  const text = `(module (memory 1) (data (i32.const 8) "abc\\00\\ff") (table 2 funcref) ${functions.join('\n')})`;
  const module = wabt.parseWat('case.wat', text, {});
  module.validate();
  const { buffer, log } = module.toBinary({ log: true, write_debug_names: true });
  print('binary', buffer);
  print('log', log);
  const again = wabt.readWasm(buffer, { readDebugNames: true });
  again.generateNames();
  again.applyNames();
  print('text', again.toText({ foldExprs: true }));
  print(
    'error',
    message(() => wabt.parseWat('wrong.wat', '(module (func (i32.add (nop))', {})),
  );
  const invalid = wabt.parseWat('invalid.wat', '(module (func (result i32) (i64.const 1)))', {});
  print(
    'invalid',
    message(() => invalid.validate()),
  );
  for (const m of [module, again, invalid]) m.destroy();
});
