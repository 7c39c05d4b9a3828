'use strict';

// What the programs in cases/ share. Their output has to be the same wherever they run.

const crypto = require('node:crypto');
const path = require('node:path');

/** Prints a result; long ones as their length and digest. */
function print(name, value) {
  const bytes = ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : null;
  const data = bytes ?? (typeof value === 'string' ? value : JSON.stringify(value));
  const digest = () => `${data.length} ${crypto.createHash('sha256').update(data).digest('hex')}`;
  process.stdout.write(`${name}: ${!bytes && data.length <= 200 ? data : digest()}\n`);
}

/** Numbers that are the same every time. */
function random(seed) {
  let state = seed >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
  return { below: (n) => next() % n, bytes: (n) => Uint8Array.from({ length: n }, () => next() & 255) };
}

/** A file of an installed package, also one that its `exports` hides. */
const file = (...parts) => path.join(__dirname, '..', '..', 'node_modules', ...parts);

const message = (f) => {
  try {
    f();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return 'no error';
};

function run(main) {
  main().catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

module.exports = { print, random, file, message, run };
