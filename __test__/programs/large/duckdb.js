'use strict';

// DuckDB: a database in C++, by Emscripten with the old instructions of exceptions.

const path = require('node:path');

const folder = path.dirname(require.resolve('@duckdb/duckdb-wasm'));
const duckdb = require(path.join(folder, 'duckdb-node-blocking.cjs'));
const bundle = (name) => ({ mainModule: path.join(folder, `duckdb-${name}.wasm`), mainWorker: '' });

const QUERIES = [
  `select 1 + 1 as a, 'x' || 'y' as b`,
  `create table t as select i, i % 7 as k, sqrt(i) as s, 'n' || i as name from range(100000) r(i)`,
  `select k, count(*) c, sum(i) s, avg(s) a, max(name) m from t group by k order by k`,
  `select nope from t`,
  `selec`,
  `select cast('abc' as int)`,
  `select * from missing`,
  `insert into t values (1, 2)`,
  `select error('mine')`,
  `with recursive f(a, b) as (select 0::hugeint, 1::hugeint union all select b, a + b from f where b < 1e20::hugeint)
   select max(a) from f`,
  `select a.i, b.name from t a join t b on a.i = b.i + 1 where a.k = 3 order by a.i desc limit 5`,
  ...Array.from({ length: 50 }, (_, i) => `select cast('x${i}' as int)`),
  `select median(s), regexp_replace('hello world', 'o', '0', 'g'), strftime(date '2020-02-03', '%Y/%m/%d') from t`,
];

async function main() {
  const bundles = { mvp: bundle('mvp'), eh: bundle('eh') };
  const db = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);
  await db.instantiate(() => {});
  console.log(db.getVersion());
  const connection = db.connect();
  const text = (key, value) => (typeof value === 'bigint' ? String(value) : value);
  for (const query of QUERIES) {
    try {
      console.log(JSON.stringify(connection.query(query).toArray(), text));
    } catch (error) {
      console.log('error', error.message);
    }
  }
  connection.close();
}

main();
