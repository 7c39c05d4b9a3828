'use strict';

const { file, done } = require('./common');

require(file('sql.js', 'dist', 'sql-wasm.js'))().then((SQL) => {
  const loaded = performance.now();
  const db = new SQL.Database();
  db.run('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 4)');
  done(loaded, db.exec('SELECT sum(a * b) FROM t')[0].values[0][0]);
});
