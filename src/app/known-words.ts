/** Words of a prompt that the model has no token for; empty when it knows the language at large. */
export function unknownWords(
  prompt: string,
  groups: Readonly<Record<string, readonly string[]>> | undefined,
): readonly string[] {
  if (groups === undefined) return [];
  const known = new Set(Object.values(groups).flatMap((phrases) => phrases.flatMap(wordsOf)));
  return [...new Set(wordsOf(prompt))].filter((word) => !known.has(word));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? [];
}
