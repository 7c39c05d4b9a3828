'use strict';

const { execFileSync } = require('node:child_process');
const path = require('node:path');
const wat = require('../support/wat');

const W = wrtTest.impl;
const only = wrtTest.name === 'wrt' ? test : test.skip;

/** What is on by default, as documented. */
const DEFAULTS = {
  multiMemory: true,
  memory64: true,
  customPageSizes: true,
  relaxedSimd: true,
  exceptions: true,
  tailCalls: true,
  extendedConst: true,
  functionReferences: true,
  atomics: true,
  wideArithmetic: true,
  deterministic: false,
  boundsChecks: false,
  spectreGuards: false,
};
// Or what this run was started with.
for (const setting of (process.env.WRT_FEATURES || '').split(',').filter(Boolean)) {
  DEFAULTS[setting.replace(/^-/, '')] = !setting.startsWith('-');
}

// `i64.mul_wide_u`, by hand: wabt does not know it.
const wide = new Uint8Array([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 8, 1, 0x60, 2, 0x7e, 0x7e, 2, 0x7e, 0x7e],
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0],
  ...[10, 10, 1, 8, 0, 0x20, 0, 0x20, 1, 0xfc, 0x16, 0x0b],
]);

/** A module with a memory section and an empty function `f`. */
const withMemories = (...section) =>
  new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 4, 1, 0x60, 0, 0],
    ...[3, 2, 1, 0],
    ...[5, section.length, ...section],
    ...[7, 5, 1, 1, 0x66, 0, 0],
    ...[10, 4, 1, 2, 0, 0x0b],
  ]);

/** Modules that are valid only while a feature is on. */
const MODULES = {
  multiMemory: withMemories(2, 0, 1, 0, 1),
  memory64: withMemories(1, 4, 1),
  customPageSizes: withMemories(1, 8, 1, 0),
  relaxedSimd: wat`(module (func (export "f") (param i32) (result i32)
    (i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle
      (v128.const i8x16 42 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) (i8x16.splat (local.get 0))))))`,
  exceptions: wat`(module (tag $t) (func (export "f") (try_table (throw $t))))`,
  tailCalls: wat`(module (func $f (export "f") (return_call $f)))`,
  extendedConst: wat`(module (global i32 (i32.add (i32.const 1) (i32.const 2))) (func (export "f")))`,
  // (module (func $f (export "f") (drop (ref.as_non_null (ref.func $f))))), by hand as well.
  functionReferences: new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 4, 1, 0x60, 0, 0],
    ...[3, 2, 1, 0],
    ...[7, 5, 1, 1, 0x66, 0, 0],
    ...[10, 8, 1, 6, 0, 0xd2, 0, 0xd4, 0x1a, 0x0b],
  ]),
  wideArithmetic: wide,
};

afterEach(() => {
  if (wrtTest.name === 'wrt') Object.assign(W.features, DEFAULTS);
});

only('every switch, as it is by default', () => {
  expect({ ...W.features }).toEqual(DEFAULTS);
  expect(Object.keys(W)).not.toContain('features');
});

for (const [name, bytes] of Object.entries(MODULES)) {
  only(`${name} decides what is valid`, async () => {
    expect(W.validate(bytes)).toBe(true);
    const module = new W.Module(bytes);
    W.features[name] = false;
    expect(W.features[name]).toBe(false);
    expect(W.validate(bytes)).toBe(false);
    expect(() => new W.Module(bytes)).toThrow(W.CompileError);
    await expect(W.compile(bytes)).rejects.toThrow(W.CompileError);
    // What was made before stays.
    expect(typeof new W.Instance(module).exports.f).toBe('function');
    W.features[name] = true;
    expect(W.validate(bytes)).toBe(true);
  });

  only(`an image of code with ${name} is not taken where that is off`, () => {
    const module = new W.Module(bytes);
    const image = W.Module.serialize(module);
    expect(W.Module.deserialize(image, bytes)).toBeInstanceOf(W.Module);
    W.features[name] = false;
    expect(() => W.Module.deserialize(image, bytes)).toThrow(W.CompileError);
  });
}

only("without multiMemory the place of a memory's index has one byte", () => {
  // memory.size, and a zero in two bytes.
  const long = new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 4, 1, 0x60, 0, 0],
    ...[3, 2, 1, 0],
    ...[5, 3, 1, 0, 1],
    ...[10, 8, 1, 6, 0, 0x3f, 0x80, 0, 0x1a, 0x0b],
  ]);
  expect(W.validate(long)).toBe(true);
  W.features.multiMemory = false;
  expect(W.validate(long)).toBe(false);
});

only('wide arithmetic', () => {
  const { f } = new W.Instance(new W.Module(wide)).exports;
  expect(f(-1n, 2n)).toEqual([-2n, 1n]);
});

only('deterministic decides what relaxed instructions give', () => {
  const run = () => new W.Instance(new W.Module(MODULES.relaxedSimd)).exports.f(16);
  expect(run()).toBe(42);
  W.features.deterministic = true;
  expect(run()).toBe(0);
});

only('WRT_FEATURES', () => {
  const program = `process.stdout.write(JSON.stringify(require(${JSON.stringify(path.join(__dirname, '../..'))}).features))`;
  const env = {
    ...process.env,
    WRT_FEATURES: `${process.env.WRT_FEATURES ?? ''},deterministic, -wideArithmetic,unknown`,
  };
  const features = JSON.parse(execFileSync(process.execPath, ['-e', program], { env }).toString());
  expect(features).toEqual({ ...DEFAULTS, deterministic: true, wideArithmetic: false });
});

only('mistakes', () => {
  'use strict';
  expect(() => (W.features.relaxedSimd = 0)).toThrow('wrt.features.relaxedSimd must be a boolean');
  expect(() => (W.features.unknown = true)).toThrow('not extensible');
});
