'use strict';

const fs = require('node:fs');
const { file, done } = require('./common');
const { initWasm, Resvg } = require(file('@resvg', 'resvg-wasm'));

initWasm(fs.readFileSync(file('@resvg', 'resvg-wasm', 'index_bg.wasm'))).then(() => {
  const loaded = performance.now();
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><circle cx="40" cy="30" r="20"/></svg>';
  done(loaded, new Resvg(svg).render().asPng().length);
});
