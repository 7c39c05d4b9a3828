'use strict';

// npm run fuzz -- [--seconds N] [--modules N] [--seed S] [TARGET...]
//
// Runs each target (decode, compile, image, execute, optimized, changing, api) for so long, in processor time, from a seed
// that the time gives unless it is named; prints how much was tried, and for what fails the seed with which it fails again.
// The targets that compare what modules do with what they do on the newest V8 (execute, optimized, changing) end after so many
// of them if --modules says it:
//
//   npm run fuzz -- --modules 20000 --seed 1 execute optimized

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const { executable } = require('../tools/nodes');

const target = path.resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');
const generator = path.join(target, 'release', 'examples', 'fuzz');

const newest = () => executable(26);

const TARGETS = {
  // No panic and one answer for damaged modules.
  decode: (...args) => [generator, 'decode', ...args],
  // Every function in every tier, with Cranelift's verifier.
  compile: (...args) => [generator, 'compile', ...args],
  // Images that were damaged or forged.
  image: (...args) => [generator, 'image', ...args],
  // The same modules on the newest V8 and on wrt: its first tier, and its last.
  execute: (...args) => [newest(), path.join(__dirname, 'execute.js'), ...args, generator, options.modules],
  optimized: (...args) => [newest(), path.join(__dirname, 'execute.js'), ...args, generator, options.modules],
  changing: (...args) => [newest(), path.join(__dirname, 'execute.js'), ...args, generator, options.modules],
  // The same calls of the API on them.
  api: (...args) => [newest(), path.join(__dirname, 'api.js'), ...args],
};

const options = { seconds: 60, seed: Date.now(), modules: 0 };
const names = [];
const args = process.argv.slice(2);
while (args.length > 0) {
  const arg = args.shift();
  const option = /^--(seconds|seed|modules)$/.exec(arg)?.[1];
  if (option) options[option] = Number(args.shift());
  else if (arg in TARGETS) names.push(arg);
  else throw new Error(`no target ${arg}; there are ${Object.keys(TARGETS).join(', ')}`);
}

// So many modules take their time.
if (options.modules > 0) options.seconds = 86400;

const build = ['build', '--release', '--quiet', '--example', 'fuzz'];
if (spawnSync('cargo', build, { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1);

for (const name of names.length > 0 ? names : Object.keys(TARGETS)) {
  const record = path.join(target, `fuzz-${name}`);
  fs.writeFileSync(record, String(options.seed));
  const [command, ...rest] = TARGETS[name](options.seconds, options.seed, record).map(String);
  const env = { ...process.env, WRT_TIER: name === 'optimized' || name === 'changing' ? name : '' };
  const start = Date.now();
  const result = spawnSync(command, rest, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status === 0) {
    console.log(
      `${name}: ${result.stdout.trim()} tried in ${Math.round((Date.now() - start) / 1000)} s, nothing found`,
    );
  } else {
    const seed = Number(fs.readFileSync(record, 'utf8'));
    const how = result.signal ?? `status ${result.status}`;
    console.log(`${name}: FOUND with --seed ${seed} (${how})\n${result.stderr.trim().slice(0, 4000)}`);
    process.exitCode = 1;
  }
}
