'use strict';

// Interpreters: a loop around a jump through a table by what it reads, to cases that end at one of several ways back. Random
// ones compute what they compute on V8, in all forms of code.

const { random: generator } = require('../../fuzz/random');
const { testTiers } = require('../support/tiers');
const wat = require('../support/wat');

const FUNCTIONS = 40;
const ROUNDS = 200;

/** The text of a function with random cases. $pc and $code are where it reads and what, $left counts down, the others are changed by all. */
function text(random, name) {
  const cases = 8 + random(12);
  const number = () => `(i32.const ${random(256)})`;
  const local = () => `$${'abc'[random(3)]}`;
  const change = () => {
    const [to, from, other] = [local(), `(local.get ${local()})`, `(local.get ${['$old', '$code', '$pc'][random(3)]})`];
    return [
      `(local.set ${to} (i32.add (i32.mul ${from} (i32.const 31)) ${other}))`,
      `(local.set ${to} (i32.xor ${from} (i32.rotl ${other} ${number()})))`,
      // The values of two locals change places.
      `(local.get $a) (local.get $b) (local.set $a) (local.set $b)`,
      `(i32.store8 (i32.and ${from} (i32.const 255)) ${other})`,
      // What the round before had.
      `(local.set ${to} (local.get $old)) (local.set $old (local.get $code))`,
      `(local.set $pc (local.get ${random(2) ? '$code' : '$old'}))`,
      `(if (i32.and ${from} (i32.const 4)) (then (local.set ${to} ${other}) (br $next)))`,
    ][random(7)];
  };
  const changes = (most) => Array.from({ length: random(most + 1) }, change).join(' ');
  const end = () => {
    const condition = `(i32.and (local.get ${local()}) (i32.const ${1 << random(8)}))`;
    const ways = ['$next', '$next', '$step', '$top', '$out'].slice(0, 4 + (random(8) === 0));
    const way = () => ways[random(ways.length)];
    return random(4) ? `(br ${way()})` : `(br_if ${way()} ${condition}) (br ${way()})`;
  };
  const labels = Array.from({ length: cases }, (_, i) => `$c${i}`);
  const table = `(br_table ${labels.join(' ')} ${random(2) ? labels[random(cases)] : '$next'}
    (i32.rem_u (local.get $code) (i32.const ${cases + random(3)})))`;
  const head = `(br_if $out (i32.eqz (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.set $code (i32.load8_u (i32.and (local.get $pc) (i32.const 255)))) ${changes(1).replaceAll('$next', '$step')}
    ${random(2) ? '(local.set $pc (i32.add (local.get $pc) (i32.const 1)))' : ''}`;
  const body = labels.reduce((inner, label) => `(block ${label} ${inner}) ${changes(3)} ${end()}`, table);
  const next = `(local.set $pc (i32.add (local.get $pc) (local.get ${local()}))) ${changes(1).replaceAll('$next', '$step')}`;
  return `(func (export "${name}") (param $pc i32) (param $a i32) (param $b i32) (param $left i32) (result i32)
    (local $c i32) (local $code i32) (local $old i32)
    (block $out (loop $top (block $step ${head} (block $next ${body}) ${next})
      (local.set $old (i32.add (local.get $old) (local.get $code))) (br $top)))
    (i32.xor (i32.add (local.get $a) (local.get $c)) (i32.rotl (i32.sub (local.get $b) (local.get $old)) (i32.const 9))))`;
}

function module() {
  const random = generator(1);
  const bytes = Array.from({ length: 256 }, () => `\\${random(256).toString(16).padStart(2, '0')}`).join('');
  const functions = Array.from({ length: FUNCTIONS }, (_, i) => text(random, `f${i}`)).join('\n');
  return `(module (memory (export "memory") 1) (data (i32.const 0) "${bytes}") ${functions})`;
}

/** What the functions return and leave in memory. */
function run(W, bytes, rounds) {
  const { memory, ...functions } = new W.Instance(new W.Module(bytes)).exports;
  const sums = Object.values(functions).map((f) => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) sum = (Math.imul(sum, 31) + f(i, sum, i % 13, 1 + (i % 197))) | 0;
    return sum;
  });
  return [sums, [...new Uint8Array(memory.buffer, 0, 256)]];
}

testTiers('random cases', ['', 'optimized', 'changing'], () => wat([module()]), run, ROUNDS);
