'use strict';

// Mistakes that a program can make with the JavaScript API, as expressions. mistakes.test.js compares the errors that
// they get, docs/errors.md lists them. Mistakes in modules are in bad-modules.js.
//
// Names that an expression can use, besides those of the language and WebAssembly, are those of `scope`.

const { bytes, modules } = require('./bad-modules');
const wat = require('./wat');

const TYPES = ['i32', 'i64', 'f32', 'f64', 'externref', 'funcref'];

/** What the expressions work on, made with the namespace `W`. */
function scope(W) {
  const instantiate = (text, imports) => new W.Instance(new W.Module(wat(text)), imports).exports;
  return {
    WebAssembly: W,
    wat,
    bytes,
    module: new W.Module(wat`(module (import "m" "f" (func (param i32) (result i32))))`),
    memory: new W.Memory({ initial: 1, maximum: 2 }),
    table: new W.Table({ element: 'anyfunc', initial: 2, maximum: 3 }),
    objects: new W.Table({ element: 'externref', initial: 1 }),
    constant: new W.Global({ value: 'i32' }, 1),
    /** A mutable global of a type. */
    variable: (value) => new W.Global({ value, mutable: true }),
    /** The exported functions `i32`, `i64`..., which take a value of the type. */
    take: instantiate(`(module ${TYPES.map((t) => `(func (export "${t}") (param ${t}))`).join(' ')}
      (func (export "v128") (param v128)))`),
    /** Calls an import that has results of these types and returns `value`. */
    receive: (types, value) =>
      instantiate(
        `(module (import "m" "f" (func $f (result ${types})))
          (func (export "run") call $f ${'drop '.repeat(types.split(' ').length)}))`,
        { m: { f: () => value } },
      ).run(),
    /** Instantiates a module that imports a thing of a type, and gets `value`. */
    link: (type, value) => instantiate(`(module (import "m" "x" (${type})))`, { m: { x: value } }),
    instantiate,
    // Made when they are asked for: not every V8 has them.
    memory64: () => new W.Memory({ address: 'i64', initial: 1n, maximum: 2n }),
    table64: () => new W.Table({ address: 'i64', element: 'anyfunc', initial: 2n, maximum: 3n }),
    tag: (...parameters) => new W.Tag({ parameters }),
    /** Calls a method of an exception with one value, 1, and passes its tag. */
    withException: (method, ...rest) => {
      const tag = new W.Tag({ parameters: ['i32'] });
      return new W.Exception(tag, [1])[method](tag, ...rest);
    },
    /** Runs instructions that trap. */
    run: (body) =>
      instantiate(`(module (type $void (func)) (type $int (func (param i32)))
        (memory 1) (data $data "abcd") (table $table 2 funcref) (elem (i32.const 0) func $nop) (elem $elem func $nop)
        (func $nop) (func $deep (export "deep") call $deep) (func (export "run") (local $zero i32) ${body}))`).run(),
  };
}

/** The outcome of an expression: what it returns, perhaps a promise, or throws. */
function evaluate(W, expression) {
  const names = scope(W);
  return new Function(...Object.keys(names), `'use strict'; return (${expression});`)(...Object.values(names));
}

/** A method or accessor on receivers that are none. */
const receivers = (name, ...members) =>
  members.flatMap((member) => {
    const get = `Object.getOwnPropertyDescriptor(WebAssembly.${name}.prototype, '${member}')`;
    if (/^(buffer|length|exports)$/.test(member)) return [`${get}.get.call({})`];
    if (member === 'value') return [`${get}.get.call({})`, `${get}.set.call({}, 1)`];
    return [
      `WebAssembly.${name}.prototype.${member}.call({})`,
      `WebAssembly.${name}.prototype.${member}.call(undefined)`,
    ];
  });

