'use strict';

// Runs a script of tests in text (.wast) whose instructions wabt knows and the parser of our Rust tests does not, such as the
// folded forms of the old exceptions. What those scripts need, no more; all others are converted, see spec-runner.js.

const wat = require('./wat');

/** The expressions of a text: lists, and atoms as they are written. */
function parse(text) {
  const token = /\(;[^]*?;\)|;;.*|[()]|"(?:[^"\\]|\\.)*"|[^\s()";]+/g;
  const stack = [{ list: [], start: 0 }];
  for (const { 0: atom, index } of text.matchAll(token)) {
    const top = stack[stack.length - 1];
    if (atom.startsWith('(;') || atom.startsWith(';;')) continue;
    if (atom === '(') {
      stack.push({ list: [], start: index });
    } else if (atom === ')') {
      stack.pop();
      stack[stack.length - 1].list.push({ list: top.list, text: text.slice(top.start, index + 1) });
    } else {
      top.list.push({ atom, text: atom });
    }
  }
  return stack[0].list;
}

const words = ({ list }) => list.map(({ atom }) => atom);
const string = (atom) => JSON.parse(atom);

/** The bytes of `(module ...)`, or of a `(module quote "...")`. */
function assemble(module) {
  const [, quote, ...parts] = words(module);
  return wat(quote === 'quote' ? parts.map(string).join(' ') : module.text);
}

function value(expression) {
  const [type, number] = words(expression);
  if (type === 'i64.const') return BigInt.asIntN(64, BigInt(number));
  return type === 'i32.const' ? Number(number) | 0 : Number(number);
}

/** @returns {{ passed: number, failures: string[] }} */
function runWast(W, text) {
  const imports = {};
  let exports = {};
  const invoke = ({ list: [, name, ...args] }) => exports[string(name.atom)](...args.map(value));
  const thrown = (action) => {
    try {
      return `returns ${invoke(action)}`;
    } catch (error) {
      return error;
    }
  };
  // What is wrong, or nothing.
  const commands = {
    module(command) {
      ({ exports } = new W.Instance(new W.Module(assemble(command)), imports));
    },
    register({ list: [, name] }) {
      imports[string(name.atom)] = exports;
    },
    assert_return({ list: [, action, ...expected] }) {
      const [want] = expected.map(value);
      const got = invoke(action);
      return Object.is(got, want) ? undefined : got;
    },
    assert_exception({ list: [, action] }) {
      const error = thrown(action);
      return error instanceof W.Exception ? undefined : error;
    },
    assert_trap({ list: [, action] }) {
      const error = thrown(action);
      return error instanceof W.RuntimeError ? undefined : error;
    },
    assert_invalid({ list: [, module] }) {
      return W.validate(assemble(module)) ? 'valid' : undefined;
    },
    // It is the text that is malformed: there is no module.
    assert_malformed({ list: [, module] }) {
      try {
        assemble(module);
      } catch {
        return undefined;
      }
      return 'well formed';
    },
  };
  const failures = [];
  const script = parse(text);
  const fail = ({ text: command }, what) => failures.push(`${command.slice(0, 100)}: ${what}`);
  for (const command of script) {
    try {
      const wrong = commands[command.list[0].atom](command);
      if (wrong !== undefined) fail(command, wrong);
    } catch (error) {
      fail(command, error);
    }
  }
  return { passed: script.length - failures.length, failures };
}

module.exports = runWast;
