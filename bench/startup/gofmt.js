'use strict';

const { file, done } = require('./common');

(async () => {
  const { default: init, format } = await import(file('@wasm-fmt', 'gofmt', 'gofmt_node.js')).catch(
    () => import(file('@wasm-fmt', 'gofmt', 'gofmt.js')),
  );
  if (init) await init();
  const loaded = performance.now();
  done(loaded, format('package a\nfunc  f( x int)int{return x+1}\n'));
})();
