"""Render training shards: `python -m models.train.render --first 120000 --shards 200 [--free]`.

A shard holds 64 people in two canonical scenes each: one plain (front, bare head and eyes, neutral or smiling), as a
good reference photo would be, and one drawn freely. Shard numbers seed people and scenes; from 900000 on they are
held out. Shards that exist are skipped, so the command can be stopped and started again.
"""

import argparse
import os
import time

import torch
from torch import Tensor

from models.portrait.align import align_crop
from models.portrait.identity import sample_identity
from models.portrait.render import render
from models.portrait.scene import canonical_scene, plain, sample_scene
from models.starter.dataset import FIRST_FREE, FIRST_HELD_OUT, RENDERS
from models.train.session import setup

PEOPLE, SCENES, SIZE = 64, 2, 256


def plain_reference(scene: dict[str, Tensor], every: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Turn every n-th scene in place into a plain frontal one (neutral or smiling)."""
    plain(scene, slice(None, None, every))
    scene["expr"][::every] = torch.randint(0, 2, scene["expr"][::every].shape, generator=generator)
    return scene


def render_shard(seed: int, free: bool) -> dict[str, object]:
    """One shard (see models/starter/dataset.py for its fields)."""
    generator = torch.Generator().manual_seed(seed)
    people = {k: v.repeat_interleave(SCENES) for k, v in sample_identity(PEOPLE, generator).items()}
    if free:
        scene = sample_scene(PEOPLE * SCENES, generator)
    else:
        scene = plain_reference(canonical_scene(PEOPLE * SCENES, generator), SCENES, generator)
    params = {**people, **scene}
    drawn = render(params, SIZE, style=free, compiled=not free)
    return dict(
        image=as_bytes(drawn["image"]),
        crop=as_bytes(align_crop(drawn["image"], drawn["landmarks"])),
        landmarks=drawn["landmarks"],
        box=drawn["box"],
        params=params,
        person=(seed * 1000 + torch.arange(PEOPLE)).repeat_interleave(SCENES),
    )


def as_bytes(image: Tensor) -> Tensor:
    """[0,1] → u8."""
    return (image.clamp(0, 1) * 255 + 0.5).byte()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=120_000)
    parser.add_argument("--shards", type=int, default=100)
    parser.add_argument("--free", action="store_true", help="every pose, background, light and style")
    arguments = parser.parse_args()
    low, high = (FIRST_FREE, FIRST_HELD_OUT) if arguments.free else (100_000, FIRST_FREE)
    if not (low <= arguments.first < high or arguments.first >= FIRST_HELD_OUT):
        parser.error(
            f"--first must lie in {low}…{high - 1} for this kind of shard, or be a held-out number ≥ {FIRST_HELD_OUT}."
        )
    setup(0)
    RENDERS.mkdir(parents=True, exist_ok=True)
    for seed in range(arguments.first, arguments.first + arguments.shards):
        path = RENDERS / f"{seed:06d}.pt"
        if path.exists():
            continue
        start = time.time()
        part = path.with_suffix(".part")
        torch.save(render_shard(seed, arguments.free), part)
        os.rename(part, path)
        print(f"{path.name}: {PEOPLE * SCENES / (time.time() - start):.1f} pictures/s", flush=True)


if __name__ == "__main__":
    main()
