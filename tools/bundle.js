'use strict';

// node tools/bundle.js
//
// Makes what `require('wrt')` loads: dist/wrt.js of lib/start.js, and dist/facade.js of index.js and the rest of lib/. Each
// file that Node has to find and read takes a sixth of a millisecond of every start, and comments half of one. Else nothing
// is changed. jest makes them, too, before its tests, so they never meet old ones.

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const directory = path.join(root, 'dist');
/** What the facade is a function of, since dist/wrt.js has it already. */
const GIVEN = path.join(root, 'lib', 'binding.js');
const OURS = /require\('(\.[^']*)'\)/g;
/** Node takes what it sees assigned to them for names that can be imported, wherever it stands. */
const EXPORTS = /\bmodule\.exports\b/g;
/** Comments that have their lines for themselves. */
const COMMENTS = /^ *(\/\/.*|\/\*\*[\s\S]*?\*\/)\n/gm;

/** What stands in the bundle for a module of this file. */
const constant = (file) => `$${path.relative(root, file).replace(/\.js$/, '').replace(/\W/g, '_')}`;

/**
 * The text of `file` in the bundle, after those of the files that it needs and that are not there yet.
 * @param {string} file
 * @param {Set<string>} done
 * @returns {string}
 */
function modules(file, done) {
  if (done.has(file)) return '';
  done.add(file);
  let before = '';
  const source = fs
    .readFileSync(file, 'utf8')
    .replace(COMMENTS, '')
    .replace(EXPORTS, '$$module.exports')
    .replace(OURS, (_, name) => {
      const needed = require.resolve(path.resolve(path.dirname(file), name));
      before += modules(needed, done);
      return constant(needed);
    });
  return `${before}
// ${path.relative(root, file)}
const ${constant(file)} = (($module) => {
${source}
return $module.exports;
})({ exports: {} });
`;
}

const HEAD = '// Made by tools/bundle.js; the sources are index.js and lib/.';

function start() {
  const entry = path.join(root, 'lib', 'start.js');
  return `${HEAD}
${modules(entry, new Set())}
module.exports = ${constant(entry)};
`;
}

function facade() {
  const entry = path.join(root, 'index.js');
  return `${HEAD}
module.exports = (${constant(GIVEN)}) => {
${modules(entry, new Set([GIVEN]))}
return ${constant(entry)};
};
`;
}

/** Writes what is not what it should be. */
function write() {
  fs.mkdirSync(directory, { recursive: true });
  for (const [name, text] of [
    ['facade.js', facade()],
    ['wrt.js', start()],
  ]) {
    const target = path.join(directory, name);
    if (fs.existsSync(target) && fs.readFileSync(target, 'utf8') === text) continue;
    // V8's code of what was there before, see tools/code.js.
    for (const file of fs.readdirSync(directory)) {
      if (file.endsWith('.code')) fs.rmSync(path.join(directory, file), { force: true });
    }
    // A process may be about to load it.
    const draft = `${target}.${process.pid}`;
    fs.writeFileSync(draft, text);
    fs.renameSync(draft, target);
  }
}

if (require.main === module) write();

module.exports = write;
