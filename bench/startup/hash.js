'use strict';

const { file, done } = require('./common');
const { createSHA256 } = require(file('hash-wasm'));

createSHA256().then((hasher) => {
  const loaded = performance.now();
  done(loaded, hasher.init().update('a small task').digest('hex'));
});
