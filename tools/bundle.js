'use strict';

// node tools/bundle.js
//
// Makes dist/wrt.js, which is what `require('wrt')` loads, of index.js and lib/: each file that Node has to find and read
// takes a sixth of a millisecond of every start, and comments half of one. Else nothing is changed. jest makes it, too,
// before its tests, so they never meet an old one.

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const target = path.join(root, 'dist', 'wrt.js');
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

function bundle() {
  const entry = path.join(root, 'index.js');
  return `// Made by tools/bundle.js; the sources are index.js and lib/.
${modules(entry, new Set())}
module.exports = ${constant(entry)};
`;
}

/** Writes the bundle where it is not what it should be. */
function write() {
  const text = bundle();
  if (fs.existsSync(target) && fs.readFileSync(target, 'utf8') === text) return;
  fs.mkdirSync(path.dirname(target), { recursive: true });
  // A process may be about to load it.
  const draft = `${target}.${process.pid}`;
  fs.writeFileSync(draft, text);
  fs.renameSync(draft, target);
}

if (require.main === module) write();

module.exports = write;
