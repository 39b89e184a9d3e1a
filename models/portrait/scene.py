"""What is worn, where, in which pose, light and style: scene parameters."""

from collections.abc import Callable

import torch
from torch import Tensor

from .vocabulary import (
    BACKGROUNDS,
    COLOUR_NAMES,
    FRAMINGS,
    GARMENTS,
    HAIR_COLOUR_NAMES,
    HAIR_STYLE_NAMES,
    INDEX,
    STYLES,
)

Params = dict[str, Tensor]
Uniform = Callable[[float, float], Tensor]

# Canonical framing: everything that the prompt does not say is fixed, so that features always fall on the same place.
CANONICAL_ZOOM = 1.36
CANONICAL_SHIFT_Y = 0.075
CANONICAL_YAW = {"front": 0.0, "left": -0.36, "right": 0.36}  # radians
CANONICAL_SEED = 7.0

# Zoom (lowest, highest) and downward shift of the picture for each framing.
FRAMING_ZOOM = {"portrait": (1.22, 1.46, 0.02, 0.10), "close-up": (1.75, 2.05, 0.00, 0.08),
                "bust": (0.90, 1.04, -0.10, -0.02)}  # fmt: skip

# Sampling weights in the order of the word lists.
EXPRESSION_WEIGHTS = [3, 3, 2, 1, 1, 0.8, 0.7, 0.5]
EYEWEAR_WEIGHTS = [8, 1, 1, 0.7, 0.6, 0.5, 0.4, 0.5]
HEADWEAR_WEIGHTS = [14, 1, 1.2, 0.8, 1, 0.6, 0.6, 0.6, 0.5, 0.4, 0.6, 0.6, 0.8]
EARRING_WEIGHTS = [7, 1, 0.6, 0.6]
PIERCING_WEIGHTS = [16, 0.5, 0.5, 0.4]
HEARING_WEIGHTS = [16, 1]


class Draw:
    """Random columns of `count` numbers."""

    def __init__(self, count: int, generator: torch.Generator | None) -> None:
        self.count, self.generator = count, generator

    def uniform(self, low: float, high: float) -> Tensor:
        """Evenly between two bounds."""
        return torch.rand(self.count, generator=self.generator) * (high - low) + low

    def choose(self, weights: list[float]) -> Tensor:
        """Indices by weight."""
        table = torch.tensor(weights, dtype=torch.float)
        return torch.multinomial(table, self.count, True, generator=self.generator)

    def any_of(self, words: list[str]) -> Tensor:
        """Indices of a list, all as likely."""
        return self.choose([1] * len(words))


def worn_things(draw: Draw) -> Params:
    """Expression, what is worn, and its colours."""
    return {
        "expr": draw.choose(EXPRESSION_WEIGHTS),
        "eyewear": draw.choose(EYEWEAR_WEIGHTS),
        "headwear": draw.choose(HEADWEAR_WEIGHTS),
        "earrings": draw.choose(EARRING_WEIGHTS),
        "piercing": draw.choose(PIERCING_WEIGHTS),
        "hearing": draw.choose(HEARING_WEIGHTS),
        "cloth": draw.any_of(GARMENTS),
        "cloth_col": draw.any_of(COLOUR_NAMES),
        "hat_col": draw.any_of(COLOUR_NAMES),
        "bg_col": draw.any_of(COLOUR_NAMES),
    }


