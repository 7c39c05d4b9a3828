'use strict';

// Operations within a process, timed side by side.

const median = (samples) => samples[samples.length >> 1];

/** How often to run for one sample; warms up, too. The last of several rounds decides, when nothing is compiled any more. */
function calibrate(run, { now, time }) {
  let n = 1;
  for (let round = 0; round < 8;) {
    const start = now();
    run(n);
    const took = now() - start;
    if (took < time / 3) n *= 4;
    else {
      n = Math.max(1, Math.ceil((n * time) / took));
      round++;
    }
  }
  return n;
}

/**
 * Nanoseconds an operation, ascending: samples of each, taken in turns.
 * @param {((n: number) => void)[]} runs what runs an operation `n` times
 * @param {{ now: () => number, time: number, count: number, once?: number }} options a clock in ms; how long a sample takes,
 * and how many there are; operations of a sample, if not found out
 */
function sample(runs, { once, ...options }) {
  const each = runs.map((run) => ({ run, n: once || calibrate(run, options), samples: [] }));
  if (once) for (const { run } of each) run(once / 100);
  for (let i = 0; i < options.count; i++) {
    for (const { run, n, samples } of each) {
      const start = options.now();
      run(n);
      samples.push(((options.now() - start) * 1e6) / n);
    }
  }
  return each.map(({ samples }) => samples.sort((a, b) => a - b));
}

module.exports = { median, sample };
