'use strict';

// What the tasks share: a file of a package, and a line that tells when the module was there and when the task ended.

const path = require('node:path');

const start = performance.now();

module.exports = {
  file: (...parts) => path.join(__dirname, '..', '..', 'node_modules', ...parts),
  /** @param {number} loaded time at which the program was ready to be used */
  done(loaded, result) {
    const ms = (from, to) => Math.round((to - from) * 100) / 100;
    const end = performance.now();
    process.stdout.write(`${JSON.stringify({ load: ms(start, loaded), task: ms(loaded, end), result })}\n`);
  },
};
