'use strict';

// What type-reflection.test.js compares: expressions in a namespace `W`. Run with V8's flag, this writes what V8 does:
//
//   node --experimental-wasm-type-reflection __test__/support/type-reflection.js

const { describeError } = require('./describe');

const ECHO = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4];
const echo = (W) => new W.Instance(new W.Module(new Uint8Array([...ECHO, 0, 32, 0, 11]))).exports.f;
const make = (parameters, results, f = '() => {}') =>
  `new W.Function({ parameters: ${parameters}, results: ${results} }, ${f})`;

const EXPRESSIONS = [
  'new W.Memory({ initial: 1 }).type()',
  'new W.Memory({ initial: 1, maximum: 3 }).type()',
  '(() => { const m = new W.Memory({ initial: 1, maximum: 3 }); m.grow(1); return m.type(); })()',
  "new W.Table({ initial: 1, element: 'anyfunc' }).type()",
  "(() => { const t = new W.Table({ initial: 1, maximum: 3, element: 'externref' }); t.grow(2); return t.type(); })()",
  "new W.Global({ value: 'i64' }).type()",
  "new W.Global({ value: 'anyfunc', mutable: true }).type()",
  ...['Memory', 'Table', 'Global'].flatMap((name) => [
    `W.${name}.prototype.type.call({})`,
    `W.${name}.prototype.type.name`,
    `Object.getOwnPropertyDescriptor(W.${name}.prototype, 'type').enumerable`,
  ]),
  'Object.keys(Object.getOwnPropertyDescriptors(W.Function))',
  'Object.getPrototypeOf(W.Function) === Object.getPrototypeOf(W.Memory)',
  'Object.getPrototypeOf(W.Function.prototype) === Object.getPrototypeOf(W.Memory)',
  "['length', 'name'].map((key) => W.Function[key])",
  'W.Function({}, () => {})',
  'new W.Function()',
  'new W.Function(1)',
  'new W.Function({})',
  'new W.Function({ parameters: 1 })',
  'new W.Function({ parameters: [] })',
  "new W.Function({ parameters: ['i32'], results: 1 })",
  "new W.Function({ parameters: ['i32'], results: {} })",
  make("['foo']", '[]'),
  make("['i32']", "['i32', 'foo']"),
  make('[,]', '[]'),
  make('[]', '[]', 'undefined'),
  make('[]', '[]', '{}'),
  make('[]', '[]', 'class {}'),
  make('new Array(1001)', '[]'),
  make('[]', "new Array(1001).fill('i32')"),
  `${make("new Array(1000).fill('i32')", '[]')}.type().parameters.length`,
  make("new Set(['i32'])", '[]'),
  `${make("{ length: 1, 0: 'i32' }", '[]')}.type()`,
  `${make("{ length: '1', 0: 'i32' }", '[]')}.type()`,
  make("{ length: 1.5, 0: 'i32' }", '[]'),
  make("{ length: -1, 0: 'i32' }", '[]'),
  make('[Symbol()]', '[]'),
  make("['funcref', 'v128']", "['anyfunc']") + '.type()',
  `((f) => [f.name, f.length, Object.hasOwn(f, 'prototype'), f instanceof W.Function, typeof f])(${make("['i32']", '[]')})`,
  `${make("['i32']", "['i32']", '(x) => x + 0.7')}('5')`,
  `${make("['i32', 'i64', 'f32', 'f64', 'externref']", "['f64', 'externref', 'i64']", '(...a) => [a[3], a[4], a[1]]')}(1, 2n, 3, 4.5, 'e')`,
  `${make("['i32']", "['i64']", '(x) => x')}(5)`,
  make("['v128']", '[]') + '(1)',
  `${make("['anyfunc']", "['anyfunc']", '(f) => f')}(echo) === echo`,
  `${make('[]', "['externref']", 'function () { "use strict"; return this; }')}()`,
  `new (${make('[]', '[]')})()`,
  'echo instanceof W.Function',
  'Object.getPrototypeOf(echo) === W.Function.prototype',
  'echo.type()',
  'W.Function.prototype.type.call(() => {})',
  'W.Function.prototype.type.call(undefined)',
  `${make("['i32']", "['i32']", 'echo')} === echo`,
  `${make("['i32']", "['i32']", 'echo')}(7)`,
  `${make("['f64']", "['f64']", 'echo')}(7.9)`,
  `((f) => { const t = new W.Table({ initial: 1, element: 'anyfunc' }); t.set(0, f); return t.get(0) === f; })(${make('[]', '[]')})`,
  'typeof W.Function.prototype',
  'Object.keys(echo)',
];

/** What becomes of each expression in `W`. */
function outcomes(W) {
  const print = (value) =>
    typeof value === 'function'
      ? 'a function'
      : JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v === undefined ? 'undefined' : v));
  return Object.fromEntries(
    EXPRESSIONS.map((expression) => {
      try {
        return [expression, print(new Function('W', 'echo', `return ${expression}`)(W, echo(W)))];
      } catch (error) {
        // V8 has slipped in a parenthesis.
        return [expression, describeError(W, error).replace('()):', '():')];
      }
    }),
  );
}

if (require.main === module) {
  process.stdout.write(`${JSON.stringify(outcomes(globalThis.WebAssembly), null, 1)}\n`);
}

module.exports = { outcomes };
