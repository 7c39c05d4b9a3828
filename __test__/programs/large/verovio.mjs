// Verovio: music engraving, in C++, by Emscripten with the old instructions of exceptions.

import createVerovioModule from 'verovio/wasm';
import { VerovioToolkit } from 'verovio/esm';

const toolkit = new VerovioToolkit(await createVerovioModule());
console.log(toolkit.getVersion());
toolkit.setOptions({ pageWidth: 1200, pageHeight: 900, scale: 30, xmlIdSeed: 7 });

const INCIPIT = `@clef:G-2
@keysig:xFC
@timesig:3/4
@data:'4D8ABCD/4E{6FGAB}/'2D4-/''{8DCBA}4G/`;

const note = (step, i) =>
  `<note><pitch><step>${step}</step><octave>${4 + (i % 2)}</octave></pitch><duration>1</duration><type>quarter</type></note>`;
const measure = (
  _,
  i,
) => `<measure number="${i + 1}">${i === 0 ? '<attributes><divisions>1</divisions><key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>' : ''}
  ${[...'CDEF'].map((step) => note(step, i)).join('')}</measure>`;
const MUSIC = `<?xml version="1.0"?><score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Part</part-name></score-part></part-list>
  <part id="P1">${Array.from({ length: 24 }, measure).join('')}</part></score-partwise>`;

for (const [name, data] of Object.entries({ INCIPIT, MUSIC, broken: MUSIC.slice(0, 900), text: 'no music' })) {
  try {
    console.log(name, toolkit.loadData(data), toolkit.getPageCount());
    for (let page = 1; page <= toolkit.getPageCount(); page++) console.log(toolkit.renderToSVG(page));
    console.log(toolkit.renderToMIDI(), JSON.stringify(toolkit.renderToTimemap()));
  } catch (error) {
    console.log(name, String(error));
  }
}
