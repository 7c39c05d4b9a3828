'use strict';

// Modules that are not valid, as expressions, see mistakes.js.

const HEADER = [0, 97, 115, 109, 1, 0, 0, 0];

/** A module of these bytes after its header. */
const bytes = (...rest) => Uint8Array.of(...HEADER, ...rest);

/** Malformed: bytes that are no module. */
const MALFORMED = [
  'new Uint8Array(1)',
  'new Uint8Array(8)',
  'Uint8Array.of(0, 97, 115, 109)',
  'Uint8Array.of(0, 97, 115, 109, 2, 0, 0, 0)',
  'Uint8Array.of(0, 97, 115, 109, 13, 0, 1, 0)',
  'bytes(1)',
  'bytes(99, 0)',
  'bytes(1, 5, 0)',
  'bytes(1, 1, 0, 0xff)',
  'bytes(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0)',
  'bytes(1, 2, 1, 0x20)',
  'bytes(1, 4, 1, 0x60, 1, 0)',
  'bytes(3, 1, 0, 1, 1, 0)',
  'bytes(1, 1, 0, 1, 1, 0)',
  'bytes(3, 2, 1, 0)',
  'bytes(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0)',
  'bytes(10, 4, 1, 2, 0, 11)',
  'bytes(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 0xff)',
  'bytes(1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 4, 1, 2, 0, 1)',
  'bytes(0, 1, 5)',
  'bytes(0, 2, 1, 0xff)',
  'bytes(2, 6, 1, 1, 0x61, 1, 0x62, 9)',
  'bytes(5, 3, 1, 9, 1)',
  'bytes(12, 1, 1)',
  'bytes(8, 1, 0)',
];

/** Well formed, but not valid. */
const INVALID = [
  '(func (result i32))',
  '(func i32.const 1)',
  '(func (result i32) i64.const 1)',
  '(func (drop (i32.add (i32.const 1) (i64.const 1))))',
  '(func drop)',
  '(func (drop (local.get 0)))',
  '(func (local.set 3 (i32.const 1)))',
  '(func (drop (global.get 0)))',
  '(global $g i32 (i32.const 1)) (func (global.set $g (i32.const 2)))',
  '(func call 7)',
  '(func br 5)',
  '(func (br_if 0 (i64.const 1)))',
  '(func (block (result i32)) drop)',
  '(func (if (result i32) (i32.const 1) (then (i32.const 1))) drop)',
  '(func (drop (select (i32.const 1) (i64.const 1) (i32.const 1))))',
  '(func (drop (i32.load (i32.const 0))))',
  '(memory 1) (func (drop (i32.load align=8 (i32.const 0))))',
  '(func (drop (memory.size)))',
  '(memory 1) (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))',
  '(func (call_indirect (i32.const 0)))',
  '(table 1 externref) (func (call_indirect (i32.const 0)))',
  '(func (drop (table.get 0 (i32.const 0))))',
  '(table 1 funcref) (func (table.set 0 (i32.const 0) (ref.null extern)))',
  '(func $f) (func (drop (ref.func $f)))',
  '(func (drop (ref.is_null (i32.const 0))))',
  '(memory 2 1)',
  '(memory 65537)',
  '(table 2 1 funcref)',
  '(memory 1) (memory 1)',
  '(global i32 (i64.const 1))',
  '(global i32 (i32.add (i32.const 1) (f32.const 1)))',
  '(global i32 (global.get 5))',
  '(func (param i32)) (start 0)',
  '(start 3)',
  '(func (export "a")) (func (export "a"))',
  '(export "a" (func 0))',
  '(export "a" (memory 0))',
  '(data (i32.const 0) "x")',
  '(memory 1) (data (i64.const 0) "x")',
  '(func (throw 0))',
  '(tag $t (param i32)) (func (throw $t))',
  '(func (rethrow 0))',
  '(func (try (do) (catch 0)))',
  '(memory i64 1) (func (drop (i32.load (i32.const 0))))',
  '(memory 1) (func (drop (i32.load (i64.const 0))))',
  '(memory i64 1) (data (i32.const 0) "x")',
  '(table i64 1 funcref) (func (drop (table.get 0 (i32.const 0))))',
  '(func (result i32) (return_call 1)) (func (result i64) i64.const 1)',
  '(func (return_call 5))',
  '(table 10000001 funcref)',
  '(elem (i32.const 0) 0)',
  '(table 1 externref) (func $f) (elem (i32.const 0) $f)',
  '(func (type 9))',
  '(func (drop (i8x16.extract_lane_s 16 (v128.const i64x2 0 0))))',
  '(func (drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 32 (v128.const i64x2 0 0) (v128.const i64x2 0 0))))',
];

const modules = [
  ...MALFORMED.map((source) => `new WebAssembly.Module(${source})`),
  ...INVALID.map((text) => `new WebAssembly.Module(wat\`(module ${text})\`)`),
  'WebAssembly.compile(bytes(99, 0))',
  'WebAssembly.instantiate(bytes(99, 0))',
  'WebAssembly.compile(wat`(module (func drop))`)',
];

module.exports = { bytes, modules };
