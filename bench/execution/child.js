'use strict';

// node child.js FILE [IMPLEMENTATION]
//
// Runs one kernel in a process of its own; `index.js` reads what it prints. CPU time is that of all threads, so the
// first figure has what compiling took.

const fs = require('node:fs');
const process = require('node:process');

const SEED = 12345;
const [file, impl] = process.argv.slice(2);
const engine = impl ? require(impl) : WebAssembly;
const bytes = fs.readFileSync(file);

const time = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const start = time();
const { run } = new engine.Instance(new engine.Module(bytes)).exports;
const results = [run(SEED)];
const whole = time() - start;
const steady = [1, 2].map(() => {
  const before = time();
  results.push(run(SEED));
  return time() - before;
});
console.log(JSON.stringify({ whole, steady: Math.min(...steady), results }));
