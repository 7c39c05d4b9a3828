'use strict';

// A line for the end of the run. Tests run in several processes; reporter.js gathers what they leave here.

const fs = require('node:fs');
const path = require('node:path');

const FOLDER = path.join(__dirname, '..', '..', 'target', 'test-report');

/** `topic` groups lines, `count` is summed up per topic. */
module.exports = (topic, line, count = 0) => {
  fs.mkdirSync(FOLDER, { recursive: true });
  fs.appendFileSync(path.join(FOLDER, `${process.pid}.jsonl`), `${JSON.stringify({ topic, line, count })}\n`);
};
module.exports.FOLDER = FOLDER;
