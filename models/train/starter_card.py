"""Write models/checkpoints/starter/starter.json: `python -m models.train.starter_card`.

The preview matrix is the least-squares map from a latent cell to the mean colour of its 16×16 pixels; the known words
are those of the sentences that the starter was trained with.
"""

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from models.portrait.prompt import prompts
from models.starter.autoencoder import AutoencoderNarrow
from models.starter.checkpoint import FOLDER, write_json
from models.starter.dataset import list_shards
from models.starter.sample import DEFAULT_GUIDANCE, DEFAULT_STEPS
from models.starter.tokenizer import words_of

GROUPS = {
    "style": ["3d", "render", "avatar", "cartoon", "portrait", "character"],
    "person": ["man", "guy", "woman", "lady", "person", "face", "older"],
    "expression": [
        "neutral",
        "serious",
        "calm",
        "smile",
        "smiling",
        "happy",
        "big",
        "laughing",
        "grinning",
        "sad",
        "frowning",
        "surprised",
        "amazed",
        "wink",
        "winking",
        "expression",
    ],
    "pose": ["front", "facing", "camera", "left", "right", "turned"],
    "eyewear": ["glasses", "eyeglasses", "spectacles", "sunglasses", "shades", "dark"],
    "headwear": ["hat", "brimmed", "beanie", "knit", "cap"],
    "jewellery": ["earrings", "gold"],
    "garment": [
        "t-shirt",
        "tee",
        "v-neck",
        "sweater",
        "turtleneck",
        "roll-neck",
        "hoodie",
        "hooded",
        "sweatshirt",
        "suit",
        "tie",
        "striped",
        "sailor",
        "shirt",
        "tank",
        "top",
        "sleeveless",
    ],
    "colour": [
        "white",
        "black",
        "grey",
        "red",
        "orange",
        "yellow",
        "green",
        "teal",
        "blue",
        "navy",
        "purple",
        "pink",
        "brown",
        "beige",
    ],
    "background": ["background", "backdrop", "plain"],
    "light": ["soft", "light"],
}

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
    """GROUPS without words that the training sentences lack. Raises ValueError for sentence words in no group."""
    rng, shard = random.Random(0), torch.load(list_shards("canonical")[-1])
    trained = set(words_of(s for _ in range(50) for s in prompts(shard["params"], rng, drop=0.04)))
    links = {"a", "an", "and", "in", "of", "one", "eye", "the", "to", "view", "wearing", "with", "looking"}
    if strangers := trained - links - {w for words in GROUPS.values() for w in words}:
        raise ValueError(f"Words in no group of starter_card.py: {sorted(strangers)}.")
    return {group: [w for w in words if w in trained] for group, words in GROUPS.items()}


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
