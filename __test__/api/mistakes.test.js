'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { same, observe, recorded, recording } = require('../support/compare');
const { expectedOfWrt } = require('../support/differences');
const errorsPage = require('../support/errors-page');
const { evaluate, mistakes } = require('../support/mistakes');

const PAGE = path.join(__dirname, '..', '..', 'docs', 'errors.md');

for (const [group, expressions] of Object.entries(mistakes)) {
  describe(group, () => {
    for (const expression of expressions) {
      same(expression, (W, log) => log.settled(() => evaluate(W, expression)));
    }
  });
}

test('there are many mistakes, and no two are the same', () => {
  const all = Object.values(mistakes).flat();
  expect(all.length).toBeGreaterThan(400);
  expect(new Set(all).size).toBe(all.length);
});

test('docs/errors.md is true', async () => {
  if (wrtTest.name === 'builtin') return; // The page is about wrt.
  const rows = [];
  for (const [group, expressions] of Object.entries(mistakes)) {
    for (const expression of expressions) {
      const title = `${group} ${expression}`;
      const [v8] = recorded(__filename, title);
      expect(v8).not.toMatch(/^(throws|rejects) Error: /); // The test itself would be wrong.
      // Nodes differ here and there; the page is about the newest.
      let [wrt] = expectedOfWrt(title, [v8], Number.MAX_VALUE);
      if (wrt.endsWith('TEXT'))
        [wrt] = await observe(wrtTest.impl, (W, log) => log.settled(() => evaluate(W, expression)));
      rows.push({ group, title, expression, v8, wrt });
    }
  }
  const page = errorsPage(rows);
  if (recording) fs.writeFileSync(PAGE, page);
  expect(fs.readFileSync(PAGE, 'utf8')).toBe(page);
});
