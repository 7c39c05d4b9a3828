'use strict';

/** "Compile a potential WebAssembly response", of the WebAssembly Web API. */

const { inspect } = require('util');

const { text } = require('./errors');
const { ObjectDefineProperty, StringCharCodeAt, StringSlice, StringToLowerCase, TypeError } = require('./primordials');

/** A TypeError with a code such as Node's own functions give it. */
function responseError(message, code) {
  return ObjectDefineProperty(new TypeError(message), 'code', {
    __proto__: null,
    value: code,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** What a value is, for the text of Node's ERR_INVALID_ARG_TYPE. */
function describe(value) {
  if (value === undefined || value === null) return `${value}`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object') return `type ${typeof value} (${inspect(value)})`;
  const { constructor } = value;
  return typeof constructor === 'function' ? `an instance of ${constructor.name}` : inspect(value, { depth: -1 });
}

/** Removes tabs and spaces of HTTP from both ends. */
function trim(string) {
  const isSpace = (i) => {
    const unit = StringCharCodeAt(string, i);
    return unit === 9 || unit === 10 || unit === 13 || unit === 32;
  };
  let start = 0;
  let end = string.length;
  while (start < end && isSpace(start)) start++;
  while (end > start && isSpace(end - 1)) end--;
  return StringSlice(string, start, end);
}

/**
 * The bytes of a response, or of a promise of one. The class Response is looked up at each call:
 * Node loads it late, and programs replace it.
 * @param {any} source
 * @returns {Promise<ArrayBuffer>}
 */
async function responseBytes(source) {
  const response = await source;
  const { Response } = /** @type {any} */ (globalThis);
  if (typeof Response !== 'function' || !(response instanceof Response)) {
    throw responseError(text.response(describe(response)), 'ERR_INVALID_ARG_TYPE');
  }
  // 2.-5. The MIME type, without parameters.
  const type = response.headers.get('Content-Type');
  if (type === null || StringToLowerCase(trim(`${type}`)) !== 'application/wasm') {
    throw responseError(text.responseType(type), 'ERR_WEBASSEMBLY_RESPONSE');
  }
  // 7. The status.
  if (!response.ok) throw responseError(text.responseStatus(response.status), 'ERR_WEBASSEMBLY_RESPONSE');
  if (response.bodyUsed) throw responseError(text.responseUsed, 'ERR_WEBASSEMBLY_RESPONSE');
  // 8. The body.
  return response.arrayBuffer();
}

module.exports = { responseBytes };
