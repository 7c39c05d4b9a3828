'use strict';

// npm run demo
//
// sql.js, SQLite as it is installed from npm, fills and queries a database: in one process on V8's WebAssembly, in
// another on wrt, which takes its place by one assignment. Both have to print the same.

const { spawnSync } = require('node:child_process');

const ENGINES = { v8: 'V8, built into Node', wrt: 'wrt, this package' };

async function shop() {
  const SQL = await require('sql.js')(); // instantiates whatever globalThis.WebAssembly is
  const db = new SQL.Database();
  db.run(`
    CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT REFERENCES customer, day TEXT, cents INT);
    CREATE INDEX orders_of ON orders (customer);
    BEGIN`);
  const cities = ['Lisbon', 'Kraków', 'Oslo', 'Nairobi', 'Lima'];
  const customer = db.prepare('INSERT INTO customer VALUES (?, ?, ?)');
  for (let i = 0; i < 500; i++) customer.run([i, `Customer ${i}`, cities[i % cities.length]]);
  customer.free();
  const order = db.prepare("INSERT INTO orders VALUES (?, ?, date('2024-01-01', ? || ' days'), ?)");
  for (let i = 0; i < 50_000; i++) order.run([i, (i * 7919) % 500, (i * 31) % 366, 100 + ((i * 104_729) % 9_900)]);
  order.free();
  db.run('COMMIT');

  db.create_function('euros', (cents) => `${(cents / 100).toFixed(2)} €`); // SQL calls JavaScript
  const queries = {
    'revenue by city': `SELECT city, count(*) AS orders, euros(sum(cents)) AS revenue
      FROM orders JOIN customer ON customer.id = orders.customer GROUP BY city ORDER BY sum(cents) DESC`,
    'best month of each city': `SELECT city, month, euros(total) AS revenue FROM (
        SELECT city, substr(day, 1, 7) AS month, sum(cents) AS total,
          rank() OVER (PARTITION BY city ORDER BY sum(cents) DESC) AS place
        FROM orders JOIN customer ON customer.id = orders.customer GROUP BY city, month)
      WHERE place = 1 ORDER BY city`,
    'the database': `SELECT (SELECT count(*) FROM orders) AS orders, page_count * page_size AS bytes,
      (SELECT integrity_check FROM pragma_integrity_check) AS check_result FROM pragma_page_count, pragma_page_size`,
  };
  const results = Object.entries(queries).map(([title, sql]) => ({ title, ...db.exec(sql)[0] }));
  db.close();
  return results;
}

/** In a process of its own: the work, on one engine. */
async function work(engine) {
  const builtin = globalThis.WebAssembly;
  if (engine === 'wrt') globalThis.WebAssembly = require('..');
  const start = performance.now();
  const results = await shop();
  const time = performance.now() - start;
  const ran = globalThis.WebAssembly === builtin ? 'v8' : 'wrt';
  process.stdout.write(JSON.stringify({ ran, results, time }));
}

function inProcess(engine) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [__filename, '--engine', engine], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`sql.js failed on ${ENGINES[engine]}:\n${stderr}`);
  const answer = JSON.parse(stdout);
  if (answer.ran !== engine) throw new Error(`sql.js ran on ${ENGINES[answer.ran]} instead of ${ENGINES[engine]}`);
  return answer;
}

function printTable({ title, columns, values }) {
  const rows = [columns, ...values].map((row) => row.map(String));
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  console.log(`\n${title}`);
  for (const row of rows) console.log(`  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd());
}

function main() {
  const wrt = inProcess('wrt');
  const v8 = inProcess('v8');
  const { devDependencies } = require('../package.json');
  console.log(`sql.js ${devDependencies['sql.js']} on node ${process.version}, the results of wrt:`);
  wrt.results.forEach(printTable);
  console.log();
  for (const [engine, { time }] of Object.entries({ wrt, v8 })) {
    console.log(`${ENGINES[engine].padEnd(20)} ${time.toFixed(0).padStart(6)} ms, from loading sql.js to the last row`);
  }
  const equal = JSON.stringify(wrt.results) === JSON.stringify(v8.results);
  console.log(equal ? '\nThe results of both engines are equal.' : '\nTHE RESULTS DIFFER.');
  process.exitCode = equal ? 0 : 1;
}

if (process.argv[2] === '--engine') work(process.argv[3]);
else main();
