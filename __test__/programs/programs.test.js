'use strict';

// Published packages with wrt as the global WebAssembly: what they print has to be what they print on V8.

const fs = require('node:fs');
const path = require('node:path');
const { node } = require('../support/child');
const report = require('../support/report');

const CASES = path.join(__dirname, 'cases');
const ROOT = path.join(__dirname, '..', '..');

/** NODE_OPTIONS reaches also the processes that packages start. */
const program = (file, impl, flags = []) =>
  node([...flags, path.join(CASES, file)], {
    env: {
      NODE_OPTIONS: `--require ${JSON.stringify(path.join(__dirname, 'preload.js'))}`,
      WRT_PROGRAM_IMPL: impl,
      TZ: 'UTC',
      LANG: 'C',
      NO_COLOR: '1',
    },
  });
const impl = { wrt: ROOT, builtin: 'builtin' }[wrtTest.name] ?? path.resolve(wrtTest.name);

for (const file of fs.readdirSync(CASES).sort()) {
  test(path.parse(file).name, async () => {
    const expected = await program(file, 'builtin');
    expect(expected).toMatchObject({ code: 0, stderr: '' });
    expect(expected.stdout).not.toBe('');
    // Flags that jest was started with (tools/settings.js) are for them as well.
    const actual = await program(file, impl, process.execArgv);
    actual.stderr = actual.stderr.replace(/^Warning: disabling flag --expose_wasm .*\n/, '');
    expect(actual).toEqual(expected);
    report('programs', `${path.parse(file).name}: ${expected.stdout.length} bytes of output, equal`);
  });
}
