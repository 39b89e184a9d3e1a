/**
 * `npm run icons`: the app's icons as PNG, all from public/favicon.svg. Run it after changing that file; the results
 * are kept in the repository.
 */
import { mkdir, readFile } from 'node:fs/promises';
import sharp from 'sharp';

const SOURCE = 'public/favicon.svg';
const OUT = 'public/icons';
const SOURCE_SIZE = 512;

/** A maskable icon may be cut to a circle of 80 % of its width (W3C manifest, "Icon masks and safe zone"). */
const MASKABLE_SCALE = 0.82;
/** iOS rounds the corners itself and shows what is transparent as black. */
const APPLE_SCALE = 0.98;

/** The motif on a ground that fills the whole square. */
function fullBleed(svg: string, scale: number): string {
  const shift = (SOURCE_SIZE * (1 - scale)) / 2;
  return replaceOnce(
    replaceOnce(svg, /(<rect id="tile"[^>]*) rx="\d+"/, '$1'),
    /<g id="motif">/,
    `<g id="motif" transform="translate(${shift} ${shift}) scale(${scale})">`,
  );
}

function replaceOnce(text: string, pattern: RegExp, replacement: string): string {
  if (!pattern.test(text)) throw new Error(`${SOURCE} has no ${pattern.source}.`);
  return text.replace(pattern, replacement);
}

async function write(svg: string, size: number, name: string): Promise<void> {
  const density = (72 * size) / SOURCE_SIZE; // the source's pixels are at 72 per inch
  const { size: bytes } = await sharp(Buffer.from(svg), { density })
    .resize(size, size)
    .png({ compressionLevel: 9, palette: true, colours: 256, dither: 0.6 })
    .toFile(`${OUT}/${name}`);
  console.log(`${OUT}/${name}  ${bytes} bytes`);
}

const svg = await readFile(SOURCE, 'utf8');
await mkdir(OUT, { recursive: true });
await write(svg, 192, 'any-192.png');
await write(svg, 512, 'any-512.png');
await write(fullBleed(svg, MASKABLE_SCALE), 512, 'maskable-512.png');
await write(fullBleed(svg, APPLE_SCALE), 180, 'apple-touch-180.png');
