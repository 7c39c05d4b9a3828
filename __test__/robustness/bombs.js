'use strict';

// node bombs.js NAME IMPL: a module that is hard on a compiler, or on the edge of what is allowed. Prints what became of
// it, and what that took.

const builtin = globalThis.WebAssembly;
const [, , name, impl] = process.argv;
const W = impl === 'builtin' ? builtin : require('../support/impl').load();

/** An unsigned number as LEB128. */
function u32(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return [...bytes, n];
}

/** All in one; parts may be arrays of bytes or buffers. */
const join = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const repeat = (bytes, count) => Buffer.alloc(bytes.length * count, Buffer.from(bytes));
const section = (id, ...parts) => {
  const content = join(...parts);
  return join([id], u32(content.length), content);
};
const vector = (items) => join(u32(items.length), ...items);
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const END = 0x0b;
const I32 = 0x7f;

const body = (locals, ...code) => {
  const content = join(locals, ...code, [END]);
  return join(u32(content.length), content);
};

/** A module whose function, exported as `f`, takes and gives an i32. */
const single = (locals, ...code) =>
  join(
    HEADER,
    section(1, vector([[0x60, 1, I32, 1, I32]])),
    section(3, [1, 0]),
    section(7, [1, 1, 0x66, 0, 0]),
    section(10, [1], body(locals, ...code)),
  );

const NONE = [0];
const GET = [0x20, 0];
/** Code that `make` gives for each number below `count`. */
/** What the first tier leaves to another compiler. */
const VECTOR = [0xfd, 0x0c, ...Array(16).fill(1), 0x1a];
const times = (count, make) => Buffer.from(Array.from({ length: count }, (_, k) => make(k)).flat());

/** (x + 1) + 1 ... */
const additions = (count, before = []) => single(NONE, before, GET, repeat([0x41, 1, 0x6a], count));
const locals = (count) =>
  single(join([1], u32(count), [I32]), GET, [0x21], u32(count), [0x20], u32(count), [0x20], u32(count >> 1), [0x6a]);
const nested = (opcode, count, before = []) =>
  single(NONE, before, repeat([opcode, 0x40], count), repeat([END], count), GET);
/** br_table with so many targets, of which each second leads out of one block, the others of two. */
const table = (count) =>
  single(
    NONE,
    [0x02, 0x40, 0x02, 0x40, ...GET, 0x0e],
    u32(count),
    times(count, (k) => k & 1),
    [0, END, 0x41, 7, 0x0f, END, 0x41, 9],
  );
/** As many values on the stack as that. */
const stacked = (count, before = []) => single(NONE, before, repeat(GET, count), repeat([0x6a], count - 1));
const branches = (count, before = []) => single(NONE, before, repeat([0x02, 0x40, ...GET, 0x0d, 0, END], count), GET);
/** All locals live in a loop with many joins. */
const joins = (count, live, before = []) =>
  single(
    join([1], u32(live), [I32]),
    before,
    times(count, (k) => [...GET, 0x04, 0x40, 0x20, ...u32(k % live), 0x41, 1, 0x6a, 0x21, ...u32((k * 7) % live), END]),
    GET,
  );
const many = (count) =>
  join(
    HEADER,
    section(1, vector([[0x60, 1, I32, 1, I32]])),
    section(3, u32(count), repeat([0], count)),
    section(7, [1, 1, 0x66, 0], u32(count - 1)),
    section(10, u32(count), repeat(body(NONE, GET), count)),
  );
/** A function with so many parameters or results, which `f` calls. */
const signature = (params, results) =>
  join(
    HEADER,
    section(
      1,
      vector([
        [0x60, 1, I32, 1, I32],
        join([0x60], u32(params), repeat([I32], params), u32(results), repeat([I32], results)),
      ]),
    ),
    section(3, [2, 1, 0]),
    section(7, [1, 1, 0x66, 0, 1]),
    section(
      10,
      [2],
      body(NONE, repeat([0x41, 3], results)),
      body(NONE, repeat(GET, params), [0x10, 0], repeat([0x6a], Math.max(0, results - 1)), results ? [] : GET),
    ),
  );
