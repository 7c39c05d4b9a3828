'use strict';

// Differential tests. A closure logs what it sees of a namespace; what it logs of wrt has to be what it logs of the
// newest V8, texts of errors included. That is recorded, since most Nodes have an older V8:
//
//   WRT_RECORD=1 npx jest __test__/api         on Node 26 or later writes __test__/api/newest/*.json
//   WRT_TEST_SHOW=1 npx jest __test__/api      prints what wrt logs
//
// The V8 at hand is run, too. From Node 26 on it must agree with the recording, which proves that right. An older one
// must agree but for texts; where it does not, `differences.js` says so, and the newest V8's behaviour is expected all
// the same. `differences.js` also has every place where wrt is different on purpose or lacks something.

const fs = require('node:fs');
const path = require('node:path');
const { comparable, expectedOfWrt, isMissing, olderDiffers } = require('./differences');
const { describeError, describeValue } = require('./describe');
const report = require('./report');

const NEWEST = 26;
const major = Number(process.versions.node.split('.')[0]);
const recording = Boolean(process.env.WRT_RECORD);
if (recording && major < NEWEST) throw new Error(`texts are recorded on Node ${NEWEST} or later`);

function logger(W) {
  const entries = [];
  const log = (...values) => entries.push(values.map((v) => describeValue(W, v)).join(' '));
  const add = ({ as }, outcome) => entries.push(as === undefined ? outcome : `${as}: ${outcome}`);
  /**
   * What the action returns, or the error that it throws. With `text: false` only the error's class, for texts that
   * are Node's. `as` is a label.
   */
  log.try = (action, options = {}) => {
    let result;
    try {
      result = action();
    } catch (error) {
      add(options, `throws ${describeError(W, error, options)}`);
      return undefined;
    }
    add(options, `returns ${describeValue(W, result)}`);
    return result;
  };
  /** The same of a promise, too; whether an error was thrown or the promise rejected shows. */
  log.settled = async (action, options = {}) => {
    let promise;
    try {
      promise = action();
    } catch (error) {
      add(options, `throws ${describeError(W, error, options)}`);
      return undefined;
    }
    try {
      const result = await promise;
      const verb = typeof promise?.then === 'function' ? 'resolves' : 'returns';
      add(options, `${verb} ${describeValue(W, result)}`);
      return result;
    } catch (error) {
      add(options, `rejects ${describeError(W, error, options)}`);
      return undefined;
    }
  };
  return { log, entries };
}

async function observe(W, body) {
  const { log, entries } = logger(W);
  await body(W, log);
  return entries;
}

// ---- the recording: one file for a file of tests, the entries of each test under its title

const folder = path.join(__dirname, '..', 'api', 'newest');
const files = new Map();

function recordOf(testPath) {
  const file = path.join(folder, `${path.basename(testPath, '.test.js')}.json`);
  if (!files.has(file)) {
    const known = !recording && fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
    files.set(file, known);
    if (recording) fs.mkdirSync(folder, { recursive: true });
  }
  const record = files.get(file);
  return {
    get: (title) => record[title],
    set(title, entries) {
      record[title] = entries;
      fs.writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
    },
  };
}

/** What the newest V8 logs in a test. */
const recorded = (testPath, title) => recordOf(testPath).get(title);

/** Entries without the texts of errors. */
const withoutTexts = (entries) =>
  entries.map((e) => e.replace(/^((?:[^:]*: )?(?:throws|rejects) (?!thrown:)[\w.]+): .*$/s, '$1'));

/** A test that `body(W, log)` logs on wrt what it logs on the newest V8. */
function same(title, body) {
  test(title, async () => {
    const { testPath, currentTestName } = expect.getState();
    const record = recordOf(testPath);
    const ofV8 = await observe(wrtTest.builtin, body);
    expect(ofV8.length).toBeGreaterThan(0);
    if (recording) record.set(currentTestName, ofV8);
    const newest = record.get(currentTestName);
    if (newest === undefined) throw new Error('what V8 does is not recorded, see support/compare.js');
    if (major >= NEWEST) expect(ofV8).toEqual(newest);
    else if (!olderDiffers(currentTestName, major)) expect(withoutTexts(ofV8)).toEqual(withoutTexts(newest));
    else {
      expect(withoutTexts(ofV8)).not.toEqual(withoutTexts(newest));
      report('older V8', currentTestName, 1);
    }
    if (wrtTest.name === 'builtin') return;

    if (isMissing(currentTestName)) {
      // Once wrt has it, the test must be taken off the list.
      const actual = await observe(wrtTest.impl, body).catch((error) => [`fails with ${error}`]);
      return expect(actual).not.toEqual(newest);
    }
    const actual = comparable(await observe(wrtTest.impl, body));
    if (process.env.WRT_TEST_SHOW) process.stdout.write(`${title}\n${actual.join('\n')}\n`);
    expect(actual).toEqual(expectedOfWrt(currentTestName, newest, major));
  });
}
/** One such test for each case, which `body(W, log, case)` receives. */
same.each = (cases) => (title, body) => {
  for (const [name, value] of Object.entries(cases)) {
    same(`${title}: ${name}`, (W, log) => body(W, log, value));
  }
};

/** A test of `body(W)` that needs no comparison. */
const ours = (title, body) => test(title, () => body(wrtTest.impl));

const instantiate = (W, bytes, imports) => new W.Instance(new W.Module(bytes), imports).exports;

module.exports = { same, ours, instantiate, observe, recorded, recording };