const CLASSES = ['Module', 'Instance', 'Memory', 'Table', 'Global'];
const numbers = ['-1', '2 ** 32', 'NaN', 'Infinity', "'x'", '1n', "Symbol('s')", '{}', '() => {}'];

const mistakes = {
  'Constructors as functions, methods on other objects': [
    ...CLASSES.map((name) => `WebAssembly.${name}()`),
    ...CLASSES.map((name) => `new WebAssembly.${name}()`),
    'new WebAssembly.validate(new Uint8Array(8))',
    'new take.i32()',
    'WebAssembly.Memory.call(memory, { initial: 1 })',
    ...receivers('Instance', 'exports'),
    ...receivers('Memory', 'buffer', 'grow'),
    ...receivers('Table', 'length', 'get', 'set', 'grow'),
    ...receivers('Global', 'value', 'valueOf'),
    'new WebAssembly.Instance(new WebAssembly.Module(wat`(module)`)).exports.x()',
  ],

  'Modules: arguments': [
    ...['null', '7', "'\\0asm'", '[0, 97, 115, 109]', '{}', '() => {}'].map((v) => `new WebAssembly.Module(${v})`),
    ...['undefined', '7', '{}'].map((v) => `WebAssembly.validate(${v})`),
    ...['undefined', '7', '{}'].map((v) => `WebAssembly.compile(${v})`),
    ...['undefined', '7', '{}'].map((v) => `WebAssembly.instantiate(${v})`),
    'WebAssembly.instantiate(module, 7)',
    'WebAssembly.instantiate({}, 7)',
    'WebAssembly.instantiate(7, 7)',
    "WebAssembly.instantiate(wat`(module)`, 'imports')",
    'WebAssembly.instantiate(new Uint8Array(0))',
    'new WebAssembly.Module(new Uint8Array(0))',
    'WebAssembly.compile(new ArrayBuffer(0))',
    ...['imports', 'exports', 'customSections'].map((f) => `WebAssembly.Module.${f}()`),
    ...['imports', 'exports', 'customSections'].map((f) => `WebAssembly.Module.${f}({})`),
    'WebAssembly.Module.customSections(module)',
    'WebAssembly.Module.customSections(module, undefined)',
    "WebAssembly.Module.customSections(module, Symbol('s'))",
    'WebAssembly.compileStreaming()',
    'WebAssembly.compileStreaming({})',
    'WebAssembly.compileStreaming(5)',
    'WebAssembly.compileStreaming(Promise.reject(new RangeError("mine")))',
    "WebAssembly.compileStreaming(new Response('', { headers: { 'content-type': 'text/html' } }))",
    "WebAssembly.compileStreaming(new Response('', { headers: { 'content-type': 'application/wasm' }, status: 500 }))",
    "WebAssembly.compileStreaming(new Response('', { headers: { 'content-type': 'application/wasm' } }))",
    "WebAssembly.compileStreaming(new Response('none', { headers: { 'content-type': 'application/wasm' } }))",
    "WebAssembly.instantiateStreaming(new Response(wat`(module)`, { headers: { 'content-type': 'application/wasm' } }), 7)",
    'WebAssembly.instantiateStreaming(undefined, {})',
  ],

  'Descriptors of memories': [
    ...['null', '7', "'1'"].map((v) => `new WebAssembly.Memory(${v})`),
    'new WebAssembly.Memory({})',
    ...numbers.map((v) => `new WebAssembly.Memory({ initial: ${v} })`),
    'new WebAssembly.Memory({ initial: 65537 })',
    'new WebAssembly.Memory({ initial: 2, maximum: 1 })',
    ...['-1', '65537', 'NaN', '2 ** 32'].map((v) => `new WebAssembly.Memory({ initial: 0, maximum: ${v} })`),
    'new WebAssembly.Memory({ initial: 65537, maximum: -1 })',
    "new WebAssembly.Memory({ initial: 0, address: 'i16' })",
    "new WebAssembly.Memory({ initial: 0, address: Symbol('s') })",
    'new WebAssembly.Memory({ initial: 0, shared: true })',
    'new WebAssembly.Memory({ get initial() { throw new RangeError("mine"); } })',
    ...['undefined', ...numbers, '70000', '2'].map((v) => `memory.grow(${v})`),
    'new Uint8Array(memory.buffer).set([1], 65536)',
    'memory.buffer.resize(1)',
  ],

  'Descriptors of tables': [
    ...['null', '7'].map((v) => `new WebAssembly.Table(${v})`),
    'new WebAssembly.Table({})',
    'new WebAssembly.Table({ initial: 1 })',
    ...["'i32'", "'funcref'", 'null', "Symbol('s')"].map((v) => `new WebAssembly.Table({ element: ${v}, initial: 1 })`),
    "new WebAssembly.Table({ element: 'anyfunc' })",
    ...numbers.map((v) => `new WebAssembly.Table({ element: 'anyfunc', initial: ${v} })`),
    "new WebAssembly.Table({ element: 'anyfunc', initial: 10000001 })",
    "new WebAssembly.Table({ element: 'anyfunc', initial: 2, maximum: 1 })",
    "new WebAssembly.Table({ element: 'anyfunc', initial: 2, maximum: -1 })",
    "new WebAssembly.Table({ element: 'anyfunc', initial: 10000001, maximum: 1 })",
    "new WebAssembly.Table({ element: 'anyfunc', initial: 2, address: 'i16' })",
    ...['7', '{}', '() => {}', 'Math.abs'].map(
      (v) => `new WebAssembly.Table({ element: 'anyfunc', initial: 2 }, ${v})`,
    ),
    "new WebAssembly.Table({ element: 'anyfunc', initial: 0 }, 7)",
    'table.get()',
    'table.set()',
    'table.grow()',
    ...['2', ...numbers].map((v) => `table.get(${v})`),
    ...['2', '-1', '1.5e10'].map((v) => `table.set(${v}, null)`),
    'table.set(2, 7)',
    'table.set(0, undefined)',
    ...['7', '{}', '() => {}', 'class {}'].map((v) => `table.set(0, ${v})`),
    ...['2', '-1', '1e9', "'x'"].map((v) => `table.grow(${v})`),
    ...['undefined', '7', '() => {}'].map((v) => `table.grow(1, ${v})`),
    'objects.get(1)',
    'objects.set(1, 1)',
    'objects.grow(1e9, 1)',
  ],

  'Descriptors and values of globals': [
    ...['null', '7', "'i32'"].map((v) => `new WebAssembly.Global(${v})`),
    'new WebAssembly.Global({})',
    ...["'i8'", "'funcref'", "'v128'", 'null', "Symbol('s')"].map((v) => `new WebAssembly.Global({ value: ${v} })`),
    ...['1n', "Symbol('s')"].map((v) => `new WebAssembly.Global({ value: 'i32' }, ${v})`),
    ...['1', "'x'", 'null', '{}'].map((v) => `new WebAssembly.Global({ value: 'i64' }, ${v})`),
    ...['1', '{}', '() => {}', 'undefined'].map((v) => `new WebAssembly.Global({ value: 'anyfunc' }, ${v})`),
    'constant.value = 2',
    ...['i32', 'f64'].flatMap((t) => ['1n', "Symbol('s')"].map((v) => `variable('${t}').value = ${v}`)),
    ...['1', 'undefined', "Symbol('s')"].map((v) => `variable('i64').value = ${v}`),
    ...['1', 'undefined', '() => {}'].map((v) => `variable('anyfunc').value = ${v}`),
    'variable("f32").value = { valueOf() { throw new RangeError("mine"); } }',
    'instantiate(`(module (global (export "v") v128 (v128.const i64x2 0 0)))`).v.value',
    'instantiate(`(module (global (export "v") (mut v128) (v128.const i64x2 0 0)))`).v.value = 1',
  ],

  'Addresses of 64 bits': [
    "new WebAssembly.Memory({ address: 'i64' })",
    ...['1', '-1n', '2n ** 64n', "'x'", 'null', 'NaN', "Symbol('s')", '{}', '262145n'].map(
      (v) => `new WebAssembly.Memory({ address: 'i64', initial: ${v} })`,
    ),
    ...['1', '1n', '-1n'].map((v) => `new WebAssembly.Memory({ address: 'i64', initial: 2n, maximum: ${v} })`),
    ...['', '1', '2n', '-1n', '2n ** 64n', "'x'"].map((v) => `memory64().grow(${v})`),
    "new WebAssembly.Table({ address: 'i64', element: 'anyfunc' })",
    ...['1', '-1n', '10000001n', "'x'"].map(
      (v) => `new WebAssembly.Table({ address: 'i64', element: 'anyfunc', initial: ${v} })`,
    ),
    ...['', '1', '2n', '-1n', '2n ** 64n'].map((v) => `table64().get(${v})`),
    ...['1', '2n'].map((v) => `table64().set(${v}, null)`),
    ...['1', '2n', '-1n'].map((v) => `table64().grow(${v})`),
    "link('memory 1', memory64())",
    "link('memory i64 1', memory)",
    "link('table 1 funcref', table64())",
    "link('table i64 1 funcref', table)",
    'instantiate(`(module (memory i64 1) (func (export "f") (drop (i32.load (i64.const -1)))))`).f()',
    'instantiate(`(module (memory i64 1) (data (i64.const 65536) "x"))`)',
    'instantiate(`(module (func (export "f") (param i64)))`).f(1)',
  ],

  'Tags and exceptions': [
    'WebAssembly.Tag({ parameters: [] })',
    'new WebAssembly.Tag()',
    ...['null', '7', '{}', '{ parameters: null }', '{ parameters: 7 }', '{ parameters: {} }'].map(
      (v) => `new WebAssembly.Tag(${v})`,
    ),
    ...["['i8']", '[7]', "[Symbol('s')]", '{ length: 1001 }', '{ length: -1 }'].map(
      (v) => `new WebAssembly.Tag({ parameters: ${v} })`,
    ),
    'WebAssembly.Exception(tag(), [])',
    'new WebAssembly.Exception()',
    ...['null', '7', '{}', 'memory'].map((v) => `new WebAssembly.Exception(${v}, [])`),
    'new WebAssembly.Exception(WebAssembly.JSTag, [1])',
    ...['', ', 7', ', null', ', {}', ', []', ', [1, 2]', ', [1n]', ", [Symbol('s')]", ', [1], 7', ', [1], "x"'].map(
      (v) => `new WebAssembly.Exception(tag('i32')${v})`,
    ),
    "new WebAssembly.Exception(tag('i64'), [1])",
    "new WebAssembly.Exception(tag('f32'), [1n])",
    "new WebAssembly.Exception(tag('anyfunc'), [7])",
    "new WebAssembly.Exception(tag('v128'), [7])",
    ...receivers('Exception', 'is', 'getArg'),
    "new WebAssembly.Exception(tag('i32'), [1]).is()",
    ...['7', '{}', 'memory'].map((v) => `new WebAssembly.Exception(tag('i32'), [1]).is(${v})`),
    ...['', '7, 0', "tag('i32'), 0", 'tag(), 0'].map((v) => `new WebAssembly.Exception(tag('i32'), [1]).getArg(${v})`),
    ...['1', '-1', '2 ** 32', "'x'", '1n', "Symbol('s')"].map((v) => `withException('getArg', ${v})`),
    ...['undefined', '7', '{}', "tag('i64')", 'tag()'].map((v) => `link('tag (param i32)', ${v})`),
    'instantiate(`(module (tag $t (param i32)) (func (export "f") (throw $t (i32.const 1))))`).f()',
    'instantiate(`(module (tag $t) (func $f (throw $t)) (start $f))`)',
    'structuredClone(tag())',
    "structuredClone(new WebAssembly.Exception(tag('i32'), [1]))",
  ],

  'Import objects': [
    'new WebAssembly.Instance({})',
    'new WebAssembly.Instance(wat`(module)`)',
    'new WebAssembly.Instance(module)',
    ...['null', '7', "'m'"].map((v) => `new WebAssembly.Instance(module, ${v})`),
    ...['{}', '{ m: null }', '{ m: 7 }', '{ m: {} }'].map((v) => `new WebAssembly.Instance(module, ${v})`),
    ...['undefined', '{}', '{ m: {} }'].map((v) => `WebAssembly.instantiate(module, ${v})`),
    'WebAssembly.instantiate(wat`(module (import "a" "b" (memory 1)))`, { a: {} })',
    String.raw`instantiate('(module (import "\\22\\0a\\c3\\bc" "\\f0\\9f\\98\\80" (func)))', {})`,
    String.raw`instantiate('(module (import "\\22\\0a\\c3\\bc" "\\f0\\9f\\98\\80" (func)))', { '"\nü': {} })`,
    'instantiate(`(module (import "a" "1" (func)) (import "a" "2" (memory 1)))`, { a: {} })',
    'instantiate(`(module (import "a" "1" (func)) (import "b" "2" (func)))`, { a: { 1() {} } })',
  ],

  'Imports that do not match': [
    ...['undefined', '1', '{}', 'memory'].map((v) => `link('func', ${v})`),
    "link('func (param i64)', take.i32)",
    "link('func (result i32)', take.i32)",
    ...['i32', 'i64', 'f32', 'f64'].flatMap((t) =>
      ['undefined', "'1'", t === 'i64' ? '1' : '1n'].map((v) => `link('global ${t}', ${v})`),
    ),
    ...['undefined', '1', '() => {}', '{}'].map((v) => `link('global funcref', ${v})`),
    ...['1', 'undefined'].map((v) => `link('global (mut i32)', ${v})`),
    "link('global v128', 1)",
    "link('global i64', constant)",
    "link('global (mut i32)', constant)",
    "link('global i32', variable('i32'))",
    "link('global (mut i64)', variable('i32'))",
    ...['undefined', '{}', 'memory.buffer', 'table'].map((v) => `link('memory 1', ${v})`),
    "link('memory 2', memory)",
    "link('memory 1 1', memory)",
    "link('memory 1 4', new WebAssembly.Memory({ initial: 1 }))",
    ...['undefined', '[]', 'memory'].map((v) => `link('table 1 funcref', ${v})`),
    "link('table 5 funcref', table)",
    "link('table 1 2 funcref', table)",
    "link('table 1 2 funcref', new WebAssembly.Table({ element: 'anyfunc', initial: 1 }))",
    "link('table 1 externref', table)",
    "link('table 1 funcref', objects)",
  ],

  'Instantiation that goes wrong': [
    'instantiate(`(module (memory 1) (data (i32.const 65535) "xy"))`)',
    'instantiate(`(module (memory 0) (data (i32.const -1) "x"))`)',
    'instantiate(`(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))`)',
    'instantiate(`(module (func $f unreachable) (start $f))`)',
    'instantiate(`(module (memory 1) (func $f (drop (i32.load (i32.const -1)))) (start $f))`)',
    'instantiate(`(module (import "m" "f" (func $f)) (start $f))`, { m: { f() { throw new RangeError("mine"); } } })',
    'WebAssembly.instantiate(wat`(module (memory 1) (data (i32.const 65535) "xy"))`)',
    'WebAssembly.instantiate(wat`(module (func $f unreachable) (start $f))`)',
  ],

  'Values that cannot cross': [
    ...['i32', 'f32', 'f64'].flatMap((t) => ['1n', "Symbol('s')", 'Object.create(null)'].map((v) => `take.${t}(${v})`)),
    ...['', '1', '1.5', "'x'", 'null', 'undefined', 'NaN', '{}', "Symbol('s')"].map((v) => `take.i64(${v})`),
    'take.i64(() => {})',
    'take.i64(take.i32)',
    'take.i32({ valueOf() { throw new RangeError("mine"); } })',
    'take.i32({ [Symbol.toPrimitive]: 1 })',
    'take.i32({ [Symbol.toPrimitive]: () => ({}) })',
    ...['', '1', '{}', '() => {}', 'undefined'].map((v) => `take.funcref(${v})`),
    'take.v128(1)',
    ...['1n', "Symbol('s')"].map((v) => `receive('i32', ${v})`),
    ...['1', 'undefined', 'null'].map((v) => `receive('i64', ${v})`),
    ...['undefined', '1', '() => {}'].map((v) => `receive('funcref', ${v})`),
    "receive('v128', 1)",
    ...['undefined', 'null', '1', 'true', '1n', "Symbol('s')", '{}', '() => {}', '[]', '[1]', '[1, 2, 3]', "'x'"].map(
      (v) => `receive('i32 i32', ${v})`,
    ),
    "receive('i32 i64', [1, 2])",
    "receive('i32 i32', { [Symbol.iterator]: 1 })",
    "receive('i32 i32', { [Symbol.iterator]: () => 1 })",
    "receive('i32 i32', { [Symbol.iterator]: () => ({}) })",
    "receive('i32 i32', { [Symbol.iterator]: () => ({ next: 1 }) })",
    ...['undefined', 'null', '1', "'x'", '1n', "Symbol('s')"].map(
      (v) => `receive('i32 i32', { [Symbol.iterator]: () => ({ next: () => ${v} }) })`,
    ),
  ],

  Traps: [
    'unreachable',
    ...['div_s', 'div_u', 'rem_s', 'rem_u'].map((op) => `(drop (i32.${op} (i32.const 1) (local.get $zero)))`),
    '(drop (i64.rem_s (i64.const 1) (i64.extend_i32_s (local.get $zero))))',
    '(drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $zero) (i32.const 1))))',
    '(drop (i32.trunc_f32_s (f32.const nan)))',
    '(drop (i32.trunc_f64_u (f64.const -1)))',
    '(drop (i64.trunc_f64_s (f64.const 1e30)))',
    '(drop (i32.load (i32.const 65533)))',
    '(i64.store offset=0xffffffff (i32.const -1) (i64.const 0))',
    '(memory.fill (i32.const 65530) (i32.const 0) (i32.const 9))',
    '(memory.copy (i32.const 0) (i32.const 65530) (i32.const 9))',
    '(memory.init $data (i32.const 0) (i32.const 2) (i32.const 5))',
    '(memory.init $data (i32.const 65535) (i32.const 0) (i32.const 4))',
    '(call_indirect $table (type $void) (i32.const 9))',
    '(call_indirect $table (type $void) (i32.const 1))',
    '(call_indirect $table (type $int) (i32.const 0) (i32.const 0))',
    '(drop (table.get $table (i32.const 2)))',
    '(table.set $table (i32.const -1) (ref.null func))',
    '(table.fill $table (i32.const 1) (ref.null func) (i32.const 2))',
    '(table.copy $table $table (i32.const 0) (i32.const 1) (i32.const 2))',
    '(table.init $table $elem (i32.const 0) (i32.const 0) (i32.const 2))',
    '(table.init $table $elem (i32.const 2) (i32.const 0) (i32.const 1))',
    '(return_call_indirect $table (type $void) (i32.const 9))',
    '(return_call_indirect $table (type $void) (i32.const 1))',
    '(call $deep)',
  ].map((body) => `run('${body}')`),

  'Modules that are not valid': modules,
};

module.exports = { evaluate, mistakes };
