'use strict';

// node bench/instructions.js [--filter TEXT] [--engines wrt,V8,empty]
//
// Instructions of the operations of boundary.js, the loop around them included, as `valgrind --tool=callgrind` counts
// them: no noise, but also nothing of what a processor makes of them. The difference of two numbers of rounds, so what
// happens before counts for nothing. Takes half a minute a figure.

const { execFileSync, spawnSync } = require('node:child_process');
const path = require('node:path');

const option = (key, otherwise) => {
  const at = process.argv.indexOf(key);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const file = path.join(__dirname, 'boundary.js');
// Else counts differ by ten from run to run.
const FLAGS = ['--single-threaded', '--hash-seed=1', '--random-seed=1'];
/** Of what takes a thousand times as many instructions, fewer. */
const roundsOf = (name) => (/trap|throw/.test(name) ? [2000, 12_000] : [100_000, 600_000]);

function collected(n, name, engine) {
  const args = ['--tool=callgrind', '--callgrind-out-file=/dev/null', process.execPath, ...FLAGS, file];
  const { status, stderr } = spawnSync('valgrind', [...args, '--rounds', String(n), name, engine], {
    encoding: 'utf8',
  });
  const found = /Collected : (\d+)/.exec(stderr);
  if (status !== 0 || found === null) throw new Error(`${name}, ${engine}: ${stderr}`);
  return Number(found[1]);
}

const engines = option('--engines', 'empty,V8,wrt').split(',');
const names = JSON.parse(execFileSync(process.execPath, [file, '--list'], { encoding: 'utf8' }));
console.log(`node ${process.version}, instructions of ${engines.join(', ')}\n`);
for (const name of names.filter((text) => text.includes(option('--filter', '')))) {
  const counts = engines.map((engine) => {
    const rounds = roundsOf(name);
    const [few, many] = rounds.map((n) => collected(n, name, engine));
    return Math.round((many - few) / (rounds[1] - rounds[0]));
  });
  console.log(name.padEnd(52) + counts.map((count) => String(count).padStart(10)).join(''));
}
