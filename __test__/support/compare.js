'use strict';

// Differential tests: the same closure runs with V8's namespace and with ours, and all that it logs has to be equal.

// Messages follow the V8 of Node 20; elsewhere only the classes of errors are compared.
const TEXTS = /^v20\./.test(process.version);
const TYPES = ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception'];
const ERRORS = ['CompileError', 'LinkError', 'RuntimeError'];

const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);

/** A value as comparable data. Objects that the closure made itself should be logged by comparing them. */
function describeValue(W, value, depth = 0) {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'function') return `function ${value.name}/${value.length}`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (tag(value) === 'Error') return describeError(W, value);
  for (const type of TYPES) if (W[type] && value instanceof W[type]) return `WebAssembly.${type}`;
  if (tag(value) === 'ArrayBuffer' || tag(value) === 'SharedArrayBuffer') return `${tag(value)}(${value.byteLength})`;
  if (ArrayBuffer.isView(value)) return `${tag(value)}[${Array.from(value)}]`;
  if (depth > 3) return tag(value);
  if (Array.isArray(value)) return value.map((v) => describeValue(W, v, depth + 1));
  if (tag(value) !== 'Object' && tag(value) !== 'Module') return tag(value);
  const entries = Object.entries(value).map(([k, v]) => [k, describeValue(W, v, depth + 1)]);
  return Object.getPrototypeOf(value) === null ? { null: entries } : entries;
}

function describeError(W, error, { text = true } = {}) {
  if (tag(error) !== 'Error') return `thrown: ${describeValue(W, error)}`;
  const own = ERRORS.find((type) => error instanceof W[type]);
  const type = own ? `WebAssembly.${own}` : error.constructor.name;
  return TEXTS && text ? `${type}: ${error.message}` : type;
}

function logger(W) {
  const entries = [];
  const log = (...values) => entries.push(values.map((v) => describeValue(W, v)));
  /** What the action returns, or the error that it throws. */
  log.try = (action, options) => {
    let result;
    try {
      result = action();
    } catch (error) {
      entries.push(`throws ${describeError(W, error, options)}`);
      return undefined;
    }
    log('returns', result);
    return result;
  };
  /** The same of a promise; an error thrown instead of a rejection shows. */
  log.settled = async (action, options) => {
    let promise;
    try {
      promise = action();
    } catch (error) {
      entries.push(`throws ${describeError(W, error, options)}`);
      return undefined;
    }
    try {
      const result = await promise;
      log('resolves', result);
      return result;
    } catch (error) {
      entries.push(`rejects ${describeError(W, error, options)}`);
      return undefined;
    }
  };
  return { log, entries };
}

async function observe(W, body, ...args) {
  const { log, entries } = logger(W);
  await body(W, log, ...args);
  return entries;
}

/** A test that `body(W, log)` logs the same with both implementations. WRT_TEST_SHOW=1 prints what V8 logs. */
function same(title, body) {
  test(title, async () => {
    const expected = await observe(wrtTest.builtin, body);
    const actual = await observe(wrtTest.impl, body);
    expect(expected.length).toBeGreaterThan(0);
    if (process.env.WRT_TEST_SHOW) process.stdout.write(`${title}\n${JSON.stringify(expected, null, 1)}\n`);
    expect(actual).toEqual(expected);
  });
}
/** One such test for each case, which `body(W, log, case)` receives. */
same.each = (cases) => (title, body) => {
  for (const [name, value] of Object.entries(cases)) {
    same(`${title}: ${name}`, (W, log) => body(W, log, value));
  }
};

/** A test of `body(W)` that needs no comparison. */
const ours = (title, body) => test(title, () => body(wrtTest.impl));

const instantiate = (W, bytes, imports) => new W.Instance(new W.Module(bytes), imports).exports;

module.exports = { same, ours, instantiate };
