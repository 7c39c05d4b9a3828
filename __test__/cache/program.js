'use strict';

// A small program on wrt with its cache, run by the tests in processes of its own: node program.js DIRECTORY [ROUNDS [flush]]

const crypto = require('node:crypto');
const fs = require('node:fs');

const wrt = require('../..');

const { status, message } = wrt.enableCompileCache(process.argv[2]);
const bytes = fs.readFileSync(require.resolve('sql.js/dist/sql-wasm.wasm'));

async function main() {
  let module;
  const instantiateWasm = (imports, done) => {
    module = new wrt.Module(bytes);
    done(new wrt.Instance(module, imports), module);
    return {};
  };
  const SQL = await require('sql.js/dist/sql-wasm.js')({ instantiateWasm });
  const db = new SQL.Database();
  db.run('CREATE TABLE t (a INTEGER, b TEXT)');
  db.run('BEGIN');
  for (let i = 0; i < Number(process.argv[3] || 50); i++) db.run('INSERT INTO t VALUES (?, ?)', [i, `row ${i * i}`]);
  db.run('COMMIT');
  const [{ values }] = db.exec('SELECT count(*), sum(a), max(b), group_concat(b) FROM t');
  const result = crypto.createHash('sha256').update(JSON.stringify(values)).digest('hex');
  const cache = status === 'failed' ? { status, message } : wrt.getCompileCacheStatus(module);
  let problem;
  try {
    if (process.argv[4] === 'flush') wrt.flushCompileCache();
  } catch (error) {
    problem = error.message;
  }
  console.log(JSON.stringify({ result, cache, problem }));
}

main();
