'use strict';

const path = require('node:path');
const { Worker } = require('node:worker_threads');

/** A worker whose jobs are done one after the other; `ask` gives the result of one. */
class Hand {
  constructor() {
    this.worker = new Worker(path.join(__dirname, 'worker.js'));
  }

  ask(job, rest = {}) {
    return new Promise((resolve, reject) => {
      const done = ({ result, error }) => {
        this.worker.off('exit', gone);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      };
      const gone = () => reject(new Error('the worker is gone'));
      this.worker.once('message', done);
      this.worker.once('exit', gone);
      this.worker.postMessage({ job, ...rest });
    });
  }

  call = (name, ...args) => this.ask('call', { name, args });
  end = () => this.worker.terminate();
}

/** So many workers that have instances of `module` with `memory`. */
async function crew(count, module, memory) {
  const hands = Array.from({ length: count }, () => new Hand());
  await Promise.all(hands.map((hand) => hand.ask('start', { module, memory })));
  return hands;
}

/** Waits until `holds` does. */
async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

module.exports = { Hand, crew, until };
