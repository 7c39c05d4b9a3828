'use strict';

// es-module-lexer: hand-tuned C. A tiny module, large inputs, many small calls.

const fs = require('node:fs');
const lexer = require('es-module-lexer');
const { print, random, file, message, run } = require('../case');

const PIECES = [
  (i) => `import a${i}, { b as c${i} } from './m${i}.js';`,
  (i) => `import * as n${i} from "pkg/${i}" with { type: 'json' };`,
  (i) => `export const e${i} = import(/* why */ './d${i}.js');`,
  (i) => `export { default as x${i} } from './re.js'; export * from './all${i}.js';`,
  (i) => `const t${i} = \`a \${ /[/\`]/.test(import.meta.url) ? \`b\${${i}}\` : 1 / 2 / ${i} } c\`;`,
  (i) => `// import no from 'comment'\n/* export { no } */ function f${i}() { return /re"g'ex/g }`,
  (i) => `class K${i} { static import() {} export = 1; async *[Symbol.iterator]() { yield await import('./k${i}') } }`,
];

run(async () => {
  await lexer.init();
  const { below } = random(11);
  let source = '';
  for (let i = 0; i < 4000; i++) source += `${PIECES[below(PIECES.length)](i)}\n`;
  const [imports, exports, facade, hasModule] = lexer.parse(source);
  print('made', JSON.stringify({ imports, exports, facade, hasModule }));
  for (const parts of [
    ['hash-wasm', 'dist', 'index.esm.js'],
    ['prettier', 'index.mjs'],
    ['web-tree-sitter', 'web-tree-sitter.js'],
  ]) {
    print(parts.join('/'), JSON.stringify(lexer.parse(fs.readFileSync(file(...parts), 'utf8'))));
  }
  for (let i = 0; i < 300; i++) lexer.parse(source.slice(0, 1000 * (i % 50)).replace(/[^\n]*$/, ''));
  print('astral', JSON.stringify(lexer.parse("export const \u{1D4D0} = '\u{1F600}'; import '\\u{1F600}'")));
  print(
    'error',
    message(() => lexer.parse('export { a b }; import {')),
  );
});
