/**
 * What `require('wrt')` loads: the native library, and the facade over it, as V8 has compiled it where the build kept that,
 * else as text. To parse and compile the text is half of the start.
 */

import { Script } from 'vm';

import binding from './binding.js';
import { readCode } from './code.js';

const file = `${__dirname}/facade.js`;

/** The facade by what was kept of it; undefined if nothing was. */
function kept() {
  // In another context, of a test runner say, the facade must be made of what is in that context.
  if (!(process.dlopen instanceof Function)) return undefined;
  const code = readCode(__dirname, binding);
  if (code === undefined) return undefined;
  // If V8 refuses the code, because it runs with other flags, it compiles the source.
  const script = new Script(code.source, { filename: file, cachedData: code.cachedData });
  const facade = { exports: /** @type {any} */ (undefined) };
  script.runInThisContext()(require, facade, __dirname);
  return facade.exports;
}

export default (kept() || require(file))(binding);
