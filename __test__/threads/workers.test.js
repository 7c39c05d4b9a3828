'use strict';

// Memories that several threads have.

const { Hand, crew, until } = require('./crew');
const wat = require('../support/wat');

const W = wrtTest.impl;

const MODULE = new W.Module(wat`(module (memory (export "memory") (import "m" "memory") 1 100 shared)
  (func (export "size") (result i32) memory.size)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1)))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait64") (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
  ;; Adds 1 so many times with an atomic addition, with compare and exchange, and under a lock.
  (func (export "count") (param $n i32) (local $old i32)
    (loop $next
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (loop $again
        (local.set $old (i32.atomic.load (i32.const 4)))
        (br_if $again (i32.ne (local.get $old)
          (i32.atomic.rmw.cmpxchg (i32.const 4) (local.get $old) (i32.add (local.get $old) (i32.const 1))))))
      (block $locked (loop $try
        (br_if $locked (i32.eqz (i32.atomic.rmw.cmpxchg (i32.const 8) (i32.const 0) (i32.const 1))))
        (drop (memory.atomic.wait32 (i32.const 8) (i32.const 1) (i64.const 1000000)))
        (br $try)))
      (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const 1)))
      (i32.atomic.store (i32.const 8) (i32.const 0))
      (drop (memory.atomic.notify (i32.const 8) (i32.const 1)))
      (drop (i64.atomic.rmw8.add_u (i32.const 24) (i64.const 1)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; Until the memory has so many pages; then what lies in the last of them.
  (func (export "await") (param $pages i32) (result i32)
    (loop $again (br_if $again (i32.lt_u (memory.size) (local.get $pages))))
    (i32.load (i32.sub (i32.mul (local.get $pages) (i32.const 65536)) (i32.const 4))))
  ;; Until a number comes that is not 0; then what lies there.
  (func (export "follow") (param $at i32) (result i32) (local $where i32)
    (drop (i32.load (i32.const 65532)))
    (loop $again (br_if $again (i32.eqz (local.tee $where (i32.atomic.load (local.get $at))))))
    (i32.load (local.get $where))))`);

const make = () => new W.Memory({ initial: 1, maximum: 100, shared: true });
const here = (memory) => new W.Instance(MODULE, { m: { memory } }).exports;

test('a memory and a module arrive together', async () => {
  const memory = make();
  const hand = new Hand();
  const answer = await hand.ask('start', { module: MODULE, memory, shared: memory.buffer });
  expect(answer).toEqual({ is: true, same: true, shared: 65536 });
  const back = await hand.ask('give');
  expect(back).toBeInstanceOf(W.Memory);
  new Int32Array(memory.buffer)[5] = 55;
  expect(await hand.call('load', 20)).toBe(55);
  expect(new Int32Array(back.buffer)[5]).toBe(55);
  expect(here(back).load(20)).toBe(55);
  await hand.end();
});

test('four threads count', async () => {
  const memory = make();
  const hands = await crew(4, MODULE, memory);
  const rounds = 20_000;
  await Promise.all(hands.map((hand) => hand.call('count', rounds)));
  const words = new Int32Array(memory.buffer);
  expect([words[0], words[1], words[2], words[4]]).toEqual([4 * rounds, 4 * rounds, 0, 4 * rounds]);
  expect(new Uint8Array(memory.buffer)[24]).toBe((4 * rounds) & 255);
  await Promise.all(hands.map((hand) => hand.end()));
});

test('wasm and JavaScript wake each other', async () => {
  const memory = make();
  const { notify, wait } = here(memory);
  const words = new Int32Array(memory.buffer);
  const [hand] = await crew(1, MODULE, memory);
  // A woken thread answers; until then the other side notifies, since it cannot see who waits.
  const wake = async (answer, notifyOne) => {
    let woken = 0;
    await until(() => (woken = notifyOne()) === 1);
    expect(woken).toBe(1);
    return answer;
  };
  expect(await wake(hand.call('wait', 32, 0, -1n), () => Atomics.notify(words, 8, 1))).toBe(0);
  expect(await wake(hand.call('wait64', 32, 0n, -1n), () => Atomics.notify(words, 8, 1))).toBe(0);
  expect(await wake(hand.ask('js', { address: 32, value: 0, timeout: 60_000 }), () => notify(32, 1))).toBe('ok');
  expect(await wake(hand.call('wait', 32, 0, -1n), () => notify(32, -1))).toBe(0);
  // Here, too.
  const said = hand.call('count', 1);
  expect(wait(32, 1, -1n)).toBe(1);
  expect(wait(32, 0, 1_000_000n)).toBe(2);
  await said;
  await hand.end();
});

test('growth is seen by other threads', async () => {
  const memory = make();
  const [grower, seer] = await crew(2, MODULE, memory);
  const { grow, size, load } = here(memory);
  const answer = seer.call('await', 4);
  expect(await grower.call('grow', 2)).toBe(1);
  expect(size()).toBe(3);
  expect(load(3 * 65536 - 4)).toBe(0);
  expect(memory.buffer.byteLength).toBe(3 * 65536);
  expect(grow(1)).toBe(3);
  expect(await answer).toBe(0);
  expect(await seer.ask('pages')).toBe(4);
  expect(await seer.ask('grow', { delta: 1 })).toBe(4);
  expect(size()).toBe(5);
  expect(await grower.call('size')).toBe(5);
  // What is told by an atomic store is there for whoever has read it.
  const followed = seer.call('follow', 40);
  expect(memory.grow(3)).toBe(5);
  const words = new Int32Array(memory.buffer);
  words[words.length - 1] = 77;
  Atomics.store(words, 10, words.byteLength - 4);
  expect(await followed).toBe(77);
  // Where JavaScript has not heard of the growth yet.
  expect(grow(1)).toBe(8);
  const waits = seer.call('wait', 9 * 65536 - 4, 0, -1n);
  await until(() => here(memory).notify(9 * 65536 - 4, 1) === 1);
  expect(await waits).toBe(0);
  await Promise.all([grower.end(), seer.end()]);
});

test('many threads make it grow at once', async () => {
  const memory = make();
  const hands = await crew(3, MODULE, memory);
  const asked = hands.flatMap((hand) => Array.from({ length: 30 }, () => hand));
  const before = [];
  for (let k = 0; k < 30; k++) before.push(...(await Promise.all(hands.map((hand) => hand.call('grow', 1)))));
  expect(before.sort((a, b) => a - b)).toEqual(Array.from(asked, (_, k) => k + 1));
  expect(here(memory).size()).toBe(91);
  await Promise.all(hands.map((hand) => hand.end()));
});

test('a thread that waits is terminated', async () => {
  const memory = make();
  const [hand] = await crew(1, MODULE, memory);
  const gone = hand.call('wait', 0, 0, -1n).catch((error) => error.message);
  // A moment at which it waits, or is about to.
  await new Promise((resolve) => setTimeout(resolve, 50));
  await hand.end();
  expect(await gone).toBe('the worker is gone');
  expect(here(memory).notify(0, 10)).toBe(0);
});

test('a memory outlives the thread that made it', async () => {
  const hand = new Hand();
  await hand.ask('start', { module: MODULE, memory: make() });
  const memory = await hand.ask('give');
  await hand.end();
  global.gc?.();
  const { grow, load } = here(memory);
  expect(grow(3)).toBe(1);
  expect(load(4 * 65536 - 4)).toBe(0);
});
