/**
 * Exports beyond the standard: compiled code that outlives the process, as bytes
 * (`Module.serialize`, `Module.deserialize`) or in a directory (`enableCompileCache`).
 */

const path = require('path');
import * as binding from './binding.js';
import { CompileError, prefixed } from './errors.js';
import { createModule, requireBytes, requireModule } from './module.js';
import { allowed } from './policy.js';
import { StringIndexOf, StringSlice, TypeError, Uint8Array } from './primordials.js';

/** @type {string | undefined} */
let enabled;

/** Where code is kept unless the user says otherwise: a place of the user's own, since what lies there is run. */
function defaultDirectory() {
  const { WRT_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  if (WRT_CACHE_DIR) return WRT_CACHE_DIR;
  return path.join(XDG_CACHE_HOME || path.join(require('os').homedir(), '.cache'), 'wrt');
}

function writeAtExit() {
  try {
    binding.rare.flushCache(true);
  } catch {
    // A full or vanished disk is no reason for the process to fail.
  }
}

const extensions = {
  enableCompileCache(directory = undefined) {
    if (directory !== undefined && typeof directory !== 'string') {
      throw new TypeError('wrt.enableCompileCache(): Argument 0 must be a string');
    }
    let wanted = directory;
    try {
      // Where there is no current directory, nothing is relative to it.
      wanted = path.resolve(wanted === undefined ? defaultDirectory() : wanted);
      const status = enabled === undefined ? 'enabled' : 'alreadyEnabled';
      if (enabled === undefined) {
        enabled = binding.rare.enableCache(wanted);
        process.once('exit', writeAtExit);
      }
      return { status, directory: enabled };
    } catch (error) {
      return { status: 'failed', message: `${wanted ?? 'no directory'}: ${/** @type {Error} */ (error).message}` };
    }
  },

  flushCompileCache() {
    return binding.rare.flushCache(false);
  },

  getCompileCacheDir() {
    return enabled;
  },

  getCompileCacheStatus(module) {
    const { handle } = requireModule(module, 'wrt.getCompileCacheStatus()');
    const status = binding.rare.cacheStatus(handle);
    const refused = 'refused: ';
    if (StringIndexOf(status, refused) !== 0) return { status };
    return { status: 'refused', reason: StringSlice(status, refused.length) };
  },
};

const moduleExtensions = {
  serialize(module) {
    return binding.rare.serialize(requireModule(module, 'WebAssembly.Module.serialize()').handle);
  },

  deserialize(image, bytes) {
    const api = 'WebAssembly.Module.deserialize()';
    // A copy: nobody must change the image while it is checked and taken.
    const copy = new Uint8Array(requireBytes(image, api));
    const result = binding.rare.deserialize(copy, allowed(requireBytes(bytes, api), api));
    if (typeof result === 'string') throw prefixed(CompileError, api, result);
    return createModule(result, api);
  },
};

if (process.env.WRT_CACHE_DIR) extensions.enableCompileCache();

export { extensions, moduleExtensions };
