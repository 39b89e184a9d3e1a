"""Draw the product's sample faces: `python -m models.samples` writes public/samples/."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models.judge_protocol import plain_scene
from models.portrait.identity import sample_identity
from models.portrait.render import render
from models.portrait.scene import canonical_scene
from models.portrait.vocabulary import BACKGROUNDS, COLOURS, EXPRESSIONS, GARMENTS

FOLDER = Path("public/samples")
SIZE, QUALITY = 512, 85
SEED, DRAWN = 960_000, 64
"""People are drawn from this generator seed, which no training uses, and picked by eye."""

SAMPLES = (
    # number among the drawn, title, expression, garment, its colour, background, its colour
    (15, "Chestnut hair", "smile", "v-neck", "navy", "gradient", "teal"),
    (23, "Brown quiff", "smile", "t-shirt", "teal", "plain", "yellow"),
    (7, "Hair in a bun", "neutral", "striped shirt", "orange", "plain", "teal"),
    (5, "Ginger beard", "smile", "turtleneck", "navy", "gradient", "orange"),
    (36, "Box braids", "smile", "collared shirt", "white", "plain", "blue"),
    (14, "Short grey hair", "smile", "sweater", "purple", "gradient", "navy"),
    (34, "Short hair and goatee", "neutral", "hoodie", "green", "plain", "beige"),
    (2, "Black afro", "smile", "hoodie", "yellow", "gradient", "purple"),
)


def main() -> None:
    """Draw, save as WebP and list the files in samples.json."""
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(SEED)
    people = sample_identity(DRAWN, generator)
    chosen = torch.tensor([sample[0] for sample in SAMPLES])
    scene = plain_scene(canonical_scene(len(SAMPLES), generator), background="grey")
    colours = list(COLOURS)
    for row, (_, _, expression, garment, colour, background, background_colour) in enumerate(SAMPLES):
        scene["expr"][row] = EXPRESSIONS.index(expression)
        scene["cloth"][row] = GARMENTS.index(garment)
        scene["cloth_col"][row] = colours.index(colour)
        scene["bg"][row] = BACKGROUNDS.index(background)
        scene["bg_col"][row] = colours.index(background_colour)
    pictures = render({**{name: values[chosen] for name, values in people.items()}, **scene}, SIZE)["image"]
    listed = []
    for row, picture in enumerate(pictures):
        name = f"face-{row + 1}.webp"
        pixels = (picture.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        Image.fromarray(pixels).save(FOLDER / name, quality=QUALITY, method=6)
        listed.append({"id": f"face-{row + 1}", "file": name, "title": SAMPLES[row][1]})
    (FOLDER / "samples.json").write_text(json.dumps(listed, indent=2) + "\n")


if __name__ == "__main__":
    main()
