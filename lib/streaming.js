/** "Compile a potential WebAssembly response", of the WebAssembly Web API. */

import * as binding from './binding.js';

import { allowed, isRestricted } from './policy.js';
import {
  ObjectDefineProperty,
  StringCharCodeAt,
  StringSlice,
  StringToLowerCase,
  TypeError,
  Uint8Array,
  inspect,
} from './primordials.js';
import { bufferSource } from './webidl.js';
import { text } from './texts.js';

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
 * A response that has a module, of itself or of a promise. The class Response is looked up at each call:
 * Node loads it late, and programs replace it.
 * @param {any} source
 * @returns {Promise<any>}
 */
async function moduleResponse(source) {
  const response = await source;
  const { Response } = /** @type {any} */ (globalThis);
  if (typeof Response !== 'function' || !(response instanceof Response)) {
    throw responseError(text().response(describe(response)), 'ERR_INVALID_ARG_TYPE');
  }
  // 2.-5. The MIME type, without parameters.
  const type = response.headers.get('Content-Type');
  if (type === null || StringToLowerCase(trim(`${type}`)) !== 'application/wasm') {
    throw responseError(text().responseType(type), 'ERR_WEBASSEMBLY_RESPONSE');
  }
  // 7. The status.
  if (!response.ok) throw responseError(text().responseStatus(response.status), 'ERR_WEBASSEMBLY_RESPONSE');
  if (response.bodyUsed) throw responseError(text().responseUsed, 'ERR_WEBASSEMBLY_RESPONSE');
  return response;
}

/** What takes bytes as they arrive; undefined where they must be seen as a whole first. */
function newStream() {
  if (isRestricted()) return undefined;
  try {
    return binding.rare.newStream();
  } catch {
    return undefined;
  }
}

/**
 * What the engine makes of the body of a response.
 * @param {any} source a response or a promise of one
 * @param {string} api
 * @returns {Promise<number | string>} as `binding.compile`
 */
async function compileSource(source, api) {
  const response = await moduleResponse(source);
  // 8. The body, which is compiled as it arrives.
  const stream = newStream();
  if (stream === undefined) {
    const bytes = allowed(new Uint8Array(await response.arrayBuffer()), api);
    return bytes.length === 0 ? text().emptyResponse : binding.compileAsync(bytes);
  }
  let size = 0;
  const { body } = response;
  if (body !== null) {
    for await (const chunk of body) {
      const bytes = bufferSource(chunk);
      if (bytes === undefined) throw responseError(text().responseChunk, 'ERR_INVALID_ARG_TYPE');
      size += bytes.length;
      binding.rare.pushToStream(stream, bytes);
    }
  }
  return size === 0 ? text().emptyResponse : binding.rare.finishStream(stream);
}

export { compileSource };
