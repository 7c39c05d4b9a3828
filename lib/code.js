'use strict';

/**
 * V8's code for the facade (`tools/code.js` makes it), in a file for the executable that made it: another one may be of
 * the same version, and built in another way. The source is in the same file, so the two belong together.
 */

const fs = require('fs');
const path = require('path');

/** Before all else: the size of V8's code, whose start has to be aligned. The source comes last. */
const HEADER = 8;

/**
 * The name of the file for this executable.
 * @param {string} directory
 */
function codeFile(directory) {
  const { size, mtimeMs } = fs.statSync(process.execPath);
  return path.join(directory, `facade-${process.version}-${size}-${Math.trunc(mtimeMs)}.code`);
}

/**
 * The first line of the source. V8's code names the place at which it was made, in stacks too, so it is not taken at
 * another one.
 * @param {string} directory
 */
const firstLine = (directory) => `//${encodeURI(directory)}\n`;

/**
 * What was kept for this executable. Whatever it is that prevents that, there is the facade by itself.
 * @param {string} directory
 * @returns {{ source: string, cachedData: Buffer } | undefined}
 */
function readCode(directory) {
  // In another context, of a test runner say, the facade must be made of what is in that context.
  if (!(fs.readFileSync instanceof Function)) return undefined;
  let all;
  try {
    const file = codeFile(directory);
    if (!fs.existsSync(file)) return undefined;
    all = fs.readFileSync(file);
  } catch {
    return undefined; // Node was told not to read there.
  }
  const end = all.length < HEADER ? HEADER : HEADER + all.readUInt32LE(0);
  if (end >= all.length) return undefined; // Somebody cut it.
  const source = all.toString('latin1', end);
  return source.startsWith(firstLine(directory)) ? { cachedData: all.subarray(HEADER, end), source } : undefined;
}

module.exports = { HEADER, codeFile, firstLine, readCode };
