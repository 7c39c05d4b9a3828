// Automerge: documents that merge, in Rust.

import * as A from '@automerge/automerge';
import { createHash } from 'node:crypto';

const time = { time: 0 };
let a = A.change(A.init('aa'.repeat(16)), time, (d) => {
  d.list = [];
  d.text = 'hello';
});
for (let i = 0; i < 200; i++) {
  a = A.change(a, time, (d) => {
    d.list.push({ i, s: 'x'.repeat(i % 7) });
    A.splice(d, ['text'], i % 5, 0, 'ab');
  });
}
let b = A.clone(a, 'bb'.repeat(16));
b = A.change(b, time, (d) => {
  d.list.splice(3, 5);
  A.splice(d, ['text'], 0, 10, '');
  d.extra = { deep: [1, 2, { x: new Date(0) }] };
});
a = A.change(a, time, (d) => A.splice(d, ['text'], 3, 2, 'ZZ'));
a = A.merge(a, b);
const bytes = A.save(a);
console.log(a.list.length, a.text, JSON.stringify(a.extra), createHash('sha256').update(bytes).digest('hex'));
console.log(A.getHeads(a).join(), A.getHistory(a).length, JSON.stringify(A.toJS(A.load(bytes))).length);
const damaged = bytes.map((byte, i) => (i === 50 ? byte ^ 1 : byte));
for (const bad of [new Uint8Array([1, 2, 3]), bytes.slice(0, 100), damaged]) {
  try {
    A.load(bad);
    console.log('loaded');
  } catch (error) {
    console.log('error', error.message);
  }
}
