"""The fixed judgement: who is drawn, what is asked for, what counts as right. `python -m models.judge_protocol` writes
models/judge-protocol.json and the reference pictures; the report and the product's own long test both read them.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

PATH = Path("models/judge-protocol.json")
REFERENCES = Path("models/judge/references")
PEOPLE = 24
SEED = 950_000
"""Generator seed of the judged people; no training draws people from seeds of 900000 and above."""
SIZE = 256

PROMPTS = (
    ("a 3d render of a person, smiling, wearing a red t-shirt, blue background", "blue"),
    ("a person, with a neutral expression, wearing a white hoodie, green background", "green"),
    ("a 3d avatar of a person, looking surprised, wearing a black suit, plain orange backdrop", "orange"),
    ("a person, with a big smile, looking left, wearing a teal turtleneck, white background", "white"),
)
"""What is asked of every person, and the background's colour word."""

COLOUR_RULES: dict[str, dict[str, list[float]]] = {
    "white": {"lightness": [0.72, 1.0], "chroma": [0.0, 0.028]},
    "grey": {"lightness": [0.52, 0.72], "chroma": [0.0, 0.028]},
    "black": {"lightness": [0.0, 0.52], "chroma": [0.0, 0.026]},
    "red": {"lightness": [0.42, 0.64], "chroma": [0.06, 0.4], "hue": [13, 41]},
    "orange": {"lightness": [0.55, 0.82], "chroma": [0.073, 0.4], "hue": [41, 75]},
    "yellow": {"lightness": [0.65, 0.95], "chroma": [0.07, 0.4], "hue": [75, 120]},
    "green": {"lightness": [0.4, 0.8], "chroma": [0.045, 0.4], "hue": [120, 173]},
    "teal": {"lightness": [0.4, 0.8], "chroma": [0.035, 0.4], "hue": [173, 230]},
    "blue": {"lightness": [0.47, 0.72], "chroma": [0.07, 0.4], "hue": [235, 286]},
    "navy": {"lightness": [0.25, 0.5], "chroma": [0.026, 0.075], "hue": [235, 295]},
    "purple": {"lightness": [0.4, 0.75], "chroma": [0.045, 0.4], "hue": [286, 335]},
    "pink": {"lightness": [0.6, 0.9], "chroma": [0.04, 0.4], "hue": [335, 14]},
    "brown": {"lightness": [0.38, 0.62], "chroma": [0.024, 0.073], "hue": [35, 75]},
    "beige": {"lightness": [0.65, 0.88], "chroma": [0.02, 0.07], "hue": [60, 105]},
}
"""OKLCH ranges of the border's median. Drawn plain backgrounds are duller than the palette (black has lightness 0.41,
white 0.81); the bounds lie half-way between the drawn colours of neighbouring words."""


@dataclass(frozen=True)
class Protocol:
    """What models/judge-protocol.json holds."""

    references: list[Path]
    prompts: list[dict]
    rules: dict[str, dict[str, list[float]]]

    def seed(self, person: int, prompt: int) -> int:
        """Noise seed of one picture."""
        return 1000 + len(self.prompts) * person + prompt


def load_protocol(path: Path = PATH) -> Protocol:
    """Read the protocol. Raises FileNotFoundError when a reference picture is missing."""
    content = json.loads(path.read_text())
    references = [path.parent / name for name in content["references"]]
    missing = [str(name) for name in references if not name.exists()]
    if missing:
        raise FileNotFoundError(
            f"Reference pictures are missing ({missing[0]} …): run `python -m models.judge_protocol`."
        )
    return Protocol(references, content["prompts"], content["backgroundRules"])


def reference_people() -> dict[str, Tensor]:
    """Parameters of the judged people in the reference's scene: front, neutral, bare head and eyes, plain grey."""
    from models.portrait.identity import sample_identity
    from models.portrait.scene import canonical_scene

    generator = torch.Generator().manual_seed(SEED)
    people = sample_identity(PEOPLE, generator)
    return {**people, **plain_scene(canonical_scene(PEOPLE, generator), background="grey")}


def plain_scene(scene: dict[str, Tensor], background: str) -> dict[str, Tensor]:
    """A canonical scene with everything at its default: front, neutral, nothing worn on the head, grey t-shirt."""
    from models.portrait.scene import plain
    from models.portrait.vocabulary import COLOURS

    scene = plain({name: values.clone() for name, values in scene.items()})
    scene["cloth"] = torch.zeros_like(scene["cloth"])
    for name, colour in (("cloth_col", "grey"), ("bg_col", background)):
        scene[name] = torch.full_like(scene[name], list(COLOURS).index(colour))
    return scene


def write_protocol() -> None:
    """Draw the references and write the JSON."""
    from models.portrait.render import render

    REFERENCES.mkdir(parents=True, exist_ok=True)
    pictures = render(reference_people(), SIZE)["image"]
    names = []
    for index, picture in enumerate(pictures):
        path = REFERENCES / f"{index:02d}.png"
        pixels = (picture.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)
        Image.fromarray(pixels).quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)
        names.append(str(path.relative_to(PATH.parent)))
    content = {
        "format": 1,
        "about": "Strength 0, every reference with every prompt. The picture's face (found by the starter's detector, "
        "aligned by the ArcFace template scaled to the judge's input) is compared with the references' faces by the "
        "judge's cosine. A picture without a face counts as not recognised.",
        "references": names,
        "seed": "1000 + number of prompts * person + prompt, both counted from 0",
        "prompts": [{"text": text, "background": colour} for text, colour in PROMPTS],
        "border": "median sRGB of the top 6 % of the rows and the outer 6 % of the columns of the upper half, in OKLCH",
        "backgroundRules": COLOUR_RULES,
        "bars": {"rank1Of24": 0.5, "auc": 0.85, "background": 0.8},
    }
    PATH.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    write_protocol()
