'use strict';

// Prints, after jest's own summary, what the tests left with report.js.

const fs = require('node:fs');
const path = require('node:path');
const { FOLDER } = require('./report');

module.exports = class {
  onRunStart() {
    fs.rmSync(FOLDER, { recursive: true, force: true });
  }

  onRunComplete() {
    if (!fs.existsSync(FOLDER)) return;
    const lines = fs
      .readdirSync(FOLDER)
      .flatMap((file) => fs.readFileSync(path.join(FOLDER, file), 'utf8').split('\n'))
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const impl = process.env.WRT_TEST_IMPL ? ` (on ${process.env.WRT_TEST_IMPL})` : '';
    const older = lines.filter((l) => l.topic === 'older V8').length;
    for (const { topic, line } of lines) {
      if (topic !== 'older V8') process.stdout.write(`${topic}: ${line}${impl}\n`);
    }
    if (older)
      process.stdout.write(`api: in ${older} tests this Node's V8 differs from the newest, see differences.js\n`);
    const spec = lines.filter((l) => l.topic === 'spec').reduce((sum, l) => sum + l.count, 0);
    if (spec) process.stdout.write(`spec: ${spec} commands passed${impl}\n`);
  }
};
