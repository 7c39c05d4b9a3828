'use strict';

// docs/errors.md, from what mistakes.test.js compares.

const { reason } = require('./differences');

const code = (text) =>
  (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``).replaceAll('|', '\\|').replaceAll('\n', ' ');
const plain = (outcome) => outcome.replace(/^(?:throws|rejects) (?:WebAssembly\.)?/, '');
const classOf = (outcome) => plain(outcome).replace(/:.*/s, '');

/** Joins the expressions of equal outcomes. */
function byOutcome(rows, columns) {
  const groups = new Map();
  for (const row of rows) {
    const cells = columns(row);
    const key = cells.join('|');
    if (!groups.has(key)) groups.set(key, { cells, expressions: [] });
    groups.get(key).expressions.push(code(row.expression));
  }
  return [...groups.values()].map(({ cells, expressions }) => `| ${expressions.join('<br>')} | ${cells.join(' | ')} |`);
}

/**
 * The page.
 * @param {{ group: string, title: string, expression: string, v8: string, wrt: string }[]} rows
 */
module.exports = (rows) => {
  const same = rows.filter(({ v8, wrt }) => v8 === wrt);
  const other = rows.filter(({ v8, wrt }) => v8 !== wrt);
  const texts = other.filter(({ v8, wrt }) => classOf(v8) === classOf(wrt));
  const lines = [
    '# Errors',
    '',
    'What wrt says to mistakes, next to the newest V8 (that of Node 26). On every Node wrt gives the texts of the newest',
    'V8. Written by `WRT_RECORD=1 npx jest __test__/api/mistakes` on Node 26 or later, kept true by `npm test`.',
    '',
    `Of ${rows.length} mistakes ${same.length} get the same error with the same text, ${texts.length} the same class of`,
    `error with another text, ${other.length - texts.length} another class of error, or none.`,
    '',
    '## The differences',
    '',
  ];
  const reasons = new Map();
  for (const row of other) {
    const why = reason(row.title, row.v8);
    if (!reasons.has(why)) reasons.set(why, []);
    reasons.get(why).push(row);
  }
  for (const [why, list] of reasons) {
    lines.push(`${why}`, '', '| mistake | V8 | wrt |', '|---|---|---|');
    lines.push(...byOutcome(list, ({ v8, wrt }) => [code(plain(v8)), code(plain(wrt))]), '');
  }
  lines.push('## What is the same', '');
  for (const group of new Set(same.map((row) => row.group))) {
    lines.push(`### ${group}`, '', '| mistake | error |', '|---|---|');
    lines.push(
      ...byOutcome(
        same.filter((row) => row.group === group),
        ({ v8 }) => [code(plain(v8))],
      ),
      '',
    );
  }
  return `${lines.join('\n').trimEnd()}\n`;
};
