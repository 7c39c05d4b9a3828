'use strict';

// Reference types beyond funcref and externref: what converts to them, what links, and the instructions of null.

const fs = require('node:fs');
const path = require('node:path');
const { same, ours, instantiate } = require('../support/compare');

const MODULE = fs.readFileSync(path.join(__dirname, '..', '..', 'target', 'spec', 'modules', 'references.wasm'));

/** A test of the exports of `references.wat`, unless the V8 that the test runs on is too old for them. */
const references = (title, body) =>
  same(`Typed references: ${title}`, (W, log) => {
    if (!W.validate(MODULE)) return log('not there');
    const object = { name: 'object' };
    return body(W, log, instantiate(W, MODULE, { m: { object } }), object);
  });

const VALUES = ({ x, y, sub }) => ({ null: null, undefined, x, y, sub, 1: 1, function: () => 1 });

const TYPES = ['func', 'null $f', '$f', 'null nofunc', 'null noextern', 'extern', 'null exn', 'null noexn'];

for (const type of TYPES) {
  references(`values of globals: (ref ${type})`, (W, log, exports) => {
    const global = exports[`g ${type}`];
    for (const [as, value] of Object.entries(VALUES(exports))) {
      log(as);
      log.try(() => void (global.value = value));
      log.try(() => global.value);
    }
  });

  if (type === 'extern' || type === 'null exn') continue;

  references(`elements of tables: (ref ${type})`, (W, log, exports) => {
    const table = exports[`t ${type}`];
    for (const [as, value] of Object.entries(VALUES(exports))) {
      log.try(() => table.set(0, value), { as: `set ${as}` });
      log.try(() => table.grow(1, value), { as: `grow ${as}` });
    }
    // Its text has the number of the type in this process.
    if (type !== '$f') log.try(() => table.set(0), { as: 'set' });
    log.try(() => table.grow(0), { as: 'grow' });
    log.try(() => table.get(0), { as: 'get' });
  });
}

for (const type of ['func', 'null $f', '$f', 'null nofunc', 'null noextern', 'extern', 'null noexn']) {
  references(`parameters: (ref ${type})`, (W, log, exports) => {
    for (const [as, value] of Object.entries(VALUES(exports))) log.try(() => exports[`p ${type}`](value), { as });
  });
}

/** As in `references.wat`: $f, $open, $sub, $tag, $open_tag. */
const TYPE_SECTION = [
  ...[5, 0x60, 1, 0x7f, 1, 0x7f],
  ...[0x50, 0, 0x60, 0, 0],
  ...[0x50, 1, 1, 0x60, 0, 0],
  ...[0x60, 1, 0x7f, 0],
  ...[0x50, 0, 0x60, 1, 0x7f, 0],
];
const [F, OPEN, SUB, TAG, OPEN_TAG] = [0, 1, 2, 3, 4];
const section = (id, contents) => [id, contents.length, ...contents];
/** The import "m" "x". */
const importing = (...type) =>
  new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, TYPE_SECTION),
    ...section(2, [1, 1, 0x6d, 1, 0x78, ...type]),
  ]);
const NULLABLE = 0x63;
const NOT_NULL = 0x64;
const CONSTANT = 0;
const VARIABLE = 1;
const global = (...type) => importing(3, ...type);

const GLOBALS = {
  funcref: global(0x70, CONSTANT),
  externref: global(0x6f, CONSTANT),
  '(ref func)': global(NOT_NULL, 0x70, CONSTANT),
  '(ref extern)': global(NOT_NULL, 0x6f, CONSTANT),
  '(ref null $f)': global(NULLABLE, F, CONSTANT),
  '(ref $f)': global(NOT_NULL, F, CONSTANT),
  '(ref $open)': global(NOT_NULL, OPEN, CONSTANT),
  '(ref null $sub)': global(NULLABLE, SUB, CONSTANT),
  '(mut (ref null $open))': global(NULLABLE, OPEN, VARIABLE),
  '(mut (ref null $sub))': global(NULLABLE, SUB, VARIABLE),
  nullfuncref: global(0x73, CONSTANT),
  nullexternref: global(0x72, CONSTANT),
  exnref: global(0x69, CONSTANT),
};

for (const [type, bytes] of Object.entries(GLOBALS)) {
  references(`imports of globals: ${type}`, (W, log, exports) => {
    const link = (as, x) => log.try(() => void instantiate(W, bytes, { m: { x } }), { as });
    for (const [as, value] of Object.entries(VALUES(exports))) link(as, value);
    for (const as of Object.keys(exports)) if (exports[as] instanceof W.Global) link(as, exports[as]);
  });
}

