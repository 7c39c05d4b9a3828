'use strict';

// @chainsafe/as-sha256 and rabin-wasm: AssemblyScript. Small calls by the thousand, SIMD where there is some.

const { create } = require('rabin-wasm');
const { print, random, run } = require('../case');

run(async () => {
  const sha = await import('@chainsafe/as-sha256');
  const { bytes } = random(5);
  let digest = sha.digest(bytes(100));
  for (let i = 0; i < 20_000; i++) digest = sha.digest(digest);
  print('chain', Buffer.from(digest).toString('hex'));
  for (let i = 0; i < 5000; i++) digest = sha.digest2Bytes32(digest, digest);
  print('pairs', Buffer.from(digest).toString('hex'));
  const blocks = Array.from({ length: 400 }, () => bytes(64));
  const batches = [];
  for (let i = 0; i < blocks.length; i += 4) batches.push(...sha.batchHash4UintArray64s(blocks.slice(i, i + 4)));
  print('batches of four', Buffer.concat(batches));
  const stream = new sha.SHA256();
  stream.init();
  for (let i = 0; i < 300; i++) stream.update(bytes(i));
  print('stream', Buffer.from(stream.final()).toString('hex'));

  const rabin = await create(13, 1024, 32_768, 64);
  const data = bytes(2_000_000);
  const chunks = [];
  for (let at = 0; at < data.length; at += 100_000) chunks.push(...rabin.fingerprint(data.subarray(at, at + 100_000)));
  print('chunks', JSON.stringify(chunks));
});
