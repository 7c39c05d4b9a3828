'use strict';

/**
 * Exports beyond the standard: compiled code that outlives the process, as bytes
 * (`Module.serialize`, `Module.deserialize`) or in a directory (`enableCompileCache`).
 */

const os = require('os');
const path = require('path');
const binding = require('./binding');
const { CompileError, prefixed } = require('./errors');
const { createModule, requireBytes, requireModule } = require('./module');
const { allowed } = require('./policy');
const { MathMin, StringIndexOf, StringSlice, TypeError, Uint8Array } = require('./primordials');

/** Milliseconds after which new code is first written in the background, and the longest pause later. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

/** @type {string | undefined} */
let enabled;

/** Where code is kept unless the user says otherwise: a place of the user's own, since what lies there is run. */
function defaultDirectory() {
  const { WRT_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  if (WRT_CACHE_DIR) return WRT_CACHE_DIR;
  return path.join(XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'wrt');
}

/** Writes off this thread what has been compiled since, now and then, while the process lives for other reasons. */
function writeInBackground(pause) {
  const timer = setTimeout(async () => {
    // What cannot be written now may be later; `flushCompileCache` tells the reason.
    const count = await binding.flushCacheAsync().catch(() => 0);
    writeInBackground(count > 0 ? FIRST_PAUSE : MathMin(2 * pause, LONGEST_PAUSE));
  }, pause);
  timer.unref();
}

function writeAtExit() {
  try {
    binding.flushCache();
  } catch {
    // A full or vanished disk is no reason for the process to fail.
  }
}

const extensions = {
  enableCompileCache(directory = undefined) {
    if (directory !== undefined && typeof directory !== 'string') {
      throw new TypeError('wrt.enableCompileCache(): Argument 0 must be a string');
    }
    const wanted = path.resolve(directory === undefined ? defaultDirectory() : directory);
    try {
      const status = enabled === undefined ? 'enabled' : 'alreadyEnabled';
      if (enabled === undefined) {
        enabled = binding.enableCache(wanted);
        process.once('exit', writeAtExit);
        writeInBackground(FIRST_PAUSE);
      }
      return { status, directory: enabled };
    } catch (error) {
      return { status: 'failed', message: `${wanted}: ${/** @type {Error} */ (error).message}` };
    }
  },

  flushCompileCache() {
    return binding.flushCache();
  },

  getCompileCacheDir() {
    return enabled;
  },

  getCompileCacheStatus(module) {
    const { handle } = requireModule(module, 'wrt.getCompileCacheStatus()');
    const status = binding.cacheStatus(handle);
    const refused = 'refused: ';
    if (StringIndexOf(status, refused) !== 0) return { status };
    return { status: 'refused', reason: StringSlice(status, refused.length) };
  },
};

const moduleExtensions = {
  serialize(module) {
    return binding.serialize(requireModule(module, 'WebAssembly.Module.serialize()').handle);
  },

  deserialize(image, bytes) {
    const api = 'WebAssembly.Module.deserialize()';
    // A copy: nobody must change the image while it is checked and taken.
    const copy = new Uint8Array(requireBytes(image, api));
    const result = binding.deserialize(copy, allowed(requireBytes(bytes, api), api));
    if (typeof result === 'string') throw prefixed(CompileError, api, result);
    return createModule(result, api);
  },
};

if (process.env.WRT_CACHE_DIR) extensions.enableCompileCache();

module.exports = { extensions, moduleExtensions };
