// Graphviz: pictures of graphs, in C and C++, by Emscripten with the old instructions of exceptions; wrong graphs, too.

import { Graphviz } from '@hpcc-js/wasm-graphviz';

const graphviz = await Graphviz.load();
console.log(graphviz.version());
const ring = (count) => Array.from({ length: count }, (_, i) => `n${i} -> n${(i * 7 + 1) % count}`).join('; ');
const GRAPHS = {
  simple: 'digraph { a -> b; b -> c [label="<x>"]; subgraph cluster_0 { d; e } }',
  ring: `digraph { ${ring(40)} }`,
  records: 'digraph { node [shape=record]; r [label="{a|b|{c|d}}"]; r:a -> s }',
  open: 'digraph { a -> ',
  shape: 'digraph { a [shape=nothing_known] }',
};
for (const [name, dot] of Object.entries(GRAPHS)) {
  for (const engine of ['dot', 'neato', 'circo', 'twopi']) {
    for (const format of ['svg', 'plain']) {
      try {
        console.log(name, engine, graphviz.layout(dot, format, engine));
      } catch (error) {
        console.log(name, engine, String(error));
      }
    }
  }
}
