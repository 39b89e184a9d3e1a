/** How each weight of each network is stored: what can be rounded is, what every pixel or step depends on stays float. */
import type { Role } from '../domain/ports.ts';
import type { Storage } from './weight-writer.ts';

export const PRECISIONS = ['f32', 'q8', 'q4'] as const;
/** `q8` and `q4` name the bits of linear layers; convolutions have 8 in both. */
export type Precision = (typeof PRECISIONS)[number];

/** Convolutions with so few channels on one side touch pixels or latents: conv_in, conv_out, an autoencoder's ends. */
const EDGE_CHANNELS = 16;

/** How one tensor is stored; `dims` as in the checkpoint (convolutions have four, linears two). */
export function chooseStorage(role: Role, name: string, dims: readonly number[], precision: Precision): Storage {
  const [rows = 1, columns = 1] = dims;
  if (precision === 'f32' || dims.length < 2 || name.startsWith('time_embedding.')) return 'float32';
  if (name.includes('position_embedding')) return 'float32';
  if (name.includes('token_embedding')) return 'int8';
  if (dims.length === 4) return Math.min(rows, columns) <= EDGE_CHANNELS ? 'float32' : 'int8';
  if (dims.length !== 2) return 'float32';
  // A face is carried by few numbers, words by few tokens, and the timestep by one vector for the whole picture: their
  // projections keep 8 bits. (Timesteps: the worst of 56 denoiser outputs of the starter is off by 2.2e-3 of cosine
  // instead of 3.4e-3, for 1.7 % more bytes at SD1.5's size.)
  const always8 = role === 'textEncoder' || name.startsWith('image_proj.') || name.includes('.time_emb_proj.');
  return precision === 'q8' || always8 ? 'nbits8' : 'nbits4';
}
