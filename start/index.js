/**
 * What `require('wrt')` loads: the native library, and the facade over it, as V8 has compiled it where the build kept that
 * (`tools/code.js`), else as text. To parse and compile the text is half of the start.
 */

import { Script } from 'vm';

import binding from './binding.js';

const filename = `${__dirname}/facade.js`;
// In another context, of a test runner say, the facade must be made of what is in that context.
const kept = process.dlopen instanceof Function ? binding.readCode(__dirname, process.version) : null;
const facade = { exports: /** @type {any} */ (undefined) };
if (kept === null) {
  facade.exports = require(filename);
} else {
  // If V8 refuses the code, because it runs with other flags, it compiles the source.
  const script = new Script(kept[1], { filename, cachedData: new Uint8Array(kept[0]) });
  script.runInThisContext()(require, facade, __dirname);
}

export default facade.exports(binding);
