'use strict';

// esbuild-wasm: 14 MB of Go. Its bundler and its service, each in a process that the package starts.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const esbuild = require('esbuild-wasm');
const { print, run } = require('../case');

run(async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrt-esbuild-'));
  try {
    const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);
    write(
      'main.tsx',
      `import { area, type Shape } from './shapes'; import * as unused from './unused'; import data from './data.json';
      import './style.css';
      enum Kind { A = 1, B = A << 3 }
      const view = (s: Shape) => <div title={data.title} {...s}>{area(s)?.toFixed(2) ?? 'none'}<></></div>;
      export default class View { #x = Kind.B; static async *all() { yield* [view]; } get x(): number { return this.#x ** 2; } }`,
    );
    write(
      'shapes.ts',
      `export type Shape = { r: number } | null; export const area = (s: Shape) => s && Math.PI * s.r ** 2; export const dead = 1;`,
    );
    write('unused.js', `export const nothing = /* @__PURE__ */ Object.freeze({});`);
    write('data.json', `{ "title": "T\\u00e4st", "rest": [1, 2, 3] }`);
    write('style.css', `@media (width >= 100px) { .a { & .b { color: #ff0000cc; inset: 0 } } }`);
    for (const minify of [false, true]) {
      const { outputFiles, metafile } = await esbuild.build({
        absWorkingDir: folder,
        entryPoints: ['main.tsx'],
        bundle: true,
        write: false,
        outdir: 'out',
        format: 'esm',
        target: 'es2019',
        sourcemap: true,
        metafile: true,
        minify,
      });
      for (const output of outputFiles) print(path.relative(folder, output.path), output.text);
      print('inputs', Object.keys(metafile.inputs).sort());
    }
    const { code } = await esbuild.transform('let x: number = 1_000n as any; label: for (;;) break label', {
      loader: 'ts',
      minify: true,
    });
    print('transformed', code);
    const error = await esbuild.transform('let x = (', { logLevel: 'silent' }).catch((e) => e);
    print('error', error.message);
  } finally {
    await esbuild.stop();
    await new Promise((resolve) => setTimeout(resolve, 100)); // its process has ended by then, and is counted in the bench
    fs.rmSync(folder, { recursive: true });
  }
});
