'use strict';

// Straight code with more values than registers, in which optimisation puts instructions in another order: loads, stores between
// them, operators whose operands change places, values used again later. Random functions compute what they compute on V8.

const { random: generator } = require('../../fuzz/random');
const { testTiers } = require('../support/tiers');
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
  const random = generator(7);
  const functions = Array.from({ length: FUNCTIONS }, (_, i) => text(random, `f${i}`)).join('\n');
  const data = Array.from({ length: 256 }, () => `\\${(random(256) + 256).toString(16).slice(1)}`).join('');
  return `(module (memory 1) (data (i32.const 0) "${data}") ${functions})`;
}

/** What the functions return. */
function run(W, bytes, rounds) {
  const { exports } = new W.Instance(new W.Module(bytes));
  return Object.values(exports).flatMap((f) => Array.from({ length: rounds }, (_, i) => String(f(i * 5))));
}

testTiers('random expressions', ['', 'optimized'], () => wat([module()]), run, ROUNDS);
