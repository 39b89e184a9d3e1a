/**
 * Where each tensor of a bundle lies and how it is stored. Names are the reference's state-dict names; offsets are
 * bytes into one weight file: multiples of 4,096 for ranges of that size or more, of 64 for smaller ones. Written by
 * the forge, read by the graph builders.
 */
import * as v from 'valibot';

const range = v.object({
  offset: v.pipe(v.number(), v.integer(), v.minValue(0)),
  length: v.pipe(v.number(), v.integer(), v.minValue(0)),
});
const dims = v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1))), v.readonly());

/** Plain little-endian values. */
const floatTensor = v.object({
  kind: v.literal('float'),
  file: v.string(),
  dims,
  dtype: v.picklist(['float32', 'float16']),
  data: range,
});

/** int8, symmetric, one f32 scale per first dimension (output channel, or row of an embedding): w = q · scale. */
const int8Tensor = v.object({ kind: v.literal('int8'), file: v.string(), dims, data: range, scale: range });

/**
 * A linear weight [N, K] as com.microsoft.MatMulNBits wants it: `data` uint8 [N, ceil(K/block), block·bits/8], low
 * nibble first; `scale` f32 [N · ceil(K/block)]; symmetric around 8 (4-bit) or 128 (8-bit).
 */
const nbitsTensor = v.object({
  kind: v.literal('nbits'),
  file: v.string(),
  dims,
  bits: v.picklist([4, 8]),
  blockSize: v.pipe(v.number(), v.integer(), v.minValue(16)),
  data: range,
  scale: range,
});

export const tensorEntrySchema = v.variant('kind', [floatTensor, int8Tensor, nbitsTensor]);
export type TensorEntry = v.InferOutput<typeof tensorEntrySchema>;

/** Tensors of one network by state-dict name. */
export const tensorIndexSchema = v.record(v.string(), tensorEntrySchema);
export type TensorIndex = v.InferOutput<typeof tensorIndexSchema>;
