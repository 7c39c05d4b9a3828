'use strict';

// node examples/limits.js
//
// A guest that nobody trusts gets so much memory and so much time; what it wants beyond that is an error that can be caught.

const wrt = require('..');

// (module (memory 1)
//   (func (export "greedy") (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (loop (br 0)))
//   (func (export "pages") (result i32) (memory.size)))
const bytes = Buffer.from(
  '0061736d010000000108026000006000017f03030200010503010001071202066772656564790000057061676573' +
    '00010a1a021300034041014000417f470d000b03400c000b0b04003f000b',
  'hex',
);

const limits = { maxMemoryBytes: 16 * 2 ** 20, maxInstances: 1 };
const { greedy, pages } = wrt.withLimits(limits, () => new wrt.Instance(new wrt.Module(bytes))).exports;
try {
  wrt.withDeadline(100, greedy);
} catch (error) {
  console.log(`${error.name}: ${error.message}`);
}
console.log(`it has ${pages() / 16} MiB`);
