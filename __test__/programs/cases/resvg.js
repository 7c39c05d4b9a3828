'use strict';

// @resvg/resvg-wasm: 2.4 MB of Rust by wasm-bindgen. Rasteriser, filters, PNG encoder.

const fs = require('node:fs');
const { initWasm, Resvg } = require('@resvg/resvg-wasm');
const { print, random, file, message, run } = require('../case');

run(async () => {
  await initWasm(fs.readFileSync(file('@resvg', 'resvg-wasm', 'index_bg.wasm')));
  const { below } = random(23);
  const colour = () => `rgb(${below(256)},${below(256)},${below(256)})`;
  let shapes = '';
  for (let i = 0; i < 150; i++) {
    const [x, y] = [below(400), below(300)];
    shapes += [
      `<circle cx="${x}" cy="${y}" r="${5 + below(40)}" fill="url(#r)" opacity=".5"/>`,
      `<path d="M${x} ${y} q${below(90)} ${below(90)} ${below(50)} -40 t30 60 a20 35 ${below(90)} 1 0 30 9" stroke="${colour()}" stroke-width="${1 + below(6)}" fill="none" stroke-linejoin="round"/>`,
      `<rect x="${x}" y="${y}" width="60" height="30" rx="8" fill="${colour()}" transform="rotate(${below(360)} ${x} ${y})"/>`,
      `<g filter="url(#f)"><polygon points="${x},${y} ${x + 50},${y} ${x},${y + 50}" fill="${colour()}"/></g>`,
    ][i & 3];
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><defs>
    <radialGradient id="r"><stop stop-color="#fc3"/><stop offset=".7" stop-color="#63c" stop-opacity=".3"/></radialGradient>
    <filter id="f"><feGaussianBlur stdDeviation="2"/><feOffset dx="3" dy="2"/></filter></defs>${shapes}</svg>`;
  for (const width of [120, 400, 700]) {
    const resvg = new Resvg(svg, { fitTo: { mode: 'width', value: width }, background: '#eef' });
    const image = resvg.render();
    print(`pixels ${width}`, image.pixels);
    print(`png ${width}`, image.asPng());
    const box = resvg.getBBox();
    print(`box ${width}`, [box.x, box.y, box.width, box.height, resvg.width, resvg.height]);
  }
  print('text of it', new Resvg(svg).toString());
  print('error', message(() => new Resvg('<svg><g')).slice(0, 60));
});