/** A constant expression of so many additions. */
const constant = (count) =>
  join(
    HEADER,
    section(1, vector([[0x60, 1, I32, 1, I32]])),
    section(3, [1, 0]),
    section(6, [1, I32, 0, 0x41, 0], repeat([0x41, 1, 0x6a], count), [END]),
    section(7, [1, 1, 0x66, 0, 0]),
    section(10, [1], body(NONE, [0x23, 0])),
  );
const globals = (count) =>
  join(
    HEADER,
    section(1, vector([[0x60, 1, I32, 1, I32]])),
    section(3, [1, 0]),
    section(6, u32(count), repeat([I32, 0, 0x41, 5, END], count)),
    section(7, [1, 1, 0x66, 0, 0]),
    section(10, [1], body(NONE, [0x23], u32(count - 1))),
  );
const types = (count) =>
  join(
    HEADER,
    section(
      1,
      u32(count),
      times(count - 1, (k) => [0x60, 3, ...[k, k >> 2, k >> 4].map((n) => 0x7c + (n & 3)), 0]),
      [0x60, 1, I32, 1, I32],
    ),
    section(3, [1], u32(count - 1)),
    section(7, [1, 1, 0x66, 0, 0]),
    section(10, [1], body(NONE, GET)),
  );

const BOMBS = {
  'one function of 7 MB': () => additions(2_400_000),
  'one function that is too large': () => additions(2_600_000),
  '50,000 locals': () => locals(49_999),
  'too many locals': () => locals(50_000),
  '50,000 locals in 2,000 joins': () => joins(2_000, 49_999),
  '1,000 locals in 100,000 joins': () => joins(100_000, 1_000),
  '1,000,000 blocks in one another': () => nested(0x02, 1_000_000),
  '100,000 loops in one another': () => nested(0x03, 100_000),
  '1,000,000 loops': () => single(NONE, repeat([0x03, 0x40, END], 1_000_000), GET),
  '65,520 targets of br_table': () => table(65_520),
  '1,000,000 targets of br_table': () => table(1_000_000),
  '7,000,000 targets of br_table': () => table(7_000_000),
  '1,000,000 values on the stack': () => stacked(1_000_000),
  '500,000 branches': () => branches(500_000),
  '1,000 parameters and results': () => signature(1_000, 1_000),
  '1,001 parameters': () => signature(1_001, 1),
  '1,001 results': () => signature(1, 1_001),
  // Older Nodes know no such expressions.
  ...(builtin.validate(constant(1)) && {
    'a constant expression of 2,000,000 additions': () => constant(2_000_000),
  }),
  '1,000,000 functions': () => many(1_000_000),
  'too many functions': () => many(1_000_001),
  '1,000,000 globals': () => globals(1_000_000),
  '1,000,000 types': () => types(1_000_000),
  'too many types': () => types(1_000_001),
  'one function of 7 MB, with a vector': () => additions(2_400_000, VECTOR),
  '50,000 locals in 2,000 joins, with a vector': () => joins(2_000, 49_999, VECTOR),
  '1,000 locals in 100,000 joins, with a vector': () => joins(100_000, 1_000, VECTOR),
  '1,000,000 blocks in one another, with a vector': () => nested(0x02, 1_000_000, VECTOR),
  '100,000 loops in one another, with a vector': () => nested(0x03, 100_000, VECTOR),
  '1,000,000 loops, with a vector': () => single(NONE, VECTOR, repeat([0x03, 0x40, END], 1_000_000), GET),
  '1,000,000 values on the stack, with a vector': () => stacked(1_000_000, VECTOR),
  '500,000 branches, with a vector': () => branches(500_000, VECTOR),
};

function main() {
  const bytes = BOMBS[name]();
  const begin = process.cpuUsage();
  const before = process.resourceUsage().maxRSS;
  const valid = W.validate(bytes);
  let result;
  try {
    const { f } = new W.Instance(new W.Module(bytes)).exports;
    // Often enough to be compiled again.
    for (let k = 0; k < 300; k++) result = f(1);
  } catch (error) {
    result = error.name;
  }
  const { user, system } = process.cpuUsage(begin);
  const megabytes = Math.round((process.resourceUsage().maxRSS - before) / 1024);
  console.log(JSON.stringify({ valid, result, seconds: (user + system) / 1e6, megabytes }));
}

module.exports = { names: Object.keys(BOMBS) };
if (require.main === module) main();
