"""Write models/checkpoints/starter/starter.json: `python -m models.train.starter_card`.

The preview matrix is the least-squares map from a latent cell to the mean colour of its 16×16 pixels; the known words
are those of the sentences that the starter was trained with.
"""

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from models.portrait.prompt import known_words as all_words
from models.portrait.prompt import prompts
from models.starter.autoencoder import AutoencoderNarrow
from models.starter.checkpoint import FOLDER, write_json
from models.starter.dataset import list_shards
from models.starter.sample import DEFAULT_GUIDANCE, DEFAULT_STEPS
from models.starter.tokenizer import words_of

# What the page offers to try; sentences like those of the training.
EXAMPLES = [
    "a person, smiling, wearing a red t-shirt, blue background",
    "a person, turned to the left, with glasses and a green hoodie, yellow background",
    "a person, with a surprised face, with an orange beanie and a striped shirt, teal background",
    "a person, with a calm face, wearing sunglasses and a black suit, pink background",
]


@torch.no_grad()
def preview_matrix(autoencoder: AutoencoderNarrow, image: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix `[3,16]` and bias `[3]`, latent → RGB in [0,1], from u8 pictures `[N,3,256,256]`."""
    latent = torch.cat([autoencoder.encode(x.float() / 127.5 - 1) for x in image.split(16)])
    colour = F.avg_pool2d(image.float() / 255, 16).permute(0, 2, 3, 1).reshape(-1, 3)
    cells = latent.permute(0, 2, 3, 1).reshape(-1, latent.shape[1])
    solution = torch.linalg.lstsq(torch.cat([cells, torch.ones(len(cells), 1)], 1), colour).solution
    return solution[:-1].T, solution[-1]


def known_words() -> dict[str, list[str]]:
    """The grammar's words by group, as far as the training sentences hold them; words without a fact are left out."""
    rng, shard = random.Random(0), torch.load(list_shards("canonical")[-1])
    trained = set(words_of(s for _ in range(50) for s in prompts(shard["params"], rng, drop=0.04)))
    groups = {group: [word for word in words if word in trained] for group, words in all_words().items()}
    return {group: words for group, words in groups.items() if words and group != "other"}


def main() -> None:
    images = torch.load(list_shards("canonical")[-1])["image"]
    matrix, bias = preview_matrix(AutoencoderNarrow.load(FOLDER / "vae"), images)
    write_json(
        FOLDER / "starter.json",
        {
            "id": "starter",
            "title": "Starter",
            "version": "0.1.0",
            "note": "A small model trained on portraits drawn by program: cartoon heads on plain backgrounds.",
            "resultLabel": "drawn portrait",
            "licences": [{"part": "all weights", "name": "Apache-2.0", "commercialUse": True}],
            "latent": {
                "channels": 16,
                "downscale": 16,
                "factor": 1,
                "shift": 0,
                "preview": {
                    "matrix": [[round(v, 5) for v in row] for row in matrix.tolist()],
                    "bias": [round(v, 5) for v in bias.tolist()],
                },
            },
            "native": {"width": 256, "height": 256, "multiple": 16, "areas": [[256, 256]]},
            "defaults": {
                "steps": DEFAULT_STEPS,
                "minSteps": 1,
                "maxSteps": 50,
                "guidance": DEFAULT_GUIDANCE,
                "smallestUsefulGuidance": 1.5,
                "maxGuidance": 4,
                "faceScale": 1,
                "strength": 0.15,
            },
            "unconditionalFace": "zero",
            "knownWords": known_words(),
            "examples": EXAMPLES,
            "notes": [
                "Trained on drawn portraits only: a photo's face is understood as far as it resembles them.",
                "One framing (head and shoulders), one style (3d), plain backgrounds; poses front, left and right.",
                "Hair style and colour, skin and facial hair follow the person, not the sentence.",
            ],
        },
    )


if __name__ == "__main__":
    main()