def sample_scene(count: int, generator: torch.Generator | None = None, style_share: float = 0.45) -> Params:
    """Draw `count` scenes freely: a dict of [count] CPU tensors.

    int64 word indices; floats yaw, pitch, roll (radians), zoom, tx, ty (half picture sizes), seed (noise).
    `hair_over` and `hair_as` are a hair colour and a hair style that replace the person's own, or -1. A share of
    styles other than 3d.
    """
    draw = Draw(count, generator)
    p = worn_things(draw)
    p["pose"] = draw.choose([3, 1.3, 1.3, 0.7, 0.7, 1])
    p["bg"] = draw.choose([1.5, 1.2] + [1] * (len(BACKGROUNDS) - 2))
    p["light"] = draw.choose([3, 1, 1, 1, 1])
    p["style"] = draw.choose([1 - style_share] + [style_share / (len(STYLES) - 1)] * (len(STYLES) - 1))
    p["framing"] = draw.choose([4, 1, 1])
    for name, share, words in (("hair_over", 0.07, HAIR_COLOUR_NAMES), ("hair_as", 0.05, HAIR_STYLE_NAMES)):
        p[name] = torch.where(draw.uniform(0, 1) < share, draw.any_of(words), -1)
    p |= pose_angles(p["pose"], draw.uniform)
    p |= framing_zoom(p["framing"], draw.uniform)
    p["seed"] = draw.uniform(0, 1000)
    return p


def pose_angles(pose: Tensor, uniform: Uniform) -> Params:
    """yaw, pitch, roll [B] in radians for pose indices [B]; left means that the face points to the image's left."""

    def posed(word: str) -> Tensor:
        return (pose == INDEX["pose"][word]).float()

    side = torch.sign(uniform(-1, 1.0001))
    side = torch.where(side == 0, torch.ones_like(side), side)
    return {
        "yaw": uniform(-0.10, 0.10) - posed("left") * uniform(0.28, 0.46) + posed("right") * uniform(0.28, 0.46),
        "pitch": uniform(-0.05, 0.05) + posed("up") * uniform(0.26, 0.40) - posed("down") * uniform(0.24, 0.38),
        "roll": uniform(-0.04, 0.04) + posed("tilt") * side * uniform(0.16, 0.28),
    }


def framing_zoom(framing: Tensor, uniform: Uniform) -> Params:
    """zoom, tx, ty [B] for framing indices [B]."""
    bounds = torch.tensor([FRAMING_ZOOM[word] for word in FRAMINGS])[framing]
    share, shift = uniform(0, 1), uniform(0, 1)
    return {
        "zoom": bounds[:, 0] + share * (bounds[:, 1] - bounds[:, 0]),
        "tx": uniform(-0.06, 0.06),
        "ty": bounds[:, 2] + shift * (bounds[:, 3] - bounds[:, 2]),
    }


def canonical_scene(count: int, generator: torch.Generator | None = None) -> Params:
    """Draw `count` scenes in canonical framing, with the keys of sample_scene.

    Fixed: 3d style, plain background, soft light, own hair, zoom, position and noise seed; one yaw per pose word
    (front, left, right). Sampled: the words that a prompt names.
    """
    draw = Draw(count, generator)

    def fixed(value: float) -> Tensor:
        return torch.full((count,), value)

    pose = draw.choose([3, 1, 1])  # no up, down, tilt
    return worn_things(draw) | {
        "pose": pose,
        "bg": fixed(INDEX["bg"]["plain"]),
        "light": fixed(INDEX["light"]["soft"]),
        "style": fixed(INDEX["style"]["3d"]),
        "framing": fixed(INDEX["framing"]["portrait"]),
        "hair_over": fixed(-1),
        "hair_as": fixed(-1),
        "yaw": torch.tensor(list(CANONICAL_YAW.values()))[pose],
        "pitch": fixed(0.0),
        "roll": fixed(0.0),
        "zoom": fixed(CANONICAL_ZOOM),
        "tx": fixed(0.0),
        "ty": fixed(CANONICAL_SHIFT_Y),
        "seed": fixed(CANONICAL_SEED),
    }


def plain(scene: Params, rows: slice = slice(None)) -> Params:
    """Make some scenes (in place) those of a good reference photo: front, neutral, nothing worn on the head."""
    for key in ("expr", "pose", "eyewear", "headwear", "earrings", "piercing", "hearing"):
        scene[key][rows] = 0
    scene["yaw"][rows] = 0
    return scene
