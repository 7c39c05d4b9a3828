'use strict';

// node tools/bundle.js
//
// Makes what `require('wrt')` loads: dist/wrt.js of start/, and dist/facade.js of lib/, a function of the native library.
// Each file that Node has to find and read takes a sixth of a millisecond of every start, comments half of one, and modules
// that have objects for what they export another half. Else nothing is changed. jest makes them, too, before its tests, so
// they never meet old ones.

const fs = require('node:fs');
const path = require('node:path');
const { rollup } = require('rollup');

const root = path.join(__dirname, '..');
const directory = path.join(root, 'dist');
/** Comments that have their lines for themselves. */
const COMMENTS = /^ *(\/\/.*|\/\*\*[\s\S]*?\*\/)\n/gm;

/** Code that is not strict. */
const SERVING = path.join(root, 'lib', 'serving.cjs');

/** What the facade is given, by name. */
const GIVEN = {
  [SERVING]: 'serving.exports',
  [path.join(root, 'start', 'binding.js')]: 'binding',
  [path.join(root, 'start', 'shapes.js')]: 'shapes',
};

const files = {
  'wrt.js': {
    input: path.join(root, 'start', 'index.js'),
    external: ['vm'],
    output: { format: 'cjs', exports: 'default', interop: 'default' },
  },
  'facade.js': {
    input: path.join(root, 'lib', 'index.js'),
    external: Object.keys(GIVEN),
    output: {
      format: 'iife',
      name: 'namespace',
      globals: (id) => GIVEN[id],
      banner: () => `module.exports = (binding, shapes) => {
const serving = { exports: undefined };
(function (module) {
${fs.readFileSync(SERVING, 'utf8')}
})(serving);`,
      footer: 'return namespace;\n};',
      indent: false,
    },
  },
};

/** @returns {Promise<string>} */
async function text({ output, ...input }) {
  const bundle = await rollup({
    treeshake: false,
    onLog(level, { message }) {
      throw new Error(`${level}: ${message}`);
    },
    ...input,
  });
  const made = await bundle.generate({ generatedCode: { constBindings: true }, esModule: false, ...output });
  await bundle.close();
  return `// Made by tools/bundle.js.\n${made.output[0].code.replace(COMMENTS, '').replace(/\n{3,}/g, '\n\n')}`;
}

/** Writes what is not what it should be. */
async function write() {
  fs.mkdirSync(directory, { recursive: true });
  for (const [name, options] of Object.entries(files)) {
    const made = await text(options);
    const target = path.join(directory, name);
    if (fs.existsSync(target) && fs.readFileSync(target, 'utf8') === made) continue;
    // V8's code of what was there before, see tools/code.js.
    for (const file of fs.readdirSync(directory)) {
      if (file.endsWith('.code')) fs.rmSync(path.join(directory, file), { force: true });
    }
    // A process may be about to load it.
    const draft = `${target}.${process.pid}`;
    fs.writeFileSync(draft, made);
    fs.renameSync(draft, target);
  }
}

if (require.main === module) write();

module.exports = write;
