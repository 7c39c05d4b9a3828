'use strict';

// What `stats` says before and after one of each was made:  node counts.js BYTES

const W = require('../support/impl').load();

const before = W.stats();
const sample = new W.Module(Uint8Array.from(JSON.parse(process.argv[2])));
const kept = [sample, new W.Instance(sample), new W.Memory({ initial: 1 })];
const table = new W.Table({ element: 'externref', initial: 1 }, kept);
// Functions are compiled when they are called.
kept[1].exports.f();
console.log(JSON.stringify({ before, after: W.stats() }));
if (table.get(0) !== kept) throw new Error('the reference is another one');
