// Pyodide: Python in C, by Emscripten with the old instructions of exceptions; and contourpy, whose extension is C++ in a
// side module: linked while Python runs, it imports the tag of C++'s exceptions.

import fs from 'node:fs';
import { loadPyodide } from 'pyodide';

const python = await loadPyodide();
const run = (text) => console.log(String(python.runPython(text)));

run(`
import sys, json, hashlib, zlib, decimal
out = []
def f(n):
    if n == 0: raise ValueError("deep")
    return f(n - 1)
for i in range(50):
    try: f(i)
    except ValueError as e: out.append(str(e) + str(i))
try: 1 / 0
except ZeroDivisionError as e: out.append(repr(e))
def r(): return r()
try: r()
except RecursionError as e: out.append("RecursionError")
out.append(str(decimal.Decimal(2).sqrt()))
out.append(zlib.crc32(zlib.compress(b"abc" * 1000)))
sys.version.split()[0] + json.dumps(out)`);
python.registerJsModule('m', {
  boom() {
    throw new Error('from JavaScript');
  },
});
run(`
import m
r = []
for i in range(20):
    try: m.boom()
    except Exception as e: r.append(type(e).__name__ + str(e))
str(r)`);
try {
  python.runPython('raise KeyError("out")');
} catch (error) {
  console.log(error.constructor.name, error.message.trim().split('\n').pop());
}
run('sum(i * i for i in range(300000))');

const wheels = new URL('wheels/', import.meta.url);
const [wheel] = fs.existsSync(wheels) ? fs.readdirSync(wheels) : [];
if (wheel === undefined) console.log('no side module');
else {
  python.FS.mkdir('/wheel');
  python.unpackArchive(new Uint8Array(fs.readFileSync(new URL(wheel, wheels))), 'wheel', { extractDir: '/wheel' });
  // Without the package around it, which wants numpy.
  run(`
import glob, importlib.machinery, importlib.util
[path] = glob.glob("/wheel/contourpy/_contourpy*.so")
loader = importlib.machinery.ExtensionFileLoader("_contourpy", path)
module = importlib.util.module_from_spec(importlib.util.spec_from_loader("_contourpy", loader))
loader.exec_module(module)
r = [module.FillType.OuterCode.name, module.max_threads()]
for i in range(60):
    for call in [lambda: module.FillType(i), lambda: module.LineType("x"), lambda: module.SerialContourGenerator(1, 2, 3), lambda: module.max_threads(i),
                 lambda: module.Mpl2014ContourGenerator([i], [i], [i], None)]:
        try: r.append(str(call()))
        except BaseException as e: r.append(type(e).__name__ + ": " + str(e).split("\\n")[0])
"\\n".join(str(x) for x in r)`);
}