const OTHERS = {
  'funcs: $f': importing(0, F),
  'funcs: $open': importing(0, OPEN),
  'funcs: $sub': importing(0, SUB),
  'tables: funcref': importing(1, 0x70, 0, 1),
  'tables: (ref func)': importing(1, NOT_NULL, 0x70, 0, 1),
  'tables: (ref null $f)': importing(1, NULLABLE, F, 0, 1),
  'tables: (ref $f)': importing(1, NOT_NULL, F, 0, 1),
  'tags: $tag': importing(4, 0, TAG),
  'tags: $open_tag': importing(4, 0, OPEN_TAG),
};

for (const [kind, bytes] of Object.entries(OTHERS)) {
  references(`imports of ${kind}`, (W, log, exports) => {
    const [name] = kind.split(':');
    const is = {
      funcs: (x) => typeof x === 'function',
      tables: (x) => x instanceof W.Table,
      tags: (x) => x instanceof W.Tag,
    };
    for (const [as, x] of Object.entries(exports)) {
      if (is[name](x)) log.try(() => void instantiate(W, bytes, { m: { x } }), { as });
    }
  });
}

/** A function "f" with a result of a type, which gets it from the host. */
const host = (...type) =>
  new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 1, ...type]),
    ...section(2, [1, 1, 0x6d, 1, 0x78, 0, 1]),
    ...section(3, [1, 1]),
    ...section(7, [1, 1, 0x66, 0, 1]),
    ...section(10, [1, 4, 0, 0x10, 0, 0x0b]),
  ]);

const RESULTS = {
  '(ref func)': host(NOT_NULL, 0x70),
  '(ref null $f)': host(NULLABLE, F),
  '(ref $f)': host(NOT_NULL, F),
  '(ref extern)': host(NOT_NULL, 0x6f),
  nullfuncref: host(0x73),
  nullexternref: host(0x72),
  exnref: host(0x69),
};

for (const [type, bytes] of Object.entries(RESULTS)) {
  references(`results of host functions: ${type}`, (W, log, exports) => {
    for (const [as, value] of Object.entries(VALUES(exports))) {
      const { f } = instantiate(W, bytes, { m: { x: () => value } });
      log.try(f, { as });
    }
  });
}

references('results of functions', (W, log, exports, object) => {
  log(exports['result $f']() === exports.x, exports['result extern']() === object);
});

references('instructions of null and casts, in all forms of code', (W, log, exports, object) => {
  const { x, y, open, sub } = exports;
  const rounds = () => {
    for (const name of ['call_ref of null', 'return_call_ref of null', 'ref.as_non_null of null']) {
      log.try(exports[name], { as: name });
    }
    for (const name of ['ref.as_non_null', 'br_on_null', 'br_on_non_null']) {
      for (const value of [object, undefined, 0, null]) log.try(() => exports[name](value), { as: name });
    }
    for (const value of [x, y, open, sub, null]) {
      log.try(() => exports['is $open'](value), { as: 'is $open' });
      log.try(() => exports['cast to $sub'](value), { as: 'cast to $sub' });
    }
    for (let i = 0; i < 5; i++) log.try(() => exports['call $open'](i), { as: `call $open ${i}` });
  };
  rounds();
  for (let i = 0; i < 12_000; i++) {
    for (const f of [exports['is $open'], exports['cast to $sub']]) f(sub);
    for (const f of [exports.br_on_null, exports.br_on_non_null, exports['ref.as_non_null']]) f(object);
    exports['call $open'](1);
  }
  rounds();
});

ours('types tell what values are', (W) => {
  const exports = instantiate(W, MODULE, { m: { object: {} } });
  const type = (name) => exports[name].type().value;
  expect(['g func', 'g extern', 'g null nofunc', 'g null noextern', 'g null noexn'].map(type)).toEqual([
    '(ref func)',
    '(ref extern)',
    'nullfuncref',
    'nullexternref',
    'nullexnref',
  ]);
  // A declared type has the number that it has in this process, the same in all modules.
  expect(type('g $f')).toMatch(/^\(ref \d+\)$/);
  expect(exports['t null $f'].type().element).toBe(type('g null $f'));
  const [{ type: imported }] = W.Module.imports(new W.Module(GLOBALS['(ref $f)']));
  expect(imported.value).toBe(type('g $f'));
});

ours('functions that others of a declared type refer to live on', (W) => {
  const exports = instantiate(W, MODULE, { m: { object: {} } });
  const other = instantiate(W, MODULE, { m: { object: {} } });
  exports['g $f'].value = other.x;
  exports['t $f'].set(1, other.x);
  expect([exports['g $f'].value, exports['t $f'].get(1)]).toEqual([other.x, other.x]);
  expect(exports['g $f'].value(7)).toBe(7);
});
