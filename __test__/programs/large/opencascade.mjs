// OpenCascade as Replicad has it: solids, in C++, by Emscripten with the exceptions of WebAssembly.

import { createRequire } from 'node:module';

const opencascade = createRequire(import.meta.url)('replicad-opencascadejs');
const oc = await (opencascade.default ?? opencascade)();

/** Name, number of faces, volume, and a digest of the shape as text. */
function describe(name, shape) {
  const faces = new oc.TopExp_Explorer(shape, oc.TopAbs_ShapeEnum.TopAbs_FACE, oc.TopAbs_ShapeEnum.TopAbs_SHAPE);
  let count = 0;
  for (; faces.More(); faces.Next()) count++;
  const properties = new oc.GProp_GProps();
  oc.BRepGProp.VolumeProperties(shape, properties, false, false, false);
  console.log(name, count, properties.Mass());
}

const box = new oc.BRepPrimAPI_MakeBox(30, 20, 10).Shape();
describe('box', box);
for (const radius of [1, 4, 9, 16, -1]) {
  try {
    const sphere = new oc.BRepPrimAPI_MakeSphere(radius).Shape();
    describe(`sphere ${radius}`, sphere);
    const progress = new oc.Message_ProgressRange();
    describe('cut', new oc.BRepAlgoAPI_Cut(box, sphere, progress).Shape());
  } catch (error) {
    // What such an exception is as text differs between versions of V8.
    const isOfGuest = error instanceof WebAssembly.Exception;
    console.log(radius, isOfGuest ? 'an exception' : `${error?.constructor?.name} ${error?.message}`.slice(0, 100));
  }
}
