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
from torch import Tensor

FIXTURE = Path(__file__).with_name("portrait_golden.npz")
SIZE, STORED = 128, 32


def golden_params() -> dict[str, Tensor]:
    """Six people: two in canonical scenes, four free ones in different styles, with as many parts as possible."""
    generator = torch.Generator().manual_seed(2024)
    people = sample_identity(6, generator)
    canonical, free = canonical_scene(2, generator), sample_scene(4, generator)
    params = people | {name: torch.cat([canonical[name], free[name]]) for name in canonical}
    params["hair"] = torch.tensor([2, 8, 0, 4, 9, 11])  # short, wavy, bald, afro, bun, ponytail
    params["facial"] = torch.tensor([4, 0, 2, 1, 0, 0])
    params["style"] = torch.tensor([0, 0, 0, 1, 3, 5])
    params["eyewear"] = torch.tensor([0, 1, 2, 0, 0, 0])
    params["headwear"] = torch.tensor([0, 0, 0, 3, 0, 1])
    params["earrings"] = torch.tensor([0, 1, 0, 0, 1, 0])
    return params


def draw_golden() -> tuple[np.ndarray, np.ndarray]:
    """Pictures reduced to [6,3,32,32] u8 and landmarks [6,5,2] in pixels of the full picture."""
    drawn = render(golden_params(), SIZE)
    small = F.interpolate(drawn["image"], size=(STORED, STORED), mode="area")
    return (small * 255 + 0.5).byte().numpy(), drawn["landmarks"].numpy()


if __name__ == "__main__":
    pictures, points = draw_golden()
    np.savez_compressed(FIXTURE, pictures=pictures, landmarks=points)
    print(f"{FIXTURE.name}: {FIXTURE.stat().st_size} bytes")
