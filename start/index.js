/**
 * What `require('wrt')` loads: the native library, and the facade over it, as V8 has compiled it where the build kept that
 * (`tools/code.js`), else as text. To parse and compile the text is half of the start.
 */

import vm from 'vm';

import binding from './binding.js';

// The program may replace these before they are wanted.
const { Script } = vm;
const { Uint8Array } = globalThis;

const filename = `${__dirname}/facade.js`;
// In another context, of a test runner say, the facade must be made of what is in that context.
const kept = process.dlopen instanceof Function ? binding.make('readCode')(__dirname, process.version) : null;
const facade = { exports: /** @type {any} */ (undefined) };
/** See `start/shapes.js`. */
const shapes = { load: /** @type {any} */ (() => null), note() {} };
if (kept === null) {
  facade.exports = require(filename);
} else {
  const [code, source, shapesCode, shapesSource] = kept;
  // If V8 refuses the code, because it runs with other flags, it compiles the source.
  const script = new Script(source, { filename, cachedData: new Uint8Array(code) });
  script.runInThisContext()(require, facade, __dirname);
  shapes.load = (name) => {
    /** @type {any} */
    const options = { __proto__: null, filename: name, cachedData: new Uint8Array(shapesCode) };
    return new Script(shapesSource, options);
  };
}

export default facade.exports(binding, shapes);
