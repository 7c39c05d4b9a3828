// web-tree-sitter: Emscripten's dynamic linking. Side modules share memory and table, and link through globals.

import fs from 'node:fs';
import { Language, Parser, Query } from 'web-tree-sitter';
import helpers from '../case.js';

const { print, random, file, run } = helpers;

run(async () => {
  await Parser.init();
  const languages = {
    javascript: await Language.load(file('tree-sitter-javascript', 'tree-sitter-javascript.wasm')),
    python: await Language.load(file('tree-sitter-python', 'tree-sitter-python.wasm')),
  };
  const parser = new Parser();
  const parse = (name, source, old) => {
    parser.setLanguage(languages[name]);
    return parser.parse(source, old);
  };

  const source = fs.readFileSync(file('wasm-feature-detect', 'dist', 'esm', 'index.js'), 'utf8');
  print('real file', parse('javascript', source).rootNode.toString());
  const text = fs.readFileSync(file('sql.js', 'dist', 'worker.sql-wasm.js'), 'utf8').slice(0, 60_000);
  print('large file', parse('javascript', text).rootNode.toString());

  const { below } = random(31);
  let python = '';
  for (let i = 0; i < 600; i++) {
    python += [
      `class A${i}(B, metaclass=M):\n    x: int = ${i}\n    def f(self, *a, **k):\n        return [y ** 2 for y in a if y % ${i + 1}]\n`,
      `async def g${i}(p=f"{x!r:>{w}}"):\n    async with a as b, c:\n        yield lambda z: (z, *p)\n`,
      `match v:\n    case {"k": [1, *rest]} if rest:\n        pass\n    case _:\n        raise E from None\n`,
    ][below(3)];
  }
  const tree = parse('python', python);
  const kinds = {};
  const cursor = tree.walk();
  for (let going = true; going;) {
    kinds[cursor.nodeType] = (kinds[cursor.nodeType] ?? 0) + 1;
    if (cursor.gotoFirstChild()) continue;
    while (going && !cursor.gotoNextSibling()) going = cursor.gotoParent();
  }
  print('nodes', JSON.stringify(Object.entries(kinds).sort()));
  const query = new Query(
    languages.python,
    '(function_definition name: (identifier) @name) (class_definition name: (identifier) @class (#match? @class "7$"))',
  );
  print(
    'captures',
    JSON.stringify(query.captures(tree.rootNode).map(({ name, node }) => [name, node.text, node.startIndex])),
  );

  let current = python;
  let previous = tree;
  for (let i = 0; i < 15; i++) {
    const at = current.indexOf('\nclass', below(current.length)) + 1;
    const added = `def added${i}(): return ${i}\n`;
    current = current.slice(0, at) + added + current.slice(at);
    const row = current.slice(0, at).split('\n').length - 1;
    const position = { row, column: 0 };
    previous.edit({
      startIndex: at,
      oldEndIndex: at,
      newEndIndex: at + added.length,
      startPosition: position,
      oldEndPosition: position,
      newEndPosition: { row: row + 1, column: 0 },
    });
    const next = parse('python', (index) => current.slice(index, index + 1000), previous);
    print(`edit ${i}`, JSON.stringify(previous.getChangedRanges(next)));
    previous = next;
  }
  print('after the edits', previous.rootNode.toString());
  print('errors', parse('javascript', 'let = = (; }').rootNode.toString());
});
