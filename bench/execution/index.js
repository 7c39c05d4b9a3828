'use strict';

// node bench/execution [NAME...] [--repeat N] [--engines wrt,v8_20,...]
//
// What generated code costs. Each kernel runs on each engine in turns, each time in a process of its own, three times:
// `whole` is the CPU time of compiling and the first run, `steady` that of the better of the other two. A ratio is wrt's
// time over the other's in the same round, below 1 where wrt takes less: the median, and half of the distance of the extremes.

const { spawnSync } = require('node:child_process');
const { geomean, median } = require('../process');
const { engines } = require('./engines');
const { kernels } = require('./kernels');

function option(args, name, otherwise) {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : args.splice(at, 2)[1];
}

function measure(engine, file) {
  const [command, args, options] = engine.command(file);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${file} on ${engine.title}: ${stderr}`);
  return JSON.parse(stdout);
}

/** A bar of a ratio: the mark is 1. */
function bar(ratio) {
  const [width, one] = [24, 12];
  const length = Math.max(1, Math.min(width, Math.round(ratio * one)));
  const cells = Array.from({ length: width }, (_, i) => (i < length ? '█' : ' '));
  if (length < one) cells[one] = '|';
  return cells.join('').trimEnd();
}

/** A table of one kind of ratio; the bars are those against the last engine. */
class Table {
  constructor(kind, list) {
    this.kind = kind;
    this.others = [...list.keys()].slice(1);
    this.ratios = this.others.map(() => []);
    this.lines = [`\n${kind}: wrt's CPU time over that of`];
    this.others.forEach((name) => this.lines.push(`  ${name.padEnd(12)} ${list.get(name).title}`));
    this.lines.push(`\n${''.padEnd(13)}${'wrt, ms'.padStart(8)}${this.#cells(this.others)}`);
  }

  #cells(cells) {
    return cells.map((cell) => cell.padStart(14)).join('');
  }

  add(kernel, rounds) {
    const cells = this.others.map((name, i) => {
      const ratios = rounds.map((round) => round.wrt[this.kind] / round[name][this.kind]);
      this.ratios[i].push(median(ratios));
      const spread = (Math.max(...ratios) - Math.min(...ratios)) / 2;
      return `${median(ratios).toFixed(2)} ±${spread.toFixed(2)}`;
    });
    const time = String(Math.round(median(rounds.map((round) => round.wrt[this.kind]))));
    const line = `${kernel.padEnd(13)}${time.padStart(8)}${this.#cells(cells)}  ${bar(this.ratios.at(-1).at(-1))}`;
    this.lines.push(line.trimEnd());
  }

  end() {
    const means = this.ratios.map((ratios) => geomean(ratios).toFixed(3));
    this.lines.push(`${'geomean'.padEnd(21)}${this.#cells(means)}`);
    const worst = this.ratios.map((ratios) => Math.max(...ratios).toFixed(2));
    this.lines.push(`${'worst'.padEnd(21)}${this.#cells(worst)}`);
  }

  /** Prints what was not printed yet. */
  print() {
    this.lines.splice(0).forEach((line) => console.log(line));
  }
}

async function main(args) {
  const repeat = Number(option(args, '--repeat', 3));
  const names = option(args, '--engines')?.split(',');
  const list = engines(names);
  const [steady, whole] = ['steady', 'whole'].map((kind) => new Table(kind, list));
  for (const { name, file } of await kernels(args)) {
    const rounds = Array.from({ length: repeat }, () =>
      Object.fromEntries([...list].map(([engine, how]) => [engine, measure(how, file)])),
    );
    const results = rounds.flatMap((round) => Object.values(round).flatMap((one) => one.results));
    if (new Set(results.map((n) => n >>> 0)).size > 1) throw new Error(`${name}: the results differ`);
    for (const table of [steady, whole]) table.add(name, rounds);
    steady.print();
  }
  for (const table of [steady, whole]) {
    table.end();
    table.print();
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
