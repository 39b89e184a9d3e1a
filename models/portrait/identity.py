"""Who is drawn: identity parameters, sampled, and as one vector."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .vocabulary import FACIAL_HAIR, HAIR_COLOUR_NAMES, HAIR_STYLE_NAMES, IRIS_NAMES

Params = dict[str, Tensor]

# (centre, scale) that bring each continuous identity parameter to about zero mean and unit deviation.
IDENTITY_SCALES = {
    "face_w": (0.354, 0.02), "jaw": (0.84, 0.07), "chin": (0.46, 0.11), "length": (0.0, 0.024), "skin": (2.5, 1.45),
    "under": (0, 0.58), "eye_size": (1.04, 0.1), "eye_sp": (0.153, 0.011), "eye_tilt": (0.05, 0.11),
    "eye_h": (0.95, 0.115), "brow_th": (0.016, 0.0055), "brow_arch": (0.022, 0.0104), "brow_tilt": (0.001, 0.011),
    "nose_len": (0.0075, 0.019), "nose_w": (0.047, 0.009), "mouth_w": (0.1275, 0.013), "lip": (1.05, 0.25),
    "lip_red": (0.4, 0.2), "ear": (1.02, 0.13), "freckles": (0.15, 0.3), "mole": (0.2, 0.4), "mole_x": (0, 0.57),
    "mole_y": (0.17, 0.05), "age": (0.31, 0.28), "fem": (0.5, 0.35), "neck": (0.14, 0.02), "part": (0, 1),
}  # fmt: skip
IDENTITY_WORDS = {
    "iris": len(IRIS_NAMES),
    "hair": len(HAIR_STYLE_NAMES),
    "hair_col": len(HAIR_COLOUR_NAMES),
    "facial": len(FACIAL_HAIR),
}
IDENTITY_SIZE = len(IDENTITY_SCALES) + sum(IDENTITY_WORDS.values())

# Sampling weights, in the order of the word lists.
IRIS_WEIGHTS = [3, 3, 2, 2, 3, 1]
HAIR_WEIGHTS_MASCULINE = [1.2, 1.6, 3, 2.4, 1, 1, 0, 0.35, 0.2, 0.25, 0.1, 0, 1.6]
HAIR_WEIGHTS_FEMININE = [0.08, 0.12, 0.5, 0.6, 1, 1.3, 2, 2.2, 2.2, 1.3, 1.8, 1.5, 0.15]
HAIR_COLOUR_WEIGHTS = [3, 3, 3, 2, 1.2, 1.2, 2, 0.8, 0.1, 0.05, 0.3, 0.3, 0.2, 0.3]
HAIR_COLOUR_WEIGHTS_DARK_SKIN = [6, 4, 1, 0.3, 0.1, 0.05, 0.15, 0.1, 0.2, 0.1, 0.1, 0.1, 0.05, 0.1]
FACIAL_HAIR_WEIGHTS = [2.5, 1.2, 0.8, 0.8, 1.8]
DARK_SKIN = 3.0  # on the scale 0–5 of SKIN_TONES


def sample_identity(count: int, generator: torch.Generator | None = None) -> Params:
    """Draw `count` people: a dict of [count] CPU tensors (float shape parameters, int64 word indices).

    Lengths are in head units (half the frame's height at zoom 1); `skin` runs over 0–5, `fem`, `age`, `freckles`,
    `mole` over 0–1, `part` and the sign of `mole_x` give sides.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    def choose(weights: Tensor) -> Tensor:
        return torch.multinomial(weights, 1, generator=generator)[:, 0]

    def rows(weights: list[float]) -> Tensor:
        return torch.tensor(weights, dtype=torch.float).expand(count, -1).clone()

    p: Params = {}
    fem = (torch.rand(count, generator=generator) < 0.5).float() * 0.7 + uniform(0, 0.3)
    p["fem"] = fem
    p["face_w"] = uniform(0.315, 0.400) - 0.012 * fem
    p["jaw"] = uniform(0.78, 1.0) - 0.10 * fem
    p["chin"] = uniform(0.34, 0.70) - 0.12 * fem
    p["length"] = uniform(-0.03, 0.05) - 0.015 * fem
    p["skin"] = uniform(0, 5)
    p["under"] = uniform(-1, 1)
    p["eye_size"] = uniform(0.82, 1.12) + 0.14 * fem
    p["eye_sp"] = uniform(0.130, 0.176)
    p["eye_tilt"] = uniform(-0.14, 0.24)
    p["eye_h"] = uniform(0.75, 1.15)
    p["brow_th"] = uniform(0.011, 0.030) - 0.008 * fem
    p["brow_arch"] = uniform(0.004, 0.040)
    p["brow_tilt"] = uniform(-0.010, 0.020)
    p["nose_len"] = uniform(-0.030, 0.045)
    p["nose_w"] = uniform(0.035, 0.072) - 0.008 * fem
    p["mouth_w"] = uniform(0.098, 0.156)
    p["lip"] = uniform(0.5, 1.25) + 0.35 * fem
    p["lip_red"] = uniform(0.1, 0.45) + 0.45 * fem * uniform(0.2, 1)
    p["ear"] = uniform(0.8, 1.25)
    p["freckles"] = (uniform(0, 1) < 0.22).float() * uniform(0.4, 1)
    p["mole"] = (uniform(0, 1) < 0.20).float()
    p["mole_x"] = torch.sign(uniform(-1, 1)) * uniform(0.35, 0.75)
    p["mole_y"] = uniform(0.08, 0.26)
    p["age"] = uniform(0, 1) ** 2.2
    p["neck"] = uniform(0.125, 0.185) - 0.03 * fem
    p["part"] = torch.sign(uniform(-1, 1))
    p["iris"] = choose(rows(IRIS_WEIGHTS))

    masculine, feminine = (1 - fem[:, None]) ** 4, fem[:, None] ** 2
    p["hair"] = choose(
        torch.tensor(HAIR_WEIGHTS_MASCULINE)[None] * masculine + torch.tensor(HAIR_WEIGHTS_FEMININE)[None] * feminine
    )
    colour_weights = rows(HAIR_COLOUR_WEIGHTS)
    colour_weights[p["skin"] > DARK_SKIN] = torch.tensor(HAIR_COLOUR_WEIGHTS_DARK_SKIN)
    colour_weights[:, HAIR_COLOUR_NAMES.index("grey")] += (p["age"] > 0.5).float() * 6
    colour_weights[:, HAIR_COLOUR_NAMES.index("white")] += (p["age"] > 0.7).float() * 8
    p["hair_col"] = choose(colour_weights)
    facial_weights = rows(FACIAL_HAIR_WEIGHTS)
    facial_weights[fem > 0.5] = torch.tensor([1.0, 0, 0, 0, 0])
    p["facial"] = choose(facial_weights)
    return p


def id_vector(params: Params) -> Tensor:
    """The true identity as [B, IDENTITY_SIZE] floats: scaled shape parameters, then one-hot words."""
    scaled = [((params[name].float() - centre) / scale)[:, None] for name, (centre, scale) in IDENTITY_SCALES.items()]
    words = [F.one_hot(params[name], count).float() for name, count in IDENTITY_WORDS.items()]
    return torch.cat(scaled + words, 1)
