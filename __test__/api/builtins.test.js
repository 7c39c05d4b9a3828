'use strict';

// A program may replace what belongs to the language: what was there when wrt was loaded is what wrt uses.

const wat = require('../support/wat');
const { node } = require('../support/child');

const program = `
  const { load } = require(${JSON.stringify(require.resolve('../support/impl'))});
  const { Module, Instance } = load();
  const bytes = Buffer.from(process.argv[1], 'base64');
  const wrong = () => {
    throw new Error('of the program');
  };
  Object.assign(globalThis, { Map: wrong, Set: wrong, Uint8Array: wrong });
  console.log(new Instance(new Module(bytes)).exports.t.get(0)());`;

test('functions that tables have', async () => {
  const bytes = wat`(module (func $f (result i32) (i32.const 5)) (table (export "t") funcref (elem $f)))`;
  const { code, stdout, stderr } = await node(['-e', program, Buffer.from(bytes).toString('base64')]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '5\n', stderr: '' });
});
