'use strict';

/** The `stack` of traps: the frames of wasm, as V8 writes them, above those of JavaScript. */

const binding = require('./binding');
const {
  Error,
  ErrorCaptureStackTrace,
  NumberToString,
  ObjectGetOwnPropertyDescriptor,
  ObjectSetPrototypeOf,
  ReflectApply,
  StringIncludes,
  StringIndexOf,
  StringPadStart,
  StringSlice,
} = require('./primordials');
const { WORDS, i32 } = require('./scratch');

/**
 * @typedef {object} Trace
 * @property {object} error
 * @property {any} holder what V8 has captured the frames of JavaScript for
 * @property {number[]} frames of wasm, innermost first: numbers of modules, each with an offset in its bytes
 * @property {number} limit how many frames are shown
 * @property {string} [text] once somebody has asked
 */

/** Where functions of `lib/wrappers.js` are, says V8: the frames that stand for those of wasm. */
const WRAPPERS = 'wasm://wasm/wrt';
/** How many of them there are for a call. */
const WRAPPER_FRAMES = 2;
/** More frames of wasm are not noted. */
const MOST = 200;
/** What each frame begins with. */
const AT = '\n    at ';

/** V8's own getter of `stack`, where it has one (Node 21 and later). */
const v8Stack = ObjectGetOwnPropertyDescriptor(new Error(), 'stack')?.get;

/**
 * Notes the frames of the guest that has just trapped, and those of JavaScript below. A text is made of them only
 * when it is asked for: that costs more than all the rest of a trap.
 * @param {object} error
 * @param {number} limit
 * @param {Function} below
 * @returns {Trace}
 */
function capture(error, limit, below) {
  i32[WORDS] = limit > MOST ? MOST : limit;
  binding.frames();
  const frames = [];
  for (let k = 0; k < 2 * i32[WORDS]; k++) frames[k] = i32[WORDS + 2 + k];
  const holder = v8Stack === undefined ? {} : error;
  // What stands for frames of wasm is not shown, and does not count.
  Error.stackTraceLimit = limit + WRAPPER_FRAMES;
  ErrorCaptureStackTrace(holder, below);
  Error.stackTraceLimit = limit;
  return { error, holder, frames, limit };
}

/**
 * @param {Trace} trace
 * @returns {any}
 */
function format(trace) {
  if (trace.text !== undefined) return trace.text;
  const { error, holder, frames, limit } = trace;
  // Only now, since V8 makes prototypes slow.
  if (v8Stack === undefined) ObjectSetPrototypeOf(holder, error);
  const text = v8Stack === undefined ? holder.stack : ReflectApply(v8Stack, error, []);
  // The program may have its own idea of a stack (`Error.prepareStackTrace`).
  if (typeof text !== 'string') return text;
  trace.text = withFrames(text, frames, limit);
  return trace.text;
}

/** Puts frames of wasm in place of the topmost ones, which are those of the wrapper. */
function withFrames(text, frames, limit) {
  const top = StringIndexOf(text, AT);
  if (top < 0) return text;
  let result = StringSlice(text, 0, top);
  let shown = 0;
  for (let k = 0; k < frames.length && shown < limit; k += 2) {
    const frame = binding.describeFrame(frames[k], frames[k + 1]);
    if (frame === null) continue;
    result += AT + describe(frame, frames[k + 1]);
    shown++;
  }
  let wrapper = frames.length > 0;
  for (let from = top; from >= 0 && shown < limit;) {
    const next = StringIndexOf(text, AT, from + 1);
    const line = StringSlice(text, from, next < 0 ? text.length : next);
    wrapper &&= StringIncludes(line, WRAPPERS);
    if (!wrapper) {
      result += line;
      shown++;
    }
    from = next;
  }
  return result;
}

/**
 * A frame as V8 writes it.
 * @param {{ index: number, name?: string, moduleName?: string, hash: number }} frame
 * @param {number} offset
 */
function describe({ index, name, moduleName, hash }, offset) {
  const hex = StringPadStart(NumberToString(hash, 16), 8, '0');
  const url = `wasm://wasm/${moduleName ? `${moduleName}-` : ''}${hex}`;
  const place = `${url}:wasm-function[${index}]:0x${NumberToString(offset, 16)}`;
  if (!name && !moduleName) return place;
  return `${moduleName ?? ''}${name && moduleName ? '.' : ''}${name ?? ''} (${place})`;
}

module.exports = { WRAPPERS, capture, format };
