/** Which tensors of a CLIP checkpoint the builders read, and under which names. */

/** Before the text encoder's names: nothing (transformers 5), what transformers 4 wrote, and what single-file checkpoints have. */
const TEXT_PREFIX = /^(?:cond_stage_model\.transformer\.)?(?:text_model\.)?/;
/** Of the other half of a CLIP model, of its training, or a buffer that some exporters save. */
const NOT_TEXT = /^(?:vision_model\.|visual_projection\.|text_projection\.|logit_scale$)|(?:^|\.)position_ids$/;
const NOT_VISION =
  /^(?:text_model\.|visual_projection\.|text_projection\.|logit_scale$)|(?:^|\.)position_ids$|\.post_layernorm\./;
const LAYER = /(?:^|\.)encoder\.layers\.(\d+)\./;

/**
 * The builder's name of a tensor of a CLIPTextModel; undefined for what it does not read.
 *
 * @param layers num_hidden_layers
 * @param clipSkip how many of the last ones are not used
 */
export function clipTextName(name: string, layers: number, clipSkip: number): string | undefined {
  if (NOT_TEXT.test(name)) return undefined;
  return isUnused(name, layers, clipSkip) ? undefined : name.replace(TEXT_PREFIX, '');
}

/**
 * The builder's name of a tensor of a CLIPVisionModelWithProjection; undefined for what it does not read: projection,
 * last norm and last layer, because the face adapter takes the states before that.
 *
 * @param layers num_hidden_layers
 */
export function clipVisionName(name: string, layers: number): string | undefined {
  const full = /^(?:embeddings|pre_layrnorm|encoder|post_layernorm)\./.test(name) ? `vision_model.${name}` : name;
  return NOT_VISION.test(full) || isUnused(full, layers, 1) ? undefined : full;
}

/** Of the last `skipped` layers; layers that the config knows nothing of stay, so that they are told. */
function isUnused(name: string, layers: number, skipped: number): boolean {
  const layer = Number(LAYER.exec(name)?.[1] ?? -1);
  return layer >= layers - skipped && layer < layers;
}
