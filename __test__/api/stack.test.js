'use strict';

// What `stack.js` finds.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const { stdout, stderr } = spawnSync(process.execPath, [path.join(__dirname, 'stack.js')], { encoding: 'utf8' });
if (stderr) throw new Error(stderr);

test.each(Object.entries(JSON.parse(stdout)))('%s', (_, { wrt, v8 }) => {
  expect(wrt).toEqual(v8);
});
