'use strict';

// The texts are those of V8, where a realm was made with `codeGeneration: { wasm: false }`.

const vm = require('node:vm');
const wat = require('../support/wat');

const W = wrtTest.impl;
const only = wrtTest.name === 'wrt' ? test : test.skip;
const BYTES = wat`(module (func (export "f") (result i32) (i32.const 7)))`;
const response = () => new wrtTest.Response(BYTES, { headers: { 'content-type': 'application/wasm' } });

const WAYS = {
  Module: (N) => new N.Module(BYTES),
  compile: (N) => N.compile(BYTES),
  instantiate: (N) => N.instantiate(BYTES),
  compileStreaming: (N) => N.compileStreaming(response()),
  instantiateStreaming: (N) => N.instantiateStreaming(response()),
};

afterEach(() => W.setCodeGenerationPolicy?.(null));

/** What V8 says. */
function textOfV8(name) {
  const context = vm.createContext({ BYTES }, { codeGeneration: { wasm: false } });
  return vm.runInContext(
    `(async () => WebAssembly.${name}(BYTES))().catch((error) => error.message)`.replace(
      '.Module',
      '?.Module && new WebAssembly.Module',
    ),
    context,
  );
}

for (const [name, way] of Object.entries(WAYS)) {
  only(`${name} under a policy`, async () => {
    const seen = [];
    const attempt = async (policy) => {
      W.setCodeGenerationPolicy(policy);
      return way(W);
    };
    await attempt((bytes) => {
      seen.push(Buffer.from(bytes));
      return true;
    });
    expect(seen).toEqual([Buffer.from(BYTES)]);

    const message = `WebAssembly.${name}(): Wasm code generation disallowed by embedder`;
    if (!name.endsWith('Streaming')) expect(await textOfV8(name)).toBe(message);
    // Nothing but true is a permission.
    for (const answer of [false, undefined, 1, 'yes', Promise.resolve(true)]) {
      const error = await attempt(() => answer).catch((e) => e);
      expect(error).toBeInstanceOf(W.CompileError);
      expect(error.message).toBe(message);
      expect(Object.hasOwn(error, 'cause')).toBe(false);
    }
    const reason = new Error('the reason');
    const error = await attempt(() => {
      throw reason;
    }).catch((e) => e);
    expect(error).toBeInstanceOf(W.CompileError);
    expect(error.message).toBe(message);
    expect(error.cause).toBe(reason);

    await attempt(null);
  });
}

only('mistakes in arguments come first', () => {
  const policy = jest.fn(() => false);
  W.setCodeGenerationPolicy(policy);
  expect(() => new W.Module(7)).toThrow('Argument 0 must be a buffer source');
  expect(() => new W.Instance({})).toThrow('Argument 0 must be a WebAssembly.Module');
  expect(policy).not.toHaveBeenCalled();
});

only('what generates no code of others is not asked for', async () => {
  const module = new W.Module(BYTES);
  const policy = jest.fn(() => false);
  W.setCodeGenerationPolicy(policy);
  expect(W.validate(BYTES)).toBe(true);
  expect(new W.Instance(module).exports.f()).toBe(7);
  expect(new W.Instance(structuredClone(module)).exports.f()).toBe(7);
  expect(new W.Function({ parameters: [], results: ['i32'] }, () => 5)()).toBe(5);
  expect(policy).not.toHaveBeenCalled();
});

only('an image needs permission, too', () => {
  const image = W.Module.serialize(new W.Module(BYTES));
  W.setCodeGenerationPolicy(() => false);
  expect(() => W.Module.deserialize(image, BYTES)).toThrow('Wasm code generation disallowed by embedder');
});

only('what was allowed is what is compiled', async () => {
  const source = new Uint8Array(BYTES);
  W.setCodeGenerationPolicy(() => {
    source.fill(0);
    return true;
  });
  expect(new W.Instance(new W.Module(source)).exports.f()).toBe(7);
});

only('a policy is a function or null', () => {
  for (const value of [undefined, 0, {}, 'no']) {
    expect(() => W.setCodeGenerationPolicy(value)).toThrow('Argument 0 must be a function or null');
  }
});
