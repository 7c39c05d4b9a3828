// Usage of the package as TypeScript sees it. types.test.js compiles it; it never runs.

import WebAssembly = require('../../../index.js');

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only if the argument's type is exactly `T`. */
declare function is<T>(): <U>(value: U, same: Equal<T, U>) => void;

declare const bytes: Uint8Array;

// Modules.
const module = new WebAssembly.Module(bytes);
new WebAssembly.Module(bytes.buffer);
new WebAssembly.Module(new DataView(bytes.buffer));
// @ts-expect-error bytes are required
new WebAssembly.Module();
// @ts-expect-error an array of numbers is no buffer
new WebAssembly.Module([0, 97, 115, 109]);
// @ts-expect-error classes need `new`
WebAssembly.Module(bytes);
is<boolean>()(WebAssembly.validate(bytes), true);
for (const { name, kind } of WebAssembly.Module.exports(module)) {
  is<string>()(name, true);
  const known: 'function' | 'global' | 'memory' | 'table' | 'tag' = kind;
  void known;
}
is<string>()(WebAssembly.Module.imports(module)[0].module, true);
is<ArrayBuffer[]>()(WebAssembly.Module.customSections(module, 'name'), true);
// @ts-expect-error the name is required
WebAssembly.Module.customSections(module);

// Instances.
const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
const instance = new WebAssembly.Instance(module, {
  env: { memory, print: (value: number) => console.log(value), limit: 7, big: 7n },
});
const run = instance.exports.run as (count: number) => number;
is<number>()(run(1), true);
// @ts-expect-error exports cannot be replaced
instance.exports = {};
// @ts-expect-error imports are objects in an object
new WebAssembly.Instance(module, { env: 5 });

async function promises() {
  is<WebAssembly.Module>()(await WebAssembly.compile(bytes), true);
  const { module: compiled, instance: made } = await WebAssembly.instantiate(bytes, {});
  is<WebAssembly.Module>()(compiled, true);
  is<WebAssembly.Instance>()(made, true);
  is<WebAssembly.Instance>()(await WebAssembly.instantiate(module), true);
  const { instance: streamed } = await WebAssembly.instantiateStreaming(fetch('file:module.wasm'), {});
  is<WebAssembly.Instance>()(streamed, true);
  is<WebAssembly.Module>()(await WebAssembly.compileStreaming(await fetch('file:module.wasm')), true);
}
void promises;

// Memories.
is<ArrayBuffer>()(memory.buffer, true);
is<number>()(memory.grow(1), true);
// @ts-expect-error an initial size is required
new WebAssembly.Memory({ maximum: 1 });
// @ts-expect-error the buffer is the memory's
memory.buffer = new ArrayBuffer(1);

// Tables.
const table = new WebAssembly.Table({ element: 'anyfunc', initial: 2 });
const found = table.get(0);
if (found !== null) found(1, 2n);
table.set(0, null);
table.set(1);
is<number>()(table.grow(1, null), true);
// @ts-expect-error elements have a known type
new WebAssembly.Table({ element: 'i32', initial: 2 });
// @ts-expect-error functions only
table.set(0, 5);
new WebAssembly.Table({ element: 'externref', initial: 1 }, { any: 'thing' }).set(0, 'another');

// Globals.
const count = new WebAssembly.Global({ value: 'i32', mutable: true }, 5);
count.value += 1;
is<number>()(count.valueOf(), true);
const big = new WebAssembly.Global({ value: 'i64' }, 5n);
is<bigint>()(big.value, true);
// @ts-expect-error an i64 is a BigInt
new WebAssembly.Global({ value: 'i64' }, 5);
// @ts-expect-error there is no such type
new WebAssembly.Global({ value: 'i8' });

// Errors.
try {
  run(2);
} catch (error) {
  if (error instanceof WebAssembly.RuntimeError) is<string>()(error.message, true);
  if (error instanceof WebAssembly.LinkError || error instanceof WebAssembly.CompileError) throw error;
}
const cause = new WebAssembly.LinkError('text', { cause: 5 });
const error: Error = WebAssembly.RuntimeError('without new');
void [cause, error];

// Deadlines.
is<number>()(
  WebAssembly.withDeadline(100, () => 5),
  true,
);
WebAssembly.withDeadline(new AbortController().signal, () => {});
// @ts-expect-error a limit is required
WebAssembly.withDeadline(() => 5);
is<Promise<number>>()(
  WebAssembly.withLimits({ maxMemoryBytes: 65536, maxInstances: 1 }, async () => 5),
  true,
);
// @ts-expect-error code is limited for the process only
WebAssembly.withLimits({ maxCodeBytes: 1 }, () => 5);
declare const late: WebAssembly.DeadlineError;
is<'ERR_WRT_DEADLINE'>()(late.code, true);
const trapped: WebAssembly.RuntimeError = late;
void trapped;

// What is passed around.
const imports: WebAssembly.Imports = { env: { table, count } };
const exported: WebAssembly.Exports = instance.exports;
const descriptor: WebAssembly.MemoryDescriptor = { initial: 0, address: 'i32' };
void [imports, exported, descriptor];

// Addresses of 64 bits.
const wide = new WebAssembly.Memory({ address: 'i64', initial: 1n, maximum: 4n });
is<bigint>()(wide.grow(1n), true);
const wideTable = new WebAssembly.Table({ element: 'externref', address: 'i64', initial: 1n });
is<bigint>()(wideTable.length, true);
wideTable.set(0n, 'x');
// @ts-expect-error sizes have the type of addresses
new WebAssembly.Memory({ address: 'i64', initial: 1 });

// Type reflection.
const add = new WebAssembly.Function({ parameters: ['i32', 'funcref'], results: ['i32'] }, (a) => a);
is<WebAssembly.FunctionType>()(add.type(), true);
table.set(0, add);
void [add(1, 2), memory.type().maximum, table.type().element, count.type().mutable];
// @ts-expect-error there is no such type
new WebAssembly.Function({ parameters: ['i8'], results: [] }, () => {});

// Who may compile.
WebAssembly.setCodeGenerationPolicy((bytes) => bytes.length < 1000);
WebAssembly.setCodeGenerationPolicy(null);
// @ts-expect-error promises are no answer
WebAssembly.setCodeGenerationPolicy(async () => true);
