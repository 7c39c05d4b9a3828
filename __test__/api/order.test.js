'use strict';

// Straight code with more values than registers, in which optimisation puts instructions in another order: loads, stores between
// them, operators whose operands change places, values used again later. Random functions compute what they compute on V8.

const { spawnSync } = require('node:child_process');
const path = require('node:path');
const wat = require('../support/wat');

const FUNCTIONS = 60;
const ROUNDS = 20;

/** The text of a function that combines what is in memory. */
function text(random, name) {
  const type = random(2) ? 'i32' : 'i64';
  const load = () => `(${type}.load offset=${random(64)} (local.get 0))`;
  const leaf = () => (random(3) ? load() : `(local.get ${1 + random(6)})`);
  const operators = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'rotl', 'shr_u'];
  const tree = (size) => {
    if (size < 2) return leaf();
    const operator = operators[random(operators.length)];
    const left = random(2) ? size >> 1 : size - 1;
    return `(${type}.${operator} ${tree(left)} ${tree(size - left)})`;
  };
  const statements = Array.from({ length: 4 }, () => {
    const value = tree(4 + random(24));
    return random(2)
      ? `(local.set ${1 + random(6)} ${value})`
      : `(${type}.store offset=${random(64)} (local.get 0) ${value})`;
  });
  const result = [1, 2, 3, 4, 5, 6].reduce((sum, i) => `(${type}.xor ${sum} (local.get ${i}))`, load());
  return `(func (export "${name}") (param i32) (result ${type}) (local${` ${type}`.repeat(6)})
    ${statements.join('\n')} (if (i32.and (local.get 0) (i32.const 1)) (then ${statements.join('\n')})) ${result})`;
}

function module() {
  let seed = 7;
  const random = (n) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const functions = Array.from({ length: FUNCTIONS }, (_, i) => text(random, `f${i}`)).join('\n');
  const data = Array.from({ length: 256 }, () => `\\${(random(256) + 256).toString(16).slice(1)}`).join('');
  return `(module (memory 1) (data (i32.const 0) "${data}") ${functions})`;
}

/** What the functions return; also run in a process of its own. */
function run(W, bytes, rounds) {
  const { exports } = new W.Instance(new W.Module(bytes));
  return Object.values(exports).flatMap((f) => Array.from({ length: rounds }, (_, i) => String(f(i * 5))));
}

test.each(['', 'optimized'])('random expressions, tier "%s"', (WRT_TIER) => {
  const bytes = wat([module()]);
  const engine =
    wrtTest.name === 'wrt' ? `require(${JSON.stringify(path.join(__dirname, '..', '..'))})` : 'WebAssembly';
  const script = `const W = ${engine}; ${run}
    const bytes = Buffer.from('${Buffer.from(bytes).toString('base64')}', 'base64');
    console.log(JSON.stringify(run(W, bytes, ${ROUNDS})))`;
  const env = { ...process.env, WRT_TIER };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(run(WebAssembly, bytes, ROUNDS));
});
