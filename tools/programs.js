'use strict';

// node tools/programs.js [NAME...]        as npm script: npm run test:programs
//
// Large programs with wrt in place of the global WebAssembly, on the Node that runs this: what they print has to be what they print
// on V8. They are in __test__/programs/large; npm puts what they need into target/programs. One line each.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const programs = path.join(root, '__test__', 'programs');
const folder = path.join(root, 'target', 'programs');

fs.cpSync(path.join(programs, 'large'), folder, { recursive: true });
const npm = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
  cwd: folder,
  encoding: 'utf8',
});
if (npm.status !== 0) throw new Error(`npm cannot install the programs: ${npm.stderr.trim()}`);
// What Pyodide loads while it runs. Without pip it goes without, and says so.
const wheel = ['--platform', 'pyemscripten_2025_0_wasm32', '--python-version', '3.13', '--implementation', 'cp'];
const from = [
  'download',
  '--quiet',
  '--no-deps',
  '--only-binary=:all:',
  ...wheel,
  '--abi',
  'cp313',
  'contourpy==1.4.0',
];
spawnSync('pip', [...from, '-d', path.join(folder, 'wheels')]);

const run = (file, impl) =>
  spawnSync(process.execPath, ['--require', path.join(programs, 'preload.js'), path.join(folder, file)], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, WRT_PROGRAM_IMPL: impl, TZ: 'UTC', LANG: 'C', NO_COLOR: '1' },
  });

const wanted = process.argv.slice(2);
for (const file of fs.readdirSync(path.join(programs, 'large'))) {
  const { name, ext } = path.parse(file);
  if (ext === '.json' || (wanted.length > 0 && !wanted.includes(name))) continue;
  const [v8, wrt] = [run(file, 'builtin'), run(file, root)];
  const same =
    v8.status === 0 && v8.stdout !== '' && ['status', 'stdout', 'stderr'].every((key) => v8[key] === wrt[key]);
  console.log(`${same ? 'passed' : 'FAILED'} ${name}: ${v8.stdout.length} bytes of output${same ? ', equal' : ''}`);
  if (!same) {
    console.log(
      `V8: ${v8.stdout.slice(-1000)}${v8.stderr.slice(-1000)}\nwrt: ${wrt.stdout.slice(-1000)}${wrt.stderr.slice(-1000)}`,
    );
    process.exitCode = 1;
  }
}
