'use strict';

// Runs the scripts that `examples/spec_json.rs` writes, through nothing but the JavaScript API.

const fs = require('node:fs');
const path = require('node:path');

const FOLDER = path.join(__dirname, '..', '..', 'target', 'spec');

/** The scripts there are: `{ name, group, commands, textOnly }` each. */
const index = () => JSON.parse(fs.readFileSync(path.join(FOLDER, 'index.json'), 'utf8'));

class Mismatch extends Error {}
const fail = (message) => {
  throw new Mismatch(message);
};

// ---- bits and numbers

const scratch = new DataView(new ArrayBuffer(8));
const f32 = (bits) => {
  scratch.setUint32(0, Number(bits));
  return scratch.getFloat32(0);
};
const f64 = (bits) => {
  scratch.setBigUint64(0, BigInt(bits));
  return scratch.getFloat64(0);
};
const int32 = (bits) => Number(bits) | 0;
const int64 = (bits) => BigInt.asIntN(64, BigInt(bits));

// The bits that a NaN pattern leaves open are masked away.
const F32_PATTERN = { 'nan:canonical': [0x7fffffffn, 0x7fc00000n], 'nan:arithmetic': [0x7fc00000n, 0x7fc00000n] };
const F64_PATTERN = {
  'nan:canonical': [0x7fffffffffffffffn, 0x7ff8000000000000n],
  'nan:arithmetic': [0x7ff8000000000000n, 0x7ff8000000000000n],
};
/** Are `bits`, unsigned, what `want` says, a number in text or a pattern of `patterns`? */
const bitsAre = (bits, want, patterns) => {
  const pattern = patterns[want];
  return pattern ? (bits & pattern[0]) === pattern[1] : bits === BigInt(want);
};

const show = (value) => {
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return `function ${value.name}`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (value === null || typeof value !== 'object') return String(value);
  return value instanceof Error || 'stack' in value ? `${value.name}: ${value.message}` : '[object]';
};

class Runner {
  constructor(W, name) {
    this.W = W;
    this.name = name;
    this.instances = new Map(); // by name; '' is the current one
    this.hostValues = new Map();
    this.imports = {
      spectest: {
        print() {},
        print_i32() {},
        print_i64() {},
        print_f32() {},
        print_f64() {},
        print_i32_f32() {},
        print_f64_f64() {},
        global_i32: 666,
        global_i64: 666n,
        global_f32: 666.6,
        global_f64: 666.6,
        table: new W.Table({ initial: 10, maximum: 20, element: 'anyfunc' }),
        memory: new W.Memory({ initial: 1, maximum: 2 }),
        // Made where one is asked for: without V8's WebAssembly (`--jitless`) there are none.
        get shared_memory() {
          const value = new W.Memory({ initial: 1, maximum: 2, shared: true });
          Object.defineProperty(this, 'shared_memory', { value });
          return value;
        },
      },
    };
  }

  run() {
    const { commands } = JSON.parse(fs.readFileSync(path.join(FOLDER, `${this.name}.json`), 'utf8'));
    const failures = [];
    for (const command of commands) {
      try {
        this[command.type](command);
      } catch (error) {
        if (command.type === 'module') this.instances.delete('');
        const where = `${this.name}.wast:${command.line}: ${command.type}`;
        const what = command.action ? ` ${JSON.stringify(command.action.field)}` : '';
        failures.push(`${where}${what}: ${error instanceof Mismatch ? error.message : show(error)}`);
      }
    }
    return { passed: commands.length - failures.length, failures };
  }

  // ---- modules

  read(file) {
    return new Uint8Array(fs.readFileSync(path.join(FOLDER, this.name, file)));
  }

  compile(file) {
    const bytes = this.read(file);
    const valid = this.W.validate(bytes);
    const module = new this.W.Module(bytes);
    if (valid !== true) fail(`validate says ${show(valid)} to a module that compiles`);
    return module;
  }

  // Modules that nobody registered are looked up all the same, and then miss their exports.
  instantiate(module) {
    const imports = { ...this.imports };
    for (const { module: name } of this.W.Module.imports(module)) imports[name] ??= {};
    return new this.W.Instance(module, imports);
  }

  module({ name, file, checker }) {
    const { exports } = this.instantiate(this.compile(file));
    const instance = { exports, checker, exact: null };
    this.instances.set('', instance);
    if (name !== null) this.instances.set(name, instance);
  }

  register({ module, as }) {
    this.imports[as] = this.instance(module ?? '').exports;
  }

  instance(name) {
    return this.instances.get(name) ?? fail(`no instance ${JSON.stringify(name)}`);
  }

  mustThrow(type, action) {
    let result;
    try {
      result = action();
    } catch (error) {
      if (error instanceof Mismatch) throw error;
      if (typeof type === 'string' ? error.constructor.name === type : error instanceof type) return;
      return fail(`${typeof type === 'string' ? type : type.name} expected, not ${show(error)}`);
    }
    return fail(`returns ${show(result)} where it must throw`);
  }

  assert_invalid({ file }) {
    const bytes = this.read(file);
    this.mustThrow(this.W.CompileError, () => new this.W.Module(bytes));
    if (this.W.validate(bytes) !== false) fail('validate accepts it');
  }

  assert_malformed(command) {
    this.assert_invalid(command);
  }

