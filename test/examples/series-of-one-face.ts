import type { Likeness, SucceededTask } from '../../src/api/sdk.ts';

/** Three scenes with the face of one picture: shows each picture as soon as it is drawn. */
export async function drawSeries(
  likeness: Likeness,
  face: Blob,
  show: (url: string, prompt: string) => void,
): Promise<readonly SucceededTask[]> {
  const scenes = ['a person in a red hat', 'a person with sunglasses', 'a person, smiling'];
  const drawn = scenes.map((prompt) =>
    likeness.getImageToImage(
      { image: face, prompt, batch: 2, seed: 7, strength: 0.2 },
      {
        onEvent: (event) => {
          if (event.type === 'image') show(event.image.url, prompt);
        },
      },
    ),
  );
  return Promise.all(drawn);
}
