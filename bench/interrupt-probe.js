'use strict';

// Loaded before a program by bench/interrupt.js: puts wrt in place of the global WebAssembly and measures how long it
// takes until JavaScript gets the thread back when another thread wants it, at random moments at which wasm runs.
// Results are appended to the file WRT_PROBE_FILE, a line a process.

const fs = require('node:fs');
const path = require('node:path');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

const WANTED = 0; // 1: a request waits for an answer
const INSIDE = 1; // wasm runs
const LONGEST_PAUSE = 4; // ms
const { WRT_PROBE_FILE } = process.env; // esbuild empties its environment.

/** Of a thread, in ns: other programs may run, too. */
const processorTime = (file) => BigInt(fs.readFileSync(file, 'utf8').split(' ')[0]);

if (isMainThread) measure();
else if (workerData?.probe) request(workerData.probe);

/** The other thread: asks again and again. */
function request({ flags, times }) {
  const words = new Int32Array(flags);
  const time = new BigInt64Array(times);
  const mainThread = `/proc/self/task/${process.pid}/schedstat`;
  for (;;) {
    Atomics.wait(words, 2, 0, Math.random() * LONGEST_PAUSE); // Nobody notifies: a pause.
    if (Atomics.load(words, WANTED) === 0 && Atomics.load(words, INSIDE) === 1) {
      time[1] = processorTime(mainThread);
      time[0] = process.hrtime.bigint();
      Atomics.store(words, WANTED, 1);
    }
  }
}

function measure() {
  const flags = new SharedArrayBuffer(16);
  const times = new SharedArrayBuffer(16);
  const words = new Int32Array(flags);
  const time = new BigInt64Array(times);
  const mainThread = `/proc/self/task/${process.pid}/schedstat`;
  const interruptions = [];
  let returns = 0;
  let polls = 0;

  const binding = require('../tools/native')();
  const { make } = binding;
  binding.make = (name) => {
    const original = make(name);
    if (name !== 'enter' && name !== 'resume') return original;
    return () => {
      words[INSIDE] = 1;
      original();
      words[INSIDE] = 0;
      if (words[WANTED] === 1) {
        returns++; // It was about to come back.
        words[WANTED] = 0;
      }
    };
  };
  make('onInterrupt')(() => {
    polls++;
    if (words[WANTED] === 0) return;
    const [clock, processor] = [process.hrtime.bigint() - time[0], processorTime(mainThread) - time[1]];
    interruptions.push([Number(clock) / 1e6, Number(processor) / 1e6]);
    words[WANTED] = 0;
  });

  Object.defineProperty(globalThis, 'WebAssembly', {
    value: require('../dist/facade')(binding),
    writable: true,
    configurable: true,
    enumerable: false,
  });
  const worker = new Worker(__filename, { workerData: { probe: { flags, times } }, execArgv: [], env: {} });
  worker.unref();
  process.on('exit', () => {
    const line = JSON.stringify({ program: path.basename(process.argv[1] ?? ''), polls, returns, interruptions });
    fs.appendFileSync(WRT_PROBE_FILE, `${line}\n`);
  });
}
