'use strict';

// OpenCascade's import of models, in C++, by Emscripten with the old instructions of exceptions; broken files, too.

const fs = require('node:fs');
const path = require('node:path');
const { createHash } = require('node:crypto');
const occtImport = require('occt-import-js');

const files = path.join(path.dirname(require.resolve('occt-import-js')), '..', 'test', 'testfiles');

/** Larger files take minutes. */
const MOST = 30000;

const digest = (value) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

async function main() {
  const occt = await occtImport();
  const all = fs.readdirSync(files, { recursive: true }).map(String).sort();
  const readers = { '.stp': 'ReadStepFile', '.step': 'ReadStepFile', '.igs': 'ReadIgesFile', '.iges': 'ReadIgesFile' };
  for (const file of all) {
    const reader = readers[path.extname(file).toLowerCase()] ?? (/\.brep?$/.test(file) ? 'ReadBrepFile' : undefined);
    if (reader === undefined) continue;
    const bytes = fs.readFileSync(path.join(files, file));
    if (bytes.length > MOST) continue;
    for (const length of [bytes.length, 100]) {
      try {
        const { success, root, meshes } = occt[reader](bytes.subarray(0, length), null);
        const triangles = meshes?.reduce((sum, mesh) => sum + mesh.index.array.length / 3, 0);
        console.log(file, length, success, root?.children?.length, triangles, digest([root, meshes]));
      } catch (error) {
        console.log(file, length, String(error));
      }
    }
  }
}

main();
