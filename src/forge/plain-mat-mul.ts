import type { MatMul } from '../domain/ports.ts';

/** Inner terms that are added to a row of the result in one pass, so that the row is loaded and stored less often. */
const TERMS = 8;

/** Matrix products in TypeScript alone. onnxruntime's are 8–10 times as fast in wasm, 16–29 times natively (docs/performance.md). */
export const plainMatMul: MatMul = {
  multiply: (a, b, inner) => Promise.resolve(multiply(a, b, inner)),
};

function multiply(a: Float32Array, b: Float32Array, inner: number): Float32Array {
  const rows = a.length / inner;
  const columns = b.length / inner;
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let k = 0;
    for (; k + TERMS <= inner; k += TERMS) {
      const at = row * inner + k;
      const [a0, a1, a2, a3] = [a[at]!, a[at + 1]!, a[at + 2]!, a[at + 3]!];
      const [a4, a5, a6, a7] = [a[at + 4]!, a[at + 5]!, a[at + 6]!, a[at + 7]!];
      let p0 = k * columns;
      let p1 = p0 + columns;
      let p2 = p1 + columns;
      let p3 = p2 + columns;
      let p4 = p3 + columns;
      let p5 = p4 + columns;
      let p6 = p5 + columns;
      let p7 = p6 + columns;
      for (let i = start; i < start + columns; i++) {
        result[i] =
          result[i]! +
          a0 * b[p0++]! +
          a1 * b[p1++]! +
          a2 * b[p2++]! +
          a3 * b[p3++]! +
          a4 * b[p4++]! +
          a5 * b[p5++]! +
          a6 * b[p6++]! +
          a7 * b[p7++]!;
      }
    }
    for (; k < inner; k++) {
      const factor = a[row * inner + k]!;
      for (let i = 0; i < columns; i++) result[start + i] = result[start + i]! + factor * b[k * columns + i]!;
    }
  }
  return result;
}
