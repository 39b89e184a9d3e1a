"""Draw portraits for the face networks: every pose, light, background and style, free framing.

`python -m models.train.face_render --out models/.cache/faces/judge --seed 5000000 --minutes 10`

One shard holds 16 people x 4 scenes at 128 px, drawn from generator seed (seed + shard number). Seeds in use:
2,000,000 face encoder and detector; 5,000,000 judge; 8,000,000 people held out for measuring.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.portrait.identity import id_vector, sample_identity
from models.portrait.render import render
from models.portrait.scene import sample_scene

SIDE, PEOPLE, SCENES = 128, 16, 4


def draw_shard(seed: int, style_chance: float) -> dict[str, np.ndarray]:
    """Pictures of 16 new people, the scenes of one person after each other."""
    generator = torch.Generator().manual_seed(seed)
    identity = sample_identity(PEOPLE, generator)
    shards = []
    for _ in range(SCENES):
        scene = sample_scene(PEOPLE, generator, style_share=style_chance)
        scene["hair_over"] = torch.full_like(scene["hair_over"], -1)
        scene["zoom"] = 1.15 + torch.rand(PEOPLE, generator=generator) * 0.75
        shards.append(render({**identity, **scene}, SIDE))

    def join(key: str) -> Tensor:
        return torch.stack([shard[key] for shard in shards], 1).flatten(0, 1)

    return {
        "image": (join("image") * 255 + 0.5).byte().numpy(),
        "landmarks": join("landmarks").float().numpy(),
        "box": join("box").float().numpy(),
        "person": np.repeat(np.arange(PEOPLE) + seed * PEOPLE, SCENES),
        "id_vector": id_vector(identity).repeat_interleave(SCENES, 0).numpy(),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--styles", type=float, default=0.3, help="share of pictures in another style than 3-D")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    start, drawn = time.time(), 0
    number = len(list(arguments.out.glob("[0-9]*.npz")))
    while time.time() - start < arguments.minutes * 60:
        path = arguments.out / f"{arguments.seed + number:08d}.npz"
        part = path.with_name("part.npz")
        np.savez(part, **draw_shard(arguments.seed + number, arguments.styles))
        part.rename(path)
        number, drawn = number + 1, drawn + PEOPLE * SCENES
        if number % 10 == 0:
            print(f"{number} shards, {drawn / (time.time() - start):.1f} pictures/s", flush=True)


if __name__ == "__main__":
    main()
