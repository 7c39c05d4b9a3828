'use strict';

// Loaded before a program: puts wrt in place of the global WebAssembly, as a user would.
//   WRT_PROGRAM_IMPL   builtin: leaves V8's there; anything else: what to require

const { WRT_PROGRAM_IMPL: name } = process.env;

if (name && name !== 'builtin') {
  const builtin = globalThis.WebAssembly;
  const impl = require(name);
  if (impl === builtin) throw new Error(`${name} is V8's WebAssembly`);
  Object.defineProperty(globalThis, 'WebAssembly', {
    value: impl,
    writable: true,
    configurable: true,
    enumerable: false,
  });
  // Whoever still finds V8's, where there is one, has to fail, or the comparison would be of V8 with itself.
  for (const type of builtin ? ['Module', 'Instance', 'instantiate', 'compile'] : []) {
    builtin[type] = () => {
      throw new Error(`V8's WebAssembly.${type} was called`);
    };
  }
}
