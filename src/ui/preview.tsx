import { useEffect, useRef } from 'preact/hooks';
import type { PixelImage } from '../domain/image.ts';

/** A few pixels, shown large and soft. */
export function Preview({ pixels, label }: { pixels: PixelImage; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height, data } = pixels;
  useEffect(() => {
    const image = new ImageData(new Uint8ClampedArray(data), width, height);
    canvas.current?.getContext('2d')?.putImageData(image, 0, 0);
  }, [data, width, height]);
  return <canvas ref={canvas} width={width} height={height} role="img" aria-label={label} />;
}
