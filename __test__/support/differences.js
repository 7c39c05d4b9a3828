'use strict';

// Where what is logged may differ from the newest V8's, and why. Nothing else may.

const BYTES = 'The standard takes views of any kind and buffers that are shared; V8 leaves these two out.';
const ORDER = 'Of several mistakes wrt finds the one that is first in the steps of the standard.';
const UNDEFINED = 'Web IDL: an argument that is there and undefined is the string "undefined".';

/**
 * What wrt does in another way. `tests` is a title, or matches titles; no `tests`: all. An entry that V8 logs and that
 * is, or matches, `v8` must be `wrt` here (null: no such entry). With `tests`, each of these must have such an entry.
 * `before`: only on Nodes of a lower major version. docs/errors.md explains those that concern errors.
 */
const ofWrt = [
  {
    v8: /^(throws TypeError: [gs]et WebAssembly\.Global\.value)\):/,
    wrt: '$1:',
    why: 'A slip of V8 since Node 24: a parenthesis that nobody opened.',
  },
  {
    v8: /(?<=CompileError: WebAssembly\.\w+\(\): )(?!BufferSource argument is empty$|expected 4 bytes, fell off end @\+0$).*$/s,
    wrt: 'TEXT',
    why: 'What is wrong with a module is said in the words of another validator, and for a place that it chooses.',
  },
  {
    v8: /^(.* memory import has no maximum limit, expected at most) 4294967295$/,
    wrt: '$1 4',
    why: "A slip of V8: it names the limit that the import does not have, not the module's. All the tests have 4.",
  },
  {
    tests: '64-bit: sizes of memories and tables: 2n ** 64n - 1n',
    v8: /^(.*Property 'maximum': value 18446744073709551615 is above the upper bound) 262144$/,
    wrt: '$1 137438953471',
    why: 'The limit of the standard; V8 takes that of what it can allocate.',
  },
  {
    tests: "Descriptors of tables new WebAssembly.Table({ element: 'anyfunc', initial: 0 }, 7)",
    v8: 'returns WebAssembly.Table',
    wrt:
      'throws TypeError: WebAssembly.Table(): Argument 2 must be undefined or a value of type compatible with the type ' +
      'of the new table: function-typed object must be null (if nullable) or a Wasm function object.',
    why: 'The standard converts the value of the elements, even if there are none.',
  },
  {
    tests: /^Import objects instantiate\(`\(module \(import "a" "1" \(func\)\) \(import "a" "2" \(memory 1\)\)\)`/,
    v8: 'throws WebAssembly.LinkError: WebAssembly.Instance(): Import #1 "a" "2": memory import must be a WebAssembly.Memory object',
    wrt: 'throws WebAssembly.LinkError: WebAssembly.Instance(): Import #0 "a" "1": function import requires a callable',
    why: ORDER,
  },
  {
    tests: 'Descriptors of memories new WebAssembly.Memory({ initial: 65537, maximum: -1 })',
    v8: "throws RangeError: WebAssembly.Memory(): Property 'initial': value 65537 is above the upper bound 65536",
    wrt: "throws TypeError: WebAssembly.Memory(): Property 'maximum' must be non-negative",
    why: ORDER,
  },
  {
    tests: "Descriptors of tables new WebAssembly.Table({ element: 'anyfunc', initial: 10000001, maximum: 1 })",
    v8: "throws RangeError: WebAssembly.Table(): Property 'initial': value 10000001 is above the upper bound 10000000",
    wrt: "throws RangeError: WebAssembly.Table(): Property 'maximum': value 1 is below the lower bound 10000001",
    why: ORDER,
  },
  {
    tests: 'Descriptors of tables table.set(2, 7)',
    v8: 'throws RangeError: WebAssembly.Table.set(): invalid address 2 in funcref table of size 2',
    wrt: 'throws TypeError: WebAssembly.Table.set(): Argument 1 is invalid for table: function-typed object must be null (if nullable) or a Wasm function object',
    why: ORDER,
  },
  {
    tests: 'Descriptors of memories memory.buffer.resize(1)',
    v8: 'throws TypeError: Method ArrayBuffer.prototype.resize called on incompatible receiver #<ArrayBuffer>',
    wrt: 'throws TypeError: memory.buffer.resize is not a function',
    before: 20,
    why: 'Node 18 has no such method.',
  },
  {
    tests: 'new Memory: initial -0.5',
    v8: "throws TypeError: WebAssembly.Memory(): Property 'initial' must be non-negative",
    wrt: 'returns WebAssembly.Memory\nArrayBuffer(0) true',
    why: 'Web IDL: [EnforceRange] rounds towards zero before it looks at the range.',
  },
  ...['compileStreaming', 'instantiateStreaming'].map((name) => ({
    tests: 'streaming what is no stream of a module: a type in capitals',
    v8: `${name}: rejects TypeError: WebAssembly response has unsupported MIME type 'Application/WASM'`,
    wrt:
      name === 'compileStreaming'
        ? 'compileStreaming: resolves WebAssembly.Module'
        : 'instantiateStreaming: rejects TypeError: WebAssembly.instantiate(): Import #0 "m": module is not an object or function',
    why: 'The standard compares MIME types without regard to case.',
  })),
  ...['DataView', 'shared buffer'].flatMap((name) => [
    {
      tests: 'what has bytes',
      v8: `${name}: throws TypeError: WebAssembly.validate(): Argument 0 must be a buffer source`,
      wrt: `${name}: returns true`,
      why: BYTES,
    },
    {
      tests: 'what has bytes',
      v8: `${name}: throws TypeError: WebAssembly.Module(): Argument 0 must be a buffer source`,
      wrt: `${name}: returns WebAssembly.Module`,
      why: BYTES,
    },
  ]),
  {
    tests: 'imports and exports',
    v8: /^(\{name: \{value: "run", .*)\}$/,
    wrt: '$1, type: {value: {parameters: [], results: ["f64"]}, writable: true, enumerable: false, configurable: true}}',
    why: 'The types of the proposal "JS type reflection". They are not enumerable, so comparisons do not see them.',
  },
  {
    tests: 'exported functions',
    v8: 'true true',
    wrt: 'false true',
    why: 'They have the prototype of WebAssembly.Function, as the proposal "JS type reflection" wants it.',
  },
  {
    tests: 'custom sections',
    v8: 'undefined: throws TypeError: WebAssembly.Module.customSections(): Argument 1 is required',
    wrt: 'undefined: returns []',
    why: UNDEFINED,
  },
  {
    tests: 'Modules: arguments WebAssembly.Module.customSections(module, undefined)',
    v8: 'throws TypeError: WebAssembly.Module.customSections(): Argument 1 is required',
    wrt: 'returns []',
    why: UNDEFINED,
  },
  ...Object.entries({ clone: 'returns ArrayBuffer(65536)', post: 'returns true' }).map(([name, wrt]) => ({
    tests: 'a buffer cannot be detached by others',
    v8: `${name}: throws thrown: DOMException`,
    wrt: `${name}: ${wrt}`,
    before: 21,
    why: 'These Nodes copy a buffer that must not be detached, those of their own memories, too.',
  })),
];

/** Tests of what wrt does not have: they have to fail. */
/** @type {{ tests: string | RegExp, why: string }[]} */
const missing = [];

/** Where an older V8 differs from the newest in more than texts. wrt does what the newest does. */
const older = [
  { tests: /^exported functions$/, before: 25, why: 'Functions had own `arguments` and `caller`.' },
  { tests: /^the receiver of imports$/, before: 22, why: 'Sloppy functions got the global object of another realm.' },
  { tests: /^(instantiate with bytes|bytes are taken at the call)$/, before: 20, why: 'The order of two properties.' },
  {
    tests: /^Descriptors of (memories|tables) .*\baddress: /,
    before: 24,
    why: 'The type of addresses was not looked at.',
  },
  { tests: /^modules are module sources$/, before: 24, why: 'There was no class of module sources.' },
  { tests: /^64-bit: /, before: 24, why: 'There were no addresses of 64 bits.' },
  {
    tests:
      /^Addresses of 64 bits (new .*initial: (1|'x'|null|\{\}|\d{6,}n|2n, maximum: 1n) |memory64\(\)\.grow\((2n|'x')\)|table64\(\)\.[gs].*2n(\)|, )|link\(.*(table|64\())/,
    before: 24,
    why: 'There were no addresses of 64 bits.',
  },
  {
    tests: /^Addresses of 64 bits (link\('memory i64|instantiate\(.*memory i64)/,
    before: 22,
    why: 'There were no addresses of 64 bits.',
  },
  { tests: /^Descriptors of tables table\.grow\(1, undefined\)$/, before: 22, why: 'undefined was null.' },
  { tests: /\(memory 1\) \(memory 1\)/, before: 22, why: 'A module could have one memory only.' },
  { tests: /^values of: externref$/, before: 21, why: 'A global without a value had null, not undefined.' },
  { tests: /^a buffer cannot be detached by others$/, before: 21, why: 'A transfer copied the buffer silently.' },
  {
    tests: /^(exceptions$|rethrow and delegate$|Tags and exceptions (instantiate|structuredClone\(new|.*\[1\], ))/,
    before: 20,
    why: 'Exception was an Error.',
  },
  {
    tests: /^Tags and exceptions new WebAssembly\.Exception\(tag\('(i32|anyfunc)'\), (\{\}|\[(|1, 2|7)\])\)$/,
    before: 22,
    why: 'Values were not counted.',
  },
  { tests: /return_call_indirect/, before: 20, why: 'There were no tail calls.' },
  { tests: /\(table 10000001 funcref\)/, before: 24, why: 'A table was found too large when it was made.' },
  {
    tests: /\(new\)$|^(references to exceptions|JSTag|exceptions that nobody holds are freed)$/,
    before: 22,
    why: 'There were only the old instructions of exceptions.',
  },
  { tests: /^Typed references: /, before: 22, why: 'There were none.' },
  {
    tests: /^Typed references: (parameters: \(ref null noextern\)|results of host functions: nullexternref)$/,
    before: 24,
    why: 'Any value became a null external reference.',
  },
  { tests: /^interface: Table$/, before: 20, why: 'The length of `set` was 2.' },
  {
    tests: /^(interface: Memory|methods and accessors refuse other receivers)$/,
    before: 26,
    why: 'There were no resizable buffers of memories.',
  },
  {
    tests: /^(interface: Exception|the namespace has the members of the standard)$/,
    before: 24,
    why: 'The length of Exception was 1, and in Node 18 it was an Error.',
  },
];

const matches = (tests, title) => (typeof tests === 'string' ? tests === title : tests.test(title));
const olderDiffers = (title, major) => older.some(({ tests, before }) => matches(tests, title) && major < before);
const isMissing = (title) => missing.some(({ tests }) => matches(tests, title));

/** The entries that wrt has to log in the test `title` where the newest V8 logs `entries`. */
function expectedOfWrt(title, entries, major) {
  let expected = entries;
  for (const { tests, v8, wrt, before = Infinity } of ofWrt) {
    if ((tests !== undefined && !matches(tests, title)) || major >= before) continue;
    let used = tests === undefined;
    expected = expected.flatMap((entry) => {
      if (typeof v8 === 'string' ? entry !== v8 : !v8.test(entry)) return [entry];
      used = true;
      return wrt === null ? [] : entry.replace(v8, wrt).split('\n');
    });
    if (!used) throw new Error(`differences.js: the newest V8 does not log ${v8} in '${title}'`);
  }
  return expected;
}

/** Why wrt has to log something else than the newest V8 in the test `title`, undefined if it has not. */
const reason = (title, entry) =>
  ofWrt.find(
    ({ tests, v8, before }) =>
      before === undefined &&
      (tests === undefined || matches(tests, title)) &&
      (typeof v8 === 'string' ? entry === v8 : v8.test(entry)),
  )?.why;

/** The text of a CompileError is compared only where the facade makes it. */
const { v8: validatorText, wrt: anyText } = ofWrt.find(({ wrt }) => wrt === 'TEXT');
const comparable = (entries) => entries.map((entry) => entry.replace(validatorText, anyText));

module.exports = { comparable, expectedOfWrt, isMissing, olderDiffers, reason };
