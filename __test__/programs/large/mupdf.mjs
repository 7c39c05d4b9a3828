// MuPDF, in C: its own exceptions are longjmp, which Emscripten makes of the old instructions.

import * as mupdf from 'mupdf';
import { createHash } from 'node:crypto';

const made = new mupdf.PDFDocument();
const [fonts, resources] = [made.newDictionary(), made.newDictionary()];
fonts.put('F0', made.addSimpleFont(new mupdf.Font('Times-Roman'), 'Latin'));
resources.put('Font', fonts);
for (let i = 0; i < 5; i++) {
  const text = `BT /F0 24 Tf 20 ${300 - i * 20} Td (Hello, World ${i}) Tj ET 0 0 1 rg 20 20 100 ${50 + i * 10} re f`;
  made.insertPage(-1, made.addPage([0, 0, 300, 400], 0, resources, text));
}
const bytes = made.saveToBuffer('compress').asUint8Array().slice();
const read = mupdf.Document.openDocument(bytes, 'application/pdf');
for (let i = 0; i < read.countPages(); i++) {
  const page = read.loadPage(i);
  const pixmap = page.toPixmap(mupdf.Matrix.scale(2, 2), mupdf.ColorSpace.DeviceRGB, false, true);
  const digest = createHash('sha256').update(pixmap.getPixels()).digest('hex');
  console.log(
    i,
    pixmap.getWidth(),
    digest,
    page.toStructuredText().asText().trim(),
    JSON.stringify(page.search('World')),
  );
}
for (const bad of [new Uint8Array(10), bytes.slice(0, 200), new TextEncoder().encode('%PDF-1.4 nonsense')]) {
  for (let i = 0; i < 20; i++) {
    try {
      console.log(mupdf.Document.openDocument(bad, 'application/pdf').countPages());
    } catch (error) {
      console.log('error', error.message);
    }
  }
}
try {
  read.loadPage(99);
} catch (error) {
  console.log('error', error.message);
}
