'use strict';

// web-ifc: geometry of buildings, in C++, by Emscripten with the old instructions of exceptions.

const path = require('node:path');
const { IFCWALL, IfcAPI } = require('web-ifc');

const wall = (i) => {
  const k = 100 + i * 20;
  const guid = `0uNK5SuQn3xuhEhMjPFq${String(i).padStart(2, '0')}`;
  return `#${k}=IFCRECTANGLEPROFILEDEF(.AREA.,$,#${k + 1},${1 + i * 0.25},${2 + i * 0.5});
#${k + 1}=IFCAXIS2PLACEMENT2D(#${k + 2},$);
#${k + 2}=IFCCARTESIANPOINT((${i}.,0.));
#${k + 3}=IFCEXTRUDEDAREASOLID(#${k},#11,#${k + 4},${3 + i}.);
#${k + 4}=IFCDIRECTION((0.,0.,1.));
#${k + 5}=IFCSHAPEREPRESENTATION(#10,'Body','SweptSolid',(#${k + 3}));
#${k + 6}=IFCPRODUCTDEFINITIONSHAPE($,$,(#${k + 5}));
#${k + 7}=IFCLOCALPLACEMENT($,#11);
#${k + 8}=IFCWALL('${guid}',$,'wall ${i}',$,$,#${k + 7},#${k + 6},$,$);
`;
};

const model = `ISO-10303-21;
HEADER;
FILE_DESCRIPTION((''),'2;1');
FILE_NAME('a','2020-01-01T00:00:00',(''),(''),'','','');
FILE_SCHEMA(('IFC4'));
ENDSEC;
DATA;
#1=IFCPROJECT('0uNK5SuQn3xuhEhMjPFq2D',$,'P',$,$,$,$,(#10),#20);
#10=IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,#11,$);
#11=IFCAXIS2PLACEMENT3D(#12,$,$);
#12=IFCCARTESIANPOINT((0.,0.,0.));
#20=IFCUNITASSIGNMENT((#21));
#21=IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.);
${Array.from({ length: 40 }, (_, i) => wall(i)).join('')}ENDSEC;
END-ISO-10303-21;
`;

async function main() {
  const api = new IfcAPI();
  api.SetWasmPath(`${path.dirname(require.resolve('web-ifc'))}/`, true);
  await api.Init();
  api.SetLogLevel(6);
  for (const text of [
    model,
    model.slice(0, 3000),
    model.replace(/IFCDIRECTION\(\(0/g, 'IFCDIRECTION((x'),
    'nonsense',
  ]) {
    try {
      const id = api.OpenModel(new TextEncoder().encode(text), { COORDINATE_TO_ORIGIN: false });
      console.log('model', id, api.GetModelSchema(id), api.GetAllLines(id).size());
      let hash = 0;
      api.StreamAllMeshes(id, ({ geometries }) => {
        for (let i = 0; i < geometries.size(); i++) {
          const geometry = api.GetGeometry(id, geometries.get(i).geometryExpressID);
          const vertices = api.GetVertexArray(geometry.GetVertexData(), geometry.GetVertexDataSize());
          for (const x of vertices) hash = (Math.imul(hash, 31) + Math.round(x * 1000)) | 0;
        }
      });
      console.log('vertices', hash);
      const walls = api.GetLineIDsWithType(id, IFCWALL);
      for (let i = 0; i < Math.min(3, walls.size()); i++) console.log(JSON.stringify(api.GetLine(id, walls.get(i))));
      console.log('saved', api.SaveModel(id).length);
      api.CloseModel(id);
    } catch (error) {
      console.log('error', error.constructor.name, error.message);
    }
  }
}

main();
