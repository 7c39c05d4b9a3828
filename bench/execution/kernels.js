'use strict';

// The kernels as modules: sources in kernels/, modules in target/kernels.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const SOURCES = path.join(__dirname, 'kernels');
const BUILT = path.join(__dirname, '..', '..', 'target', 'kernels');
const TARGET = 'wasm32-unknown-unknown';
const OPTIONS = ['opt-level=3', 'lto=fat', 'codegen-units=1', 'panic=abort', 'strip=symbols'];

function run(command, ...args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || error}`);
}

function compileRust(source, output) {
  const features = /^\/\/! features: (.*)$/mu.exec(fs.readFileSync(source, 'utf8'))?.[1].split(', ') ?? [];
  const options = [...OPTIONS, ...features.map((name) => `target-feature=+${name}`)].flatMap((o) => ['-C', o]);
  run('rustc', '--edition=2024', `--target=${TARGET}`, '--crate-type=cdylib', ...options, '-o', output, source);
}

async function compileText(source, output) {
  const { parseWat } = await require('wabt')();
  const module = parseWat(source, fs.readFileSync(source, 'utf8'), { bulk_memory: true });
  fs.writeFileSync(output, module.toBinary({}).buffer);
}

/** Compiles what is older than its source. Yields name and file. */
async function kernels(names) {
  fs.mkdirSync(BUILT, { recursive: true });
  let ready = false;
  const found = [];
  for (const file of fs.readdirSync(SOURCES).sort()) {
    const { name, ext } = path.parse(file);
    if (names.length && !names.includes(name)) continue;
    const source = path.join(SOURCES, file);
    const output = path.join(BUILT, `${name}.wasm`);
    if (!fs.existsSync(output) || fs.statSync(output).mtimeMs < fs.statSync(source).mtimeMs) {
      if (ext === '.rs') {
        if (!ready) run('rustup', 'target', 'add', TARGET);
        ready = true;
        compileRust(source, output);
      } else {
        await compileText(source, output);
      }
    }
    found.push({ name, file: output });
  }
  return found;
}

module.exports = { kernels };
