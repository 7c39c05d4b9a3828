'use strict';

// Jest runs tests in a context of their own, with intrinsics of their own. The implementation under test and
// V8's namespace are both taken from the main context, where users meet them, so that both differ from the tests'
// context in the same way.
//
// WRT_TEST_IMPL   unset: the package itself
//                 builtin: V8's WebAssembly, to show that a test is right
//                 anything else: a module of the same shape

const path = require('node:path');
const { TestEnvironment } = require('jest-environment-node');
const { builtin, load, name } = require('./impl');

module.exports = class extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    this.global.wrtTest = { builtin, impl: load(), name };
    // What one realm makes, the tests compare with these.
    this.global.wrtTest.intrinsics = { Array, ArrayBuffer, Error, Function, Object, Promise, RangeError, TypeError };
    this.global.wrtTest.testPath = path.relative(config.globalConfig.rootDir, context.testPath);
  }
};
