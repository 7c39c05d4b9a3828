'use strict';

// Jest runs tests in a context of their own, with intrinsics of their own. The implementation under test and
// V8's namespace are both taken from the main context, where users meet them, so that both differ from the tests'
// context in the same way. `wrtTest` is what the tests see of that context.
//
// WRT_TEST_IMPL   unset: the package itself
//                 builtin: V8's WebAssembly, to show that a test is right
//                 anything else: a module of the same shape

const { TestEnvironment } = require('jest-environment-node');
const initWabt = require('wabt');
const { builtin, load, name } = require('./impl');

let wabt;

module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    // The assembler is wasm as well, and V8 may have none (`--jitless`).
    globalThis.WebAssembly ??= load();
    wabt ??= await initWabt();
    this.global.wrtTest = { builtin, impl: load(), name, wabt, Response };
  }
};
