'use strict';

// sql.js: C by Emscripten. A large interpreter, JavaScript functions in its table, growing memory.

const initSqlJs = require('sql.js');
const { print, random, message, run } = require('../case');

run(async () => {
  const SQL = await initSqlJs();
  const db = new SQL.Database();
  const { below } = random(7);
  db.run(`CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT UNIQUE, born INT);
    CREATE TABLE book (id INTEGER PRIMARY KEY, author INT REFERENCES author, title TEXT, pages INT, price REAL, cover BLOB);
    CREATE INDEX by_author ON book (author, pages);`);
  db.run('BEGIN');
  const author = db.prepare('INSERT INTO author VALUES (?, ?, ?)');
  for (let i = 0; i < 300; i++) author.run([i, `author ${i} ${'äöü☃'[i & 3]}`, 1800 + below(200)]);
  author.free();
  const book = db.prepare('INSERT INTO book VALUES (?, ?, ?, ?, ?, ?)');
  for (let i = 0; i < 12_000; i++) {
    book.run([
      i,
      below(300),
      `title ${below(100_000).toString(36)}`,
      40 + below(900),
      below(9000) / 100,
      new Uint8Array(below(40)),
    ]);
  }
  book.free();
  db.run('COMMIT');

  const query = (name, sql, params) => print(name, JSON.stringify(db.exec(sql, params)));
  query('totals', 'SELECT count(*), sum(pages), avg(price), max(length(cover)) FROM book');
  query(
    'join',
    `SELECT a.name, count(*) n, round(sum(b.price), 3) FROM book b JOIN author a ON a.id = b.author
    WHERE b.pages > $pages GROUP BY a.id HAVING n > 10 ORDER BY n DESC, a.name LIMIT 40`,
    { $pages: 500 },
  );
  query(
    'window',
    `SELECT sum(x) FROM (SELECT avg(price) OVER (PARTITION BY author ORDER BY id ROWS 3 PRECEDING) x FROM book)`,
  );
  query(
    'recursion',
    `WITH RECURSIVE p(n, s) AS (SELECT 1, 1 UNION ALL SELECT n + 1, (s * 31 + n) % 1000003 FROM p WHERE n < 50000)
    SELECT s FROM p ORDER BY n DESC LIMIT 3`,
  );
  query(
    'text',
    `SELECT upper(title), instr(title, 'x'), substr(title, -3), printf('%08.3f|%x', price, id) FROM book WHERE title LIKE '%ab%' ORDER BY id LIMIT 30`,
  );
  query(
    'json',
    `SELECT json_group_array(json_object('id', id, 'p', price)) FROM (SELECT * FROM book ORDER BY id LIMIT 50)`,
  );
  query('dates', `SELECT date('2020-02-29', '+1 year'), julianday('2000-01-01'), strftime('%W', '2024-12-30')`);

  db.create_function('backwards', (text) => [...text].reverse().join(''));
  db.create_aggregate('longest', { init: () => '', step: (a, b) => (b.length > a.length ? b : a), finalize: (a) => a });
  query('functions', 'SELECT backwards(longest(name)), count(DISTINCT backwards(name)) FROM author');
  db.create_function('fails', () => {
    throw new Error('on purpose');
  });
  print(
    'error in a function',
    message(() => db.exec('SELECT fails()')),
  );
  print(
    'syntax error',
    message(() => db.exec('SELEC 1')),
  );
  print(
    'constraint',
    message(() => db.run("INSERT INTO author VALUES (1, 'x', 0)")),
  );
  const big = db.prepare('SELECT 9223372036854775807');
  big.step();
  print('64 bits', String(big.get(null, { useBigInt: true })));
  big.free();

  const image = db.export();
  print('image', image);
  const copy = new SQL.Database(image);
  print('check', copy.exec('PRAGMA integrity_check')[0].values[0][0]);
  copy.run('DELETE FROM book WHERE id % 3');
  copy.run('VACUUM');
  print('vacuumed', copy.export().length);
  copy.close();
  db.close();
});
