"""Draw portraits for the face networks.

`python -m models.train.face_render --out models/.cache/faces/encoder --seed 2000000 --minutes 10` draws every pose,
light, background and style in free framing, 128 px; with `--canonical` the framing, poses and wishes that the starter
draws itself, 160 px around the face of a 256-px picture.

One shard holds 16 people x 4 scenes, drawn from generator seed (seed + shard number). Seeds in use: 2,000,000 face
encoder and detector; 5,000,000 judge (canonical); 8,000,000 held out for measuring.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.portrait.identity import id_vector, sample_identity
from models.portrait.render import render
from models.portrait.scene import canonical_scene, sample_scene

PEOPLE, SCENES = 16, 4
FREE_SIDE, CANONICAL_SIDE, WINDOW = 128, 256, 160


def draw_canonical(identity: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """The starter's own kind of picture: a window of 160 px whose middle is the face's."""
    drawn = render({**identity, **canonical_scene(PEOPLE, generator)}, CANONICAL_SIDE, compiled=True)
    corner = (drawn["landmarks"].mean(1) - WINDOW / 2).round().clamp(0, CANONICAL_SIDE - WINDOW)
    windows = [
        picture[:, int(y) : int(y) + WINDOW, int(x) : int(x) + WINDOW]
        for picture, (x, y) in zip(drawn["image"], corner, strict=True)
    ]
    box = drawn["box"] - corner.repeat(1, 2)
    return {"image": torch.stack(windows), "landmarks": drawn["landmarks"] - corner[:, None], "box": box}


def draw_free(identity: dict[str, Tensor], generator: torch.Generator, style_chance: float) -> dict[str, Tensor]:
    """Everything that the renderer can do, at 128 px."""
    scene = sample_scene(PEOPLE, generator, style_share=style_chance)
    for key in ("hair_over", "hair_as"):
        scene[key] = torch.full_like(scene[key], -1)
    scene["zoom"] = 1.15 + torch.rand(PEOPLE, generator=generator) * 0.75
    return render({**identity, **scene}, FREE_SIDE)


def draw_shard(seed: int, style_chance: float, canonical: bool) -> dict[str, np.ndarray]:
    """Pictures of 16 new people, the scenes of one person after each other."""
    generator = torch.Generator().manual_seed(seed)
    identity = sample_identity(PEOPLE, generator)
    shards = [
        draw_canonical(identity, generator) if canonical else draw_free(identity, generator, style_chance)
        for _ in range(SCENES)
    ]

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
    parser.add_argument("--canonical", action="store_true", help="the starter's own framing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    start, drawn = time.time(), 0
    number = len(list(arguments.out.glob("[0-9]*.npz")))
    while time.time() - start < arguments.minutes * 60:
        path = arguments.out / f"{arguments.seed + number:08d}.npz"
        part = path.with_name("part.npz")
        np.savez(part, **draw_shard(arguments.seed + number, arguments.styles, arguments.canonical))
        part.rename(path)
        number, drawn = number + 1, drawn + PEOPLE * SCENES
        if number % 10 == 0:
            print(f"{number} shards, {drawn / (time.time() - start):.1f} pictures/s", flush=True)


if __name__ == "__main__":
    main()
