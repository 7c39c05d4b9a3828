'use strict';

/** `stats`, an export beyond the standard: what is live, for tests and for whoever looks for a leak. */

const binding = require('./binding');
const { countReferences } = require('./references');

const extensions = {
  /** Counts of this thread. What is unreachable counts until the collector has found that out. */
  stats() {
    const [modules, instances, memories, tables, codeBytes, reservedBytes] = binding.stats();
    return {
      modules,
      instances,
      memories,
      tables,
      references: countReferences(),
      codeBytes,
      reservedBytes,
    };
  },
};

module.exports = { stats: extensions.stats };
