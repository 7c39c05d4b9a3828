'use strict';

/**
 * What `require('wrt')` loads: the facade, as V8 has compiled it where the build kept that, else as text. To parse and
 * compile the text is half of the start.
 */

const path = require('path');
const vm = require('vm');
const { readCode } = require('./code');

const file = path.join(__dirname, 'facade.js');

/** The facade by what was kept of it; undefined if nothing was. */
function kept() {
  const code = readCode(__dirname);
  if (code === undefined) return undefined;
  // If V8 refuses the code, because it runs with other flags, it compiles the source.
  const script = new vm.Script(code.source, { filename: file, cachedData: code.cachedData });
  const facade = { exports: undefined };
  script.runInThisContext()(require, facade, __dirname);
  return facade.exports;
}

module.exports = kept() || require(file);
