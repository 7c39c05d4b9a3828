'use strict';

// memory.copy and memory.fill of few bytes, which optimised code does itself: every length and overlap, also where the
// memory ends. A process of its own, because what is compiled for good at once is decided by its environment.

const { spawnSync } = require('node:child_process');
const path = require('node:path');
const wat = require('../support/wat');

const LENGTHS = [...Array(70).keys(), 255, 256, 257, 1000];

const MODULE = wat([
  `(module (memory (export "memory") 1 1)
    ${LENGTHS.map(
      (n) => `(func (export "copy${n}") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (i32.const ${n})))
        (func (export "fill${n}") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (i32.const ${n})))`,
    ).join('\n')}
    (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2))))`,
]);

/** In the child: a hash of what all calls do to the memory, and which of them trap. */
function run(W, bytes, lengths) {
  const { memory, ...functions } = new W.Instance(new W.Module(bytes)).exports;
  const data = new Uint8Array(memory.buffer);
  const end = data.length;
  const pattern = Uint8Array.from({ length: 2600 }, (_, i) => (i * i) >> 3);
  const hash = require('node:crypto').createHash('md5');
  const traps = [];
  for (const n of lengths) {
    const places = [1000, 1000 + n, 1001, 1000 - n, 1009, end - n, end - n + 1, end + 1, -n].map((at) => at | 0);
    for (const name of [`copy${n}`, `fill${n}`, 'copy', 'fill']) {
      for (const to of places) {
        for (const other of places) {
          data.set(pattern);
          data.set(pattern, end - pattern.length);
          try {
            functions[name](to, other, n);
          } catch (error) {
            if (!(error instanceof W.RuntimeError)) throw error;
            traps.push(`${name} ${to} ${other}`);
          }
          hash.update(data.subarray(0, pattern.length)).update(data.subarray(end - pattern.length));
        }
      }
    }
  }
  return { hash: hash.digest('hex'), traps };
}

test('every length and overlap', () => {
  const engine =
    wrtTest.name === 'wrt' ? `require(${JSON.stringify(path.join(__dirname, '..', '..'))})` : 'WebAssembly';
  const script = `const W = ${engine}; ${run}
    const bytes = Buffer.from('${Buffer.from(MODULE).toString('base64')}', 'base64');
    console.log(JSON.stringify(run(W, bytes, ${JSON.stringify(LENGTHS)})))`;
  const env = { ...process.env, WRT_TIER: 'optimized' };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env, maxBuffer: 1 << 26 });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(run(WebAssembly, MODULE, LENGTHS));
});
