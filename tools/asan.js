'use strict';

// node tools/asan.js        as npm script: npm run asan
//
// Builds the addon with AddressSanitizer, into target/asan, and runs scenarios of __test__/robustness on it: first of
// all how processes and threads end. One line each. The sanitizer sees the runtime's own memory (code that the
// compiler makes is not instrumented), and ends the process with a report at the first error. Needs the libasan of gcc.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const TARGET = 'x86_64-unknown-linux-gnu';
const root = path.join(__dirname, '..');
const folder = path.join(root, 'target', 'asan');
const scenarios = path.join(root, '__test__', 'robustness', 'scenarios.js');

/** Scenarios with their counts, and the exit codes that are right where that is not 0. */
const SCENARIOS = [
  ['liveAtExit'],
  ['exitInImport', 0, 7],
  ['uncaughtTrap', 0, 1],
  ['uncaughtThrow', 0, 1],
  ['exitingWorkers', 8],
  ['terminateIdle', 10],
  ['workersInTurn', 50],
  ['workers', 4],
  ['traps', 20_000],
  ['throws', 20_000],
  ['nestedThrows', 2_000],
  ['nestingLimit', 3],
  ['overflows', 100],
  ['overflowsNested', 20],
  ['bothEngines', 1_000],
  ['references', 1_000_000],
  ['referencesInside', 1_000_000],
  ['instances', 500],
  ['plainInstances', 5_000],
  ['memories', 300],
  ['sharedMemoriesInside', 100],
  ['emptyMemories', 2_000],
  ['takenBuffers', 200],
  ['buffersOutliveMemories', 200],
  ['held', 500],
  ['modules', 500],
];

function run(file, args, options) {
  const { error, ...result } = spawnSync(file, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (error) throw error;
  return result;
}

/** Builds the addon with the sanitizer; what has programs load it. */
function build() {
  // Sanitizers are an option of the nightly compiler; the one that is there takes it as well.
  const env = {
    ...process.env,
    RUSTC_BOOTSTRAP: '1',
    RUSTFLAGS: '-Zsanitizer=address',
    CARGO_TARGET_DIR: folder,
  };
  // With a target, build scripts and macros are left as they are.
  // The runtime looks through guests' stacks word by word,
  // its own frames there included, and exceptions leave such frames by jumps.
  const args = ['rustc', '--release', '--lib', '--quiet', '--target', TARGET, '--', '-Cllvm-args=-asan-stack=0'];
  const { status } = run('cargo', args, {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error('cargo build failed');
  return {
    WRT_NATIVE_LIBRARY: path.join(folder, TARGET, 'release', 'libwrt.so'),
    LD_PRELOAD: run('gcc', ['-print-file-name=libasan.so']).stdout.trim(),
    // Node itself leaves much to the end of the process. Stacks are switched, so frames have to stay on them.
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=0:exitcode=99',
  };
}

function main() {
  const env = { ...process.env, NODE_OPTIONS: '', ...build() };
  let failed = 0;
  for (const [name, count = 0, expected = 0] of SCENARIOS) {
    const { status, signal, stderr } = run(process.execPath, [scenarios, name, `${count}`], { env, timeout: 600_000 });
    const ok = status === expected && !stderr.includes('AddressSanitizer');
    console.log(`${ok ? 'passed' : 'FAILED'} ${name} ${count}${ok ? '' : `: ended with ${signal ?? status}`}`);
    if (ok) continue;
    failed++;
    console.log(stderr.slice(0, 4000));
  }
  console.log(`${SCENARIOS.length - failed} of ${SCENARIOS.length} scenarios`);
  return failed === 0;
}

if (require.main === module) {
  try {
    process.exitCode = main() ? 0 : 1;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}

module.exports = { build };
