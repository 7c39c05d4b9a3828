'use strict';

// Functions in the form of Go's: a loop around a jump through a table, whose parts name the next by a local. Random ones
// compute what they compute on V8, in all forms of code.

const { spawnSync } = require('node:child_process');
const path = require('node:path');
const wat = require('../support/wat');

const FUNCTIONS = 40;
const ROUNDS = 200;

/** The text of a function with random parts: local 0 names the part, 1 and 2 are changed by all, 3 counts down. */
function text(random, name) {
  const parts = 2 + random(9);
  const goTo = () => {
    // Beyond the table as well, and to a part that is known only when it runs.
    const target = random(8) ? `(i32.const ${random(parts + 2)})` : '(i32.rem_u (local.get 1) (i32.const 7))';
    return `(local.set 0 ${target})`;
  };
  const part = (number) => {
    const change = `(local.set ${1 + random(2)} (i32.add (i32.mul (local.get 1) (i32.const 31)) (i32.xor (local.get 2) (i32.const ${number}))))`;
    const leave = `(local.set 3 (i32.sub (local.get 3) (i32.const 1))) (br_if $out (i32.eqz (local.get 3)))`;
    const ways = [
      `${goTo()} (br $top)`,
      `(if (i32.and (local.get 1) (i32.const 4)) (then ${goTo()} (br $top))) ${goTo()} (br $top)`,
      `${goTo()} (br_if $top (i32.and (local.get 2) (i32.const 8)))`,
      `(loop $inner ${change} (local.set 3 (i32.sub (local.get 3) (i32.const 1)))
         (br_if $out (i32.le_s (local.get 3) (i32.const 0))) (br_if $inner (i32.and (local.get 1) (i32.const 1))) ${goTo()} (br $top))`,
    ];
    return `${leave} ${change} ${ways[random(ways.length)]}`;
  };
  const labels = Array.from({ length: parts }, (_, i) => `$p${i}`);
  const targets = Array.from({ length: parts }, () => labels[random(parts)]).join(' ');
  const table = `(br_table ${targets} ${random(3) ? labels[0] : '$out'} (local.get 0))`;
  const body = labels.reduce((inner, label, i) => `(block ${label} ${inner}) ${part(i)}`, table);
  return `(func (export "${name}") (param i32 i32 i32 i32) (result i32)
    (block $out (loop $top ${body} ${goTo()} (br $top))) (i32.xor (local.get 1) (i32.rotl (local.get 2) (i32.const 9))))`;
}

function module() {
  let seed = 1;
  const random = (n) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  return `(module ${Array.from({ length: FUNCTIONS }, (_, i) => text(random, `f${i}`)).join('\n')})`;
}

/** What the functions return; also run in a process of its own. */
function run(W, bytes, rounds) {
  const { exports } = new W.Instance(new W.Module(bytes));
  return Object.values(exports).map((f) => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) sum = (Math.imul(sum, 31) + f(i % 13, i, sum, 1 + (i % 97))) | 0;
    return sum;
  });
}

test.each(['', 'optimized', 'changing'])('random parts, tier "%s"', (WRT_TIER) => {
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
