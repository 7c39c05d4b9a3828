'use strict';

// hash-wasm: many small modules of C, 64-bit arithmetic, memory-hard functions.

const hash = require('hash-wasm');
const { print, random, run } = require('../case');

run(async () => {
  const data = random(3).bytes(300_001);
  const names = [
    'adler32',
    'blake2b',
    'blake2s',
    'blake3',
    'crc32',
    'crc64',
    'keccak',
    'md4',
    'md5',
    'ripemd160',
    'sha1',
    'sha224',
    'sha256',
    'sha3',
    'sha384',
    'sha512',
    'sm3',
    'whirlpool',
    'xxhash128',
    'xxhash3',
    'xxhash32',
    'xxhash64',
  ];
  for (const name of names)
    print(name, `${await hash[name](data)} ${await hash[name]('')} ${await hash[name]('☃'.repeat(99))}`);
  const streamed = await hash.createSHA512();
  for (let at = 0; at < data.length; at += 777) streamed.update(data.subarray(at, at + 777));
  print('streamed', streamed.digest());
  const hasher = await hash.createXXHash64(1, 2);
  let all = '';
  for (let i = 0; i < 5000; i++) all += hasher.init().update(String(i)).digest();
  print('5,000 of them', all);
  const salt = data.subarray(0, 16);
  print(
    'argon2id',
    await hash.argon2id({
      password: 'pw',
      salt,
      parallelism: 1,
      iterations: 2,
      memorySize: 4096,
      hashLength: 24,
      outputType: 'encoded',
    }),
  );
  print('bcrypt', await hash.bcrypt({ password: 'pw', salt, costFactor: 6, outputType: 'encoded' }));
  print(
    'scrypt',
    await hash.scrypt({ password: 'pw', salt, costFactor: 4096, blockSize: 8, parallelism: 2, hashLength: 32 }),
  );
  print(
    'pbkdf2',
    await hash.pbkdf2({ password: 'pw', salt, iterations: 2000, hashLength: 32, hashFunction: hash.createSHA256() }),
  );
  const hmac = await hash.createHMAC(hash.createSHA3(256), 'key');
  print('hmac', hmac.init().update(data).digest());
});
