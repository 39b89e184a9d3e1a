"""Who is drawn: identity parameters, sampled, and as one vector."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .vocabulary import FACIAL_HAIR, HAIR_COLOUR_NAMES, HAIR_STYLE_NAMES, INDEX, IRIS_NAMES

Params = dict[str, Tensor]

# The face's geometry: every number is drawn evenly between two bounds; the third shifts it on feminine faces.
# Lengths in head units (half the frame's height at zoom 1) or, where said, as factors.
GEOMETRY = {
    # head: half width of the skull, then factors of it at temples, cheeks, jaw and chin; extra length of the lower face
    "face_w": (0.325, 0.405, -0.010), "temple": (0.93, 1.05, 0), "cheek": (0.86, 1.02, 0),
    "jaw": (0.74, 1.00, -0.07), "chin": (0.32, 0.66, -0.08), "length": (-0.040, 0.050, -0.010),
    "chin_h": (-0.020, 0.030, -0.006),  # how far the chin reaches down
    "cleft": (-1.6, 1.0, -0.4),  # of the chin; shows above 0
    "cheekbone": (0.0, 1.0, 0), "forehead": (-0.030, 0.030, 0), "peak": (-0.6, 1.0, 0), "neck": (0.135, 0.190, -0.028),
    # eyes: factors; place; tilt in radians; the lid from no fold (0) to a deep one (1); folds over both corners
    "eye_size": (0.84, 1.14, 0.10), "eye_sp": (0.138, 0.182, 0), "eye_y": (-0.016, 0.016, 0),
    "eye_tilt": (-0.14, 0.24, 0), "eye_h": (0.74, 1.16, 0.04), "eye_skew": (-0.35, 0.35, 0), "lid": (0.0, 1.0, 0),
    "epicanthus": (-0.5, 1.0, 0), "hood": (-0.6, 1.0, 0), "iris_r": (0.90, 1.10, 0), "bags": (-0.5, 1.0, 0),
    # brows
    "brow_th": (0.012, 0.031, -0.007), "brow_arch": (0.002, 0.040, 0), "brow_tilt": (-0.018, 0.014, 0),
    "brow_y": (-0.016, 0.018, 0), "brow_gap": (-0.016, 0.016, 0), "brow_len": (0.84, 1.16, 0),
    # nose: length, half widths of wings and bridge, size and lift of the tip, bump of the bridge
    "nose_len": (-0.034, 0.042, -0.006), "nose_w": (0.036, 0.076, -0.007), "bridge": (0.60, 1.50, -0.05),
    "tip": (0.65, 1.45, 0), "nose_up": (-0.018, 0.020, 0), "nose_bump": (-0.8, 1.0, 0),
    # mouth: half width, fullness of both lips, bow, lift of the corners, distance from the nose
    "mouth_w": (0.096, 0.152, 0), "lip_up": (0.50, 1.50, 0.18), "lip_low": (0.60, 1.50, 0.15), "bow": (0.0, 1.0, 0),
    "corner": (-0.010, 0.014, 0), "philtrum": (-0.022, 0.020, 0), "dimples": (-1.2, 1.0, 0.2),
    # ears
    "ear": (0.80, 1.25, -0.04), "ear_out": (0.0, 1.0, 0), "lobe": (0.0, 1.0, 0),
}  # fmt: skip

# Marks and colours that are no geometry: (centre, scale) as in IDENTITY_SCALES.
MARK_SCALES = {
    "skin": (2.5, 1.45), "under": (0, 0.58), "lip_red": (0.35, 0.2), "freckles": (0.15, 0.3), "mole": (0.2, 0.4),
    "mole_x": (0, 0.57), "mole_y": (0.12, 0.11), "scar": (0.06, 0.24), "age": (0.31, 0.28), "grey": (0.12, 0.25),
    "fem": (0.5, 0.35), "part": (0, 1),
}  # fmt: skip


def geometry_scale(low: float, high: float, feminine: float) -> tuple[float, float]:
    """Mean and deviation of a number drawn by a row of GEOMETRY."""
    return (low + high) / 2 + feminine / 2, (((high - low) ** 2) / 12 + feminine**2 / 12) ** 0.5


# (centre, scale) that bring each continuous identity parameter to about zero mean and unit deviation.
IDENTITY_SCALES = {name: geometry_scale(*bounds) for name, bounds in GEOMETRY.items()} | MARK_SCALES
IDENTITY_WORDS = {
    "iris": len(IRIS_NAMES),
    "hair": len(HAIR_STYLE_NAMES),
    "hair_col": len(HAIR_COLOUR_NAMES),
    "facial": len(FACIAL_HAIR),
}
IDENTITY_SIZE = len(IDENTITY_SCALES) + sum(IDENTITY_WORDS.values())

# Sampling weights, in the order of the word lists.
IRIS_WEIGHTS = [3, 3, 2, 2, 3, 1]
# Per style: on masculine and on feminine people; in brackets a factor on people with dark skin.
HAIR_WEIGHTS = {
    "bald": (1.3, 0.08, 1.3), "buzz": (1.4, 0.12, 1.6), "short": (3, 0.3, 0.3), "side part": (2.4, 0.2, 0.3),
    "afro": (0.7, 0.8, 2.5), "curly": (1, 1.2, 1), "bob": (0, 1.8, 0.7), "long": (0.3, 2, 0.6),
    "wavy": (0.2, 2.2, 0.8), "bun": (0.1, 1.2, 1), "fringe": (0.05, 1.6, 0.6), "ponytail": (0, 1.3, 0.8),
    "spiky": (1.1, 0.1, 0.3), "crew cut": (1.6, 0.02, 0.7), "fade": (1.0, 0.05, 3), "quiff": (1.5, 0.1, 0.5),
    "slicked back": (0.8, 0.3, 0.5), "receding": (0.9, 0, 0.8), "horseshoe": (0.6, 0, 0.8), "mohawk": (0.35, 0.15, 1),
    "pixie": (0.1, 1.3, 0.8), "shoulder-length": (0.3, 1.9, 0.6), "long curls": (0.15, 1.5, 1.2),
    "coily": (0.7, 0.6, 3), "afro puffs": (0, 0.5, 3), "space buns": (0, 0.6, 0.6), "top knot": (0.5, 0.5, 0.8),
    "braid": (0, 1.0, 0.8), "two braids": (0.05, 0.8, 0.8), "box braids": (0.2, 0.6, 3.5), "cornrows": (0.4, 0.4, 3.5),
    "locs": (0.5, 0.5, 3),
}  # fmt: skip
HAIR_COLOUR_WEIGHTS = [3, 3, 3, 2, 1.2, 1.2, 2, 0.8, 0.1, 0.05, 0.3, 0.3, 0.2, 0.3]
HAIR_COLOUR_WEIGHTS_DARK_SKIN = [6, 4, 1, 0.3, 0.1, 0.05, 0.15, 0.1, 0.2, 0.1, 0.1, 0.1, 0.05, 0.1]
FACIAL_HAIR_WEIGHTS = [2.5, 1.2, 0.8, 0.8, 1.6, 0.5]
DARK_SKIN = 3.0  # on the scale 0–5 of SKIN_TONES
OLD = 0.55  # from this `age` on hair may be grey or white


def sample_identity(count: int, generator: torch.Generator | None = None) -> Params:
    """Draw `count` people: a dict of [count] CPU tensors (float shape parameters, int64 word indices).

    The geometry's units are told at GEOMETRY; `skin` runs over 0–5, `fem`, `age`, `grey`, `freckles`, `mole`, `scar`
    over 0–1, `part` and the sign of `mole_x` give sides. All people are grown up: `age` runs from about twenty to
    eighty years.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    def choose(weights: Tensor) -> Tensor:
        return torch.multinomial(weights, 1, generator=generator)[:, 0]

    def rows(weights: list[float]) -> Tensor:
        return torch.tensor(weights, dtype=torch.float).expand(count, -1).clone()

    fem = (torch.rand(count, generator=generator) < 0.5).float() * 0.7 + uniform(0, 0.3)
    p: Params = {"fem": fem}
    for name, (low, high, feminine) in GEOMETRY.items():
        p[name] = uniform(low, high) + feminine * fem
    p["skin"] = uniform(0, 5)
    p["under"] = uniform(-1, 1)
    p["lip_red"] = uniform(0.1, 0.35) + 0.45 * fem * uniform(0.1, 1)
    p["freckles"] = (uniform(0, 1) < 0.22).float() * uniform(0.4, 1)
    p["mole"] = (uniform(0, 1) < 0.20).float()
    p["mole_x"] = torch.sign(uniform(-1, 1)) * uniform(0.25, 0.75)
    p["mole_y"] = uniform(-0.06, 0.30)
    p["scar"] = (uniform(0, 1) < 0.06).float()
    p["age"] = uniform(0, 1) ** 1.8
    p["part"] = torch.sign(uniform(-1, 1))
    p["grey"] = ((p["age"] - 0.35).clamp(min=0) * 1.5 * uniform(0, 1.2)).clamp(max=0.9)
    p["iris"] = choose(rows(IRIS_WEIGHTS))
    p["hair"] = choose(hair_weights(fem, p["skin"], p["age"]))
    dark = p["skin"] > DARK_SKIN
    colour_weights = rows(HAIR_COLOUR_WEIGHTS)
    colour_weights[dark] = torch.tensor(HAIR_COLOUR_WEIGHTS_DARK_SKIN)
    colour_weights[:, HAIR_COLOUR_NAMES.index("grey")] += (p["age"] > OLD).float() * 6
    colour_weights[:, HAIR_COLOUR_NAMES.index("white")] += (p["age"] > OLD + 0.15).float() * 8
    p["hair_col"] = choose(colour_weights)
    facial_weights = rows(FACIAL_HAIR_WEIGHTS)
    facial_weights[fem > 0.5] = torch.tensor([1.0] + [0] * (len(FACIAL_HAIR) - 1))
    p["facial"] = choose(facial_weights)
    return p


def hair_weights(fem: Tensor, skin: Tensor, age: Tensor) -> Tensor:
    """How likely each style is on each person, [B, styles]; thinning hair grows likelier with age."""
    table = torch.tensor([HAIR_WEIGHTS[name] for name in HAIR_STYLE_NAMES])
    masculine, feminine, dark = table.T
    weights = masculine * (1 - fem[:, None]) ** 4 + feminine * fem[:, None] ** 2
    weights = weights * torch.where(skin[:, None] > DARK_SKIN, dark, 1.0)
    for name in ("receding", "horseshoe"):
        weights[:, INDEX["hair"][name]] *= (0.2 + 3 * age) * (age > 0.2)
    return weights


def id_vector(params: Params) -> Tensor:
    """The true identity as [B, IDENTITY_SIZE] floats: scaled shape parameters, then one-hot words."""
    scaled = [((params[name].float() - centre) / scale)[:, None] for name, (centre, scale) in IDENTITY_SCALES.items()]
    words = [F.one_hot(params[name], count).float() for name, count in IDENTITY_WORDS.items()]
    return torch.cat(scaled + words, 1)
