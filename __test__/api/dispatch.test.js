'use strict';

// Functions in the form of Go's: a loop around a jump through a table, whose parts name the next by a local. Random ones
// compute what they compute on V8, in all forms of code.

const { random: generator } = require('../../fuzz/random');
const { testTiers } = require('../support/tiers');
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
  const random = generator(1);
  return `(module ${Array.from({ length: FUNCTIONS }, (_, i) => text(random, `f${i}`)).join('\n')})`;
}

/** What the functions return. */
function run(W, bytes, rounds) {
  const { exports } = new W.Instance(new W.Module(bytes));
  return Object.values(exports).map((f) => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) sum = (Math.imul(sum, 31) + f(i % 13, i, sum, 1 + (i % 97))) | 0;
    return sum;
  });
}

testTiers('random parts', ['', 'optimized', 'changing'], () => wat([module()]), run, ROUNDS);
