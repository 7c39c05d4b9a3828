'use strict';

const path = require('node:path');
const ts = require('typescript');
const wrt = require('../..');

const root = path.join(__dirname, '..', '..');
const usage = path.join(__dirname, 'types', 'usage.ts');
const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  types: ['node'],
  noEmit: true,
  strict: true,
};

const program = ts.createProgram([usage], { ...OPTIONS, typeRoots: [path.join(root, 'node_modules', '@types')] });

test('index.d.ts types what programs do, and refuses mistakes', () => {
  const problems = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  expect(problems).toEqual([]);
});

test('index.d.ts declares what there is', () => {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(path.join(root, 'index.d.ts'));
  const values = (symbols) => symbols.filter(({ flags }) => flags & ts.SymbolFlags.Value).map(({ name }) => name);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file));
  const declared = values(exported);
  expect(declared.sort()).toEqual(Object.getOwnPropertyNames(wrt).sort());

  for (const { name, flags, members } of exported) {
    if (!(flags & ts.SymbolFlags.Class)) continue;
    const own = [...members.keys()].filter((key) => !/^(__|[A-Z])/.test(key)); // No constructors, calls, type parameters.
    expect([name, ...own.sort()]).toEqual([
      name,
      ...Object.getOwnPropertyNames(wrt[name].prototype)
        .filter((key) => key !== 'constructor')
        .sort(),
    ]);
  }
});
