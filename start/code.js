/**
 * V8's code for the facade (`tools/code.js` makes it), in a file for the executable that made it: another one may be of
 * the same version, and built in another way. The source is in the same file, so the two belong together.
 */

/** @typedef {import('./binding.js').Binding} Binding */

/**
 * The name of the file for this executable; undefined if nothing tells that from others.
 * @param {string} directory
 * @param {Binding} binding
 */
function codeFile(directory, binding) {
  const executable = binding.executable();
  return executable === null ? undefined : `${directory}/facade-${process.version}-${executable}.code`;
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
 * @param {Binding} binding
 * @returns {{ source: string, cachedData: Uint8Array } | undefined}
 */
function readCode(directory, binding) {
  const file = codeFile(directory, binding);
  const parts = file === undefined ? null : binding.readCode(file);
  if (parts === null || !parts[1].startsWith(firstLine(directory))) return undefined;
  return { cachedData: new Uint8Array(parts[0]), source: parts[1] };
}

/**
 * A file's contents.
 * @param {Buffer} code
 * @param {string} source of ASCII characters
 */
function contents(code, source) {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(code.length);
  return Buffer.concat([length, code, Buffer.from(source, 'latin1')]);
}

export { codeFile, contents, firstLine, readCode };
