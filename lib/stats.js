/** `stats`, an export beyond the standard: what is live, for tests and for whoever looks for a leak. */

import * as binding from './binding.js';
import { countReferences } from './references.js';

function compileStats() {
  const figures = binding.rare.compileStats();
  const figure = (k) => ({ count: figures[2 * k], milliseconds: figures[2 * k + 1] });
  return { modules: figure(0), onDemand: figure(1), improved: figure(2), fromImages: figure(3) };
}

const extensions = {
  /** Counts of this thread, and of the process what compiling has cost. What is unreachable counts until the collector has found that out. */
  stats() {
    const [modules, instances, memories, tables, codeBytes, reservedBytes] = binding.rare.stats();
    return {
      modules,
      instances,
      memories,
      tables,
      references: countReferences(),
      codeBytes,
      reservedBytes,
      compile: compileStats(),
    };
  },
};

export const { stats } = extensions;