  assert_unlinkable({ file }) {
    const module = this.compile(file);
    this.mustThrow(this.W.LinkError, () => this.instantiate(module));
  }

  assert_uninstantiable({ file }) {
    const module = this.compile(file);
    this.mustThrow(this.W.RuntimeError, () => this.instantiate(module));
  }

  // ---- actions

  action({ action }) {
    this.perform(action);
  }

  assert_trap({ action }) {
    this.mustThrow(this.W.RuntimeError, () => this.perform(action));
  }

  assert_exhaustion({ action }) {
    this.mustThrow('RangeError', () => this.perform(action));
  }

  assert_return({ action, expected }) {
    const result = this.perform(action);
    if (action.exact) return this.checkBits(result, expected);
    if (expected.length === 0) {
      if (result !== undefined) fail(`returns ${show(result)} instead of nothing`);
      return;
    }
    if (expected.length > 1 && !(Array.isArray(result) && result.length === expected.length)) {
      fail(`returns ${show(result)} instead of ${expected.length} values`);
    }
    const values = expected.length > 1 ? result : [result];
    expected.forEach((want, i) => {
      if (!this.isValue(values[i], want)) fail(`result ${i} is ${show(values[i])}, not ${want.join(' ')}`);
    });
  }

  perform({ module = '', field, args, exact }) {
    const instance = this.instance(module);
    if (exact) {
      const call = this.exactExports(instance)[`${args ? 'f' : 'g'}:${field}`];
      return args ? call(...args.flatMap((arg) => this.bits(arg))) : call();
    }
    const exported = instance.exports[field];
    if (args) return exported(...args.map((arg) => this.value(arg)));
    if (!(exported instanceof this.W.Global)) fail(`export is ${show(exported)}, not a Global`);
    return exported.value;
  }

  exactExports(instance) {
    instance.exact ??= new this.W.Instance(new this.W.Module(this.read(instance.checker)), {
      f: instance.exports,
      g: instance.exports,
    }).exports;
    return instance.exact;
  }

  hostValue(number) {
    if (!this.hostValues.has(number)) this.hostValues.set(number, { host: number });
    return this.hostValues.get(number);
  }

  /** An argument as JavaScript passes it. */
  value([type, bits]) {
    switch (type) {
      case 'i32':
        return int32(bits);
      case 'i64':
        return int64(bits);
      case 'f32':
        return f32(bits);
      case 'f64':
        return f64(bits);
      case 'externref':
        return bits === undefined ? null : this.hostValue(bits);
      case 'funcref':
        return null;
      default:
        return fail(`unknown type ${type}`);
    }
  }

  /** The same as the bits that a checker takes. */
  bits(arg) {
    const [type, bits, high] = arg;
    if (type === 'f32') return [int32(bits)];
    if (type === 'f64') return [int64(bits)];
    if (type === 'v128') return [int64(bits), int64(high)];
    return [this.value(arg)];
  }

  isValue(value, [type, want]) {
    switch (type) {
      case 'i32':
        return Object.is(value, int32(want));
      case 'i64':
        return value === int64(want);
      case 'f32':
        return Object.is(value, f32(want));
      case 'f64':
        return Object.is(value, f64(want));
      case 'null':
        return value === null;
      case 'func':
        return typeof value === 'function';
      case 'extern':
        return want === undefined ? value !== null : value === this.hostValue(want);
      default:
        return fail(`unknown type ${type}`);
    }
  }

  checkBits(result, expected) {
    const parts = result === undefined ? [] : Array.isArray(result) ? [...result] : [result];
    const half = () => BigInt.asUintN(64, parts.shift());
    const matches = (want) => {
      const [type, ...bits] = want;
      switch (type) {
        case 'f32':
          return bitsAre(BigInt(parts.shift() >>> 0), bits[0], F32_PATTERN);
        case 'f64':
          return bitsAre(half(), bits[0], F64_PATTERN);
        case 'v128':
          return bits.map((b) => bitsAre(half(), b, {})).every(Boolean);
        case 'f64x2':
          return bits.map((b) => bitsAre(half(), b, F64_PATTERN)).every(Boolean);
        case 'f32x4': {
          const halves = [half(), half()];
          const lane = (i) => BigInt.asUintN(32, halves[i >> 1] >> BigInt(32 * (i & 1)));
          return bits.every((b, i) => bitsAre(lane(i), b, F32_PATTERN));
        }
        default:
          return this.isValue(parts.shift(), want);
      }
    };
    const before = show(parts);
    expected.forEach((want, i) => {
      if (!matches(want)) fail(`result ${i} of the bits ${before} is not ${want.join(' ')}`);
    });
    if (parts.length) fail(`too many results: ${before}`);
  }
}

/** `{ passed, failures }` of one script. */
const runScript = (W, name) => new Runner(W, name).run();

module.exports = { index, runScript };

// node __test__/support/spec-runner.js [NAME...]
if (require.main === module) {
  const W = require('./impl').load();
  const names = process.argv.slice(2);
  let passed = 0;
  let failed = 0;
  for (const { name } of index()) {
    if (names.length && !names.includes(name)) continue;
    const result = runScript(W, name);
    passed += result.passed;
    failed += result.failures.length;
    for (const failure of result.failures) console.log(failure);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}
