// @jsquash: MozJPEG and libwebp by Emscripten (SIMD where there is some), PNG in Rust by wasm-bindgen.

import fs from 'node:fs';
import { simd } from 'wasm-feature-detect';
import helpers from '../case.js';

const { print, file, run } = helpers;

globalThis.ImageData ??= class ImageData {
  constructor(data, width, height = data.length / 4 / width) {
    Object.assign(this, { data, width, height });
  }
};
const [webpEncode, webpDecode, jpegEncode, jpegDecode, pngEncode, pngDecode] = await Promise.all([
  import('@jsquash/webp/encode.js'),
  import('@jsquash/webp/decode.js'),
  import('@jsquash/jpeg/encode.js'),
  import('@jsquash/jpeg/decode.js'),
  import('@jsquash/png/encode.js'),
  import('@jsquash/png/decode.js'),
]);
const compile = (...parts) => WebAssembly.compile(fs.readFileSync(file('@jsquash', ...parts)));

function picture(width, height) {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[i++] = 128 + 120 * Math.sign((Math.floor(x / 9) % 2) - 0.5) * (y / height);
      data[i++] = (x * y) >> 4;
      data[i++] = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / 40;
      data[i++] = y < 20 ? x : 255;
    }
  }
  return new globalThis.ImageData(data, width, height);
}

run(async () => {
  const hasSimd = await simd();
  await webpEncode.init(await compile('webp', 'codec', 'enc', hasSimd ? 'webp_enc_simd.wasm' : 'webp_enc.wasm'));
  await webpDecode.init(await compile('webp', 'codec', 'dec', 'webp_dec.wasm'));
  await jpegEncode.init(await compile('jpeg', 'codec', 'enc', 'mozjpeg_enc.wasm'));
  await jpegDecode.init(await compile('jpeg', 'codec', 'dec', 'mozjpeg_dec.wasm'));
  const png = await compile('png', 'codec', 'pkg', 'squoosh_png_bg.wasm');
  await pngEncode.init(png);
  await pngDecode.init(png);

  print('SIMD', hasSimd);
  const image = picture(300, 200);
  const codecs = {
    png: [(i) => pngEncode.default(i), pngDecode.default],
    jpeg: [(i) => jpegEncode.default(i, { quality: 70 }), jpegDecode.default],
    'jpeg, progressive': [(i) => jpegEncode.default(i, { quality: 40, progressive: true }), jpegDecode.default],
    webp: [(i) => webpEncode.default(i, { quality: 60, method: 3 }), webpDecode.default],
    'webp, lossless': [(i) => webpEncode.default(i, { lossless: 1 }), webpDecode.default],
  };
  for (const [name, [encode, decode]] of Object.entries(codecs)) {
    const encoded = await encode(image);
    print(name, new Uint8Array(encoded));
    const decoded = await decode(encoded);
    print(`${name}, decoded`, decoded.data);
    print(`${name}, size`, [decoded.width, decoded.height]);
  }
});
