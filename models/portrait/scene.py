"""What is worn, where, in which pose, light and style: scene parameters."""

from collections.abc import Callable

import torch
from torch import Tensor

from .vocabulary import (
    BACKGROUNDS,
    COLOUR_NAMES,
    GARMENTS,
    HAIR_COLOUR_NAMES,
    INDEX,
    STYLES,
)  # fmt: skip

Params = dict[str, Tensor]
Uniform = Callable[[float, float], Tensor]

# Canonical framing: everything that the prompt does not say is fixed, so that features always fall on the same place.
CANONICAL_ZOOM = 1.2
CANONICAL_SHIFT_Y = 0.045
CANONICAL_YAW = {"front": 0.0, "left": -0.36, "right": 0.36}  # radians
CANONICAL_SEED = 7.0


def sample_scene(count: int, generator: torch.Generator | None = None, style_share: float = 0.45) -> Params:
    """Draw `count` scenes freely: a dict of [count] CPU tensors.

    int64 word indices; floats yaw, pitch, roll (radians), zoom, tx, ty (half picture sizes), seed (noise).
    `hair_over` is a hair colour that replaces the person's own, or -1. A share of styles other than 3d.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    def choose(weights: list[float]) -> Tensor:
        return torch.multinomial(torch.tensor(weights, dtype=torch.float), count, True, generator=generator)

    def any_of(words: list[str]) -> Tensor:
        return choose([1] * len(words))

    p: Params = {
        "expr": choose([3, 3, 2, 1, 1, 1]),
        "pose": choose([3, 1.3, 1.3, 0.7, 0.7, 1]),
        "eyewear": choose([4, 1, 1]),
        "headwear": choose([5, 1, 1, 0.8]),
        "earrings": choose([4, 1]),
        "cloth": any_of(GARMENTS),
        "cloth_col": any_of(COLOUR_NAMES),
        "hat_col": any_of(COLOUR_NAMES),
        "bg": choose([1.5, 1.2] + [1] * (len(BACKGROUNDS) - 2)),
        "bg_col": any_of(COLOUR_NAMES),
        "light": choose([3, 1, 1, 1, 1]),
        "style": choose([1 - style_share] + [style_share / (len(STYLES) - 1)] * (len(STYLES) - 1)),
    }
    recoloured = uniform(0, 1) < 0.07
    p["hair_over"] = torch.where(recoloured, any_of(HAIR_COLOUR_NAMES), torch.full((count,), -1))
    p.update(pose_angles(p["pose"], uniform))
    p["zoom"] = uniform(1.12, 1.32)
    p["tx"] = uniform(-0.06, 0.06)
    p["ty"] = uniform(0.00, 0.09)
    p["seed"] = uniform(0, 1000)
    return p


def pose_angles(pose: Tensor, uniform: Uniform) -> Params:
    """yaw, pitch, roll [B] in radians for pose indices [B]; left means that the face points to the image's left."""

    def posed(word: str) -> Tensor:
        return (pose == INDEX["pose"][word]).float()

    side = torch.sign(uniform(-1, 1.0001))
    side = torch.where(side == 0, torch.ones_like(side), side)
    return {
        "yaw": uniform(-0.10, 0.10) - posed("left") * uniform(0.28, 0.46) + posed("right") * uniform(0.28, 0.46),
        "pitch": uniform(-0.06, 0.06) + posed("up") * uniform(0.20, 0.34) - posed("down") * uniform(0.18, 0.32),
        "roll": uniform(-0.04, 0.04) + posed("tilt") * side * uniform(0.16, 0.28),
    }


def canonical_scene(count: int, generator: torch.Generator | None = None) -> Params:
    """Draw `count` scenes in canonical framing, with the keys of sample_scene.

    Fixed: 3d style, plain background, soft light, own hair colour, zoom, position and noise seed; one yaw per pose
    word (front, left, right). Sampled: the words that a prompt names.
    """

    def choose(weights: list[float]) -> Tensor:
        return torch.multinomial(torch.tensor(weights, dtype=torch.float), count, True, generator=generator)

    def fixed(value: float) -> Tensor:
        return torch.full((count,), value)

    def word(key: str, name: str) -> Tensor:
        return torch.full((count,), INDEX[key][name])

    pose = choose([3, 1, 1])  # no up, down, tilt
    return {
        "expr": choose([3, 3, 2, 1, 1, 1]),
        "pose": pose,
        "eyewear": choose([4, 1, 1]),
        "headwear": choose([5, 1, 1]),  # no headphones
        "earrings": choose([4, 1]),
        "cloth": choose([1] * len(GARMENTS)),
        "cloth_col": choose([1] * len(COLOUR_NAMES)),
        "hat_col": choose([1] * len(COLOUR_NAMES)),
        "bg": word("bg", "plain"),
        "bg_col": choose([1] * len(COLOUR_NAMES)),
        "light": word("light", "soft"),
        "style": word("style", "3d"),
        "hair_over": torch.full((count,), -1),
        "yaw": torch.tensor(list(CANONICAL_YAW.values()))[pose],
        "pitch": fixed(0.0),
        "roll": fixed(0.0),
        "zoom": fixed(CANONICAL_ZOOM),
        "tx": fixed(0.0),
        "ty": fixed(CANONICAL_SHIFT_Y),
        "seed": fixed(CANONICAL_SEED),
    }
