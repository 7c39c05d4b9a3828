// clingo-wasm: a solver in C++, by Emscripten with the old instructions of exceptions.

// Where there is a navigator the package takes its build for threads, which needs a browser.
Object.defineProperty(globalThis, 'navigator', { value: undefined, configurable: true });

const clingo = require('clingo-wasm');
const { print, run } = require('../case.js');

run(async () => {
  const solve = async (name, program, models) => {
    const result = await clingo.run(program, models);
    // Times are others each time.
    const untimed = (key, value) => (/^(Time|Start|Stop)$/.test(key) ? undefined : value);
    print(name, JSON.stringify(result, untimed));
  };
  await solve('all models', '1 { colour(N, (red; green; blue)) } 1 :- node(N). node(1..4).', 0);
  await solve(
    'queens',
    '{q(1..6,1..6)} = 6. :- q(I,J), q(I,K), J<K. :- q(I,J), q(K,L), I<K, |I-K| == |J-L|. :- q(I,J), q(K,J), I<K.',
    0,
  );
  await solve('none', 'p(1..6). h(1..5). 1 {a(P,H) : h(H)} 1 :- p(P). :- a(P,H), a(Q,H), P<Q.', 1);
  await solve(
    'best',
    'i(1..12). {in(I) : i(I)}. :- #sum{(I*37)\\23+1,I : in(I)} > 50. #maximize{(I*53)\\29+1,I : in(I)}.',
    0,
  );
  for (const wrong of ['a :- b(', 'a(X).', '#const n = n. p(n).', 'x :- 1/0 = 1.']) await solve('wrong', wrong, 1);
});
