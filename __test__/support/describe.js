'use strict';

// Values as texts that can be compared between implementations, and between realms.

const TYPES = ['Module', 'Instance', 'Memory', 'Table', 'Global', 'Tag', 'Exception'];
const ERRORS = ['CompileError', 'LinkError', 'RuntimeError'];

const SOURCE = /^(Cannot convert )?(?:function |class |async |\(|\[name\]).*( to a BigInt| is not a constructor)$/s;

const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);

/** Objects that a closure made itself should be logged by comparing them. */
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
  const list = (values) => values.map((v) => describeValue(W, v, depth + 1)).join(', ');
  if (Array.isArray(value)) return `[${list(value)}]`;
  if (tag(value) !== 'Object' && tag(value) !== 'Module') return tag(value);
  const entries = Object.entries(value).map(([k, v]) => `${k}: ${describeValue(W, v, depth + 1)}`);
  return `${Object.getPrototypeOf(value) === null ? 'null ' : ''}{${entries.join(', ')}}`;
}

/** Class and text of an error. */
function describeError(W, error, { text = true } = {}) {
  if (tag(error) !== 'Error') return `thrown: ${describeValue(W, error)}`;
  const own = ERRORS.find((type) => error instanceof W[type]);
  const type = own ? `WebAssembly.${own}` : error.constructor.name;
  if (!text) return type;
  // The source of a function in a text: of a test that of the test, of an exported function the engine's affair.
  const message = error.message.replace(SOURCE, '$1FUNCTION$2');
  return `${type}: ${message}`;
}

module.exports = { describeError, describeValue };
