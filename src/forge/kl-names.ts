/** What diffusers called the four linear layers of an autoencoder's attention before 0.15. */
const OLD_PARTS: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

/** Today's name (diffusers 0.42) of one tensor of an AutoencoderKL, which checkpoints like SD 1.5's do not have yet. */
export function renameKl(name: string): string {
  return name.replace(
    /(\.attentions\.\d+)\.(query|key|value|proj_attn)\./,
    (_, attention: string, part: string) => `${attention}.${OLD_PARTS[part] ?? part}.`,
  );
}
