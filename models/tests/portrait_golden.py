"""Six small reference pictures of the renderer: `python -m models.tests.portrait_golden` draws and stores them anew.

They pin the look: run it only after a change that is meant to alter the pictures, and say so in the commit.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from models.portrait.identity import sample_identity
from models.portrait.render import render
from models.portrait.scene import canonical_scene, sample_scene
from models.portrait.vocabulary import INDEX
from torch import Tensor

FIXTURE = Path(__file__).with_name("portrait_golden.npz")
SIZE, STORED = 128, 32


def golden_params() -> dict[str, Tensor]:
    """Six people: two in canonical scenes, four free ones in different styles, with as many parts as possible."""
    generator = torch.Generator().manual_seed(2024)
    people = sample_identity(6, generator)
    canonical, free = canonical_scene(2, generator), sample_scene(4, generator)
    params = people | {name: torch.cat([canonical[name], free[name]]) for name in canonical}
    worn = {
        "hair": ("short", "wavy", "bald", "afro", "cornrows", "ponytail"),
        "facial": ("long beard", "none", "moustache", "stubble", "none", "none"),
        "style": ("3d", "3d", "3d", "pencil", "comic", "flat"),
        "eyewear": ("none", "cat-eye glasses", "sunglasses", "none", "none", "none"),
        "headwear": ("none", "none", "turban", "headphones", "none", "straw hat"),
        "earrings": ("none", "hoops", "none", "none", "pearls", "none"),
        "hearing": ("hearing aid", "none", "none", "none", "none", "none"),
        "piercing": ("none", "none", "nose ring", "none", "none", "none"),
        "cloth": ("denim jacket", "sari", "kurta", "dashiki", "kimono", "scarf"),
    }
    return params | {key: torch.tensor([INDEX[key][word] for word in words]) for key, words in worn.items()}


def draw_golden() -> tuple[np.ndarray, np.ndarray]:
    """Pictures reduced to [6,3,32,32] u8 and landmarks [6,5,2] in pixels of the full picture."""
    drawn = render(golden_params(), SIZE)
    small = F.interpolate(drawn["image"], size=(STORED, STORED), mode="area")
    return (small * 255 + 0.5).byte().numpy(), drawn["landmarks"].numpy()


if __name__ == "__main__":
    pictures, points = draw_golden()
    np.savez_compressed(FIXTURE, pictures=pictures, landmarks=points)
    print(f"{FIXTURE.name}: {FIXTURE.stat().st_size} bytes")
