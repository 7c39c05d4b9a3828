'use strict';

// node tools/runtimes.js [bun|deno]        as npm script: npm run test:runtimes
//
// What wrt does on Bun and Deno: the programs of __test__/programs, whose output must be that on Node's V8, and
// scenarios of __test__/robustness, which check themselves. One line each. The executables come from npm and stay in
// target/runtimes; docs/runtimes.md says what is known.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const folder = path.join(root, 'target', 'runtimes');
const programs = path.join(root, '__test__', 'programs');

const RUNTIMES = {
  bun: { package: '@oven/bun-linux-x64@1', file: '@oven/bun-linux-x64/bin/bun', args: [] },
  deno: { package: '@deno/linux-x64-glibc@2', file: '@deno/linux-x64-glibc/deno', args: ['run', '--allow-all'] },
};

/** Scenarios with their arguments, and the exit codes that are right. */
const SCENARIOS = [
  ['traps', 20_000],
  ['throws', 20_000],
  ['nestedThrows', 500],
  ['nestingLimit', 3],
  ['overflows', 20],
  ['overflowsNested', 5],
  ['bothEngines', 1000],
  ['liveAtExit'],
  ['workers', 4],
  ['workersInTurn', 8],
  ['terminateIdle', 3],
  ['exitingWorkers', 3],
];
const EXITS = [
  ['exitInImport', 7],
  ['uncaughtTrap', 1],
  ['uncaughtThrow', 1],
];

const env = { ...process.env, TZ: 'UTC', LANG: 'C', NO_COLOR: '1', NODE_OPTIONS: '' };
const run = (file, args, more = {}) =>
  spawnSync(file, args, { encoding: 'utf8', timeout: 110_000, maxBuffer: 1 << 26, env: { ...env, ...more } });

function executable(runtime) {
  const { package: name, file } = RUNTIMES[runtime];
  // One folder each: what npm installs takes the place of what was there.
  const prefix = path.join(folder, runtime);
  const found = path.join(prefix, 'node_modules', file);
  if (!fs.existsSync(found)) {
    fs.mkdirSync(prefix, { recursive: true });
    const args = ['install', '--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', name];
    const { status, stderr } = run('npm', args);
    if (status !== 0) throw new Error(`npm has no ${name} for us: ${stderr.trim()}`);
    fs.chmodSync(found, 0o755);
  }
  return found;
}

let failures = 0;
function report(runtime, what, { status, signal, stderr }, ok) {
  console.log(`${ok ? 'passed' : 'FAILED'} ${runtime} ${what}${ok ? '' : `: ended with ${signal ?? status}`}`);
  if (ok) return;
  failures++;
  console.log(stderr.slice(-2000));
}

/** Preloads wrt as the global WebAssembly and runs a program, with no options that only Node has. */
const START = `
  require(process.env.WRT_PRELOAD);
  const { pathToFileURL } = require('node:url');
  const program = process.env.WRT_PROGRAM;
  if (program.endsWith('.mjs')) import(pathToFileURL(program)).catch((error) => { console.error(error); process.exit(1); });
  else require(program);`;

function test(name) {
  const { args } = RUNTIMES[name];
  const file = executable(name);
  console.log(`${name}: ${run(file, ['--version']).stdout.split('\n')[0]}`);
  const start = path.join(folder, 'start.cjs');
  fs.writeFileSync(start, START);
  for (const program of fs.readdirSync(path.join(programs, 'cases')).sort()) {
    const variables = {
      WRT_PRELOAD: path.join(programs, 'preload.js'),
      WRT_PROGRAM: path.join(programs, 'cases', program),
    };
    const expected = run(process.execPath, [start], { ...variables, WRT_PROGRAM_IMPL: 'builtin' });
    const actual = run(file, [...args, start], { ...variables, WRT_PROGRAM_IMPL: root });
    const same = actual.status === 0 && actual.stdout !== '' && actual.stdout === expected.stdout;
    report(name, path.parse(program).name, actual, same);
  }
  const script = path.join(root, '__test__', 'robustness', 'scenarios.js');
  const scenario = (list) => run(file, [...args, script, ...list.map(String)]);
  for (const list of SCENARIOS) {
    const result = scenario(list);
    report(name, list.join(' '), result, result.status === 0);
  }
  for (const [what, code] of EXITS) {
    const result = scenario([what]);
    report(name, what, result, result.status === code);
  }
}

const wanted = process.argv.slice(2);
for (const name of wanted.length ? wanted : Object.keys(RUNTIMES)) {
  try {
    test(name);
  } catch (error) {
    failures++;
    console.log(`FAILED ${name}: ${error.message}`);
  }
}
process.exitCode = failures ? 1 : 0;
