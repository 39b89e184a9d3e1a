"""Numbers that several parts share, worked out once per picture: colours, outline, expression, hair, landmarks."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Colour, blend, constant
from .frame import Pose, project
from .vocabulary import COLOURS, HAIR_COLOURS, HAIR_STYLES, INDEX, IRIS_COLOURS, SKIN_TONES


class HairShape(NamedTuple):
    """A row of HAIR_STYLES as [B,1,1] tensors, adapted to what is worn on the head; then flags (0 or 1)."""

    top: Tensor
    side: Tensor
    line: Tensor
    power: Tensor
    skew: Tensor
    fringe: Tensor
    side_length: Tensor
    inner: Tensor
    back_length: Tensor
    back_width: Tensor
    curl: Tensor
    frequency: Tensor
    wave: Tensor
    bun_radius: Tensor
    bun_height: Tensor
    bald: Tensor
    buzz: Tensor
    spiky: Tensor
    curly: Tensor  # afro or curly
    ponytail: Tensor
    parted: Tensor  # strands fall from a parting
    side_parted: Tensor  # … that lies beside the middle
    seam: Tensor  # the parting shows as a line


class Traits(NamedTuple):
    """All [B,1,1]; colours are triples of [B,1,1]. Lengths in head units."""

    # head outline: half widths of skull, jaw, chin; extra length of the lower face
    face: Tensor
    jaw: Tensor
    chin: Tensor
    length: Tensor
    feminine: Tensor
    age: Tensor
    part_side: Tensor
    # expression weights 0–1
    smile: Tensor
    sad: Tensor
    surprised: Tensor
    big_smile: Tensor
    slight_smile: Tensor
    wink: Tensor
    # colours
    skin: Colour
    skin_shadow: Colour
    skin_tone: Tensor  # mean of the skin's channels
    hair_colour: Colour
    cloth_colour: Colour
    hat_colour: Colour
    iris: Colour
    lash: Colour
    white: Colour
    black: Colour
    pure_white: Colour
    hair: HairShape
    hatted: Tensor  # hat or beanie
    # nose tip, shared by nose, cheeks and mouth
    nose_height: Tensor
    nose_u: Tensor
    nose_v: Tensor
    chin_u: Tensor
    chin_v: Tensor


def flag(params: dict[str, Tensor], key: str, *words: str) -> Tensor:
    """1 where the parameter is one of the words, as float [B,1,1]."""
    return sum((params[key] == INDEX[key][word]).float() for word in words).view(-1, 1, 1)


def column(params: dict[str, Tensor], name: str) -> Tensor:
    """A float parameter as [B,1,1]."""
    return params[name].view(-1, 1, 1)


def look_up(table: dict[str, tuple], index: Tensor) -> list[Tensor]:
    """Rows of a table by index, as one [B,1,1] tensor per column."""
    rows = torch.tensor(list(table.values()), dtype=torch.float32, device=index.device)[index]
    return [values.view(-1, 1, 1) for values in rows.unbind(1)]


def skin_colour(params: dict[str, Tensor]) -> Colour:
    """Skin between two neighbouring tones, warmer or cooler by the undertone."""
    skin = params["skin"]
    tones = torch.tensor(SKIN_TONES, device=skin.device)
    lower = skin.long().clamp(0, len(SKIN_TONES) - 2)
    share = (skin - lower)[:, None]
    rgb = tones[lower] * (1 - share) + tones[lower + 1] * share
    rgb = (rgb + params["under"][:, None] * torch.tensor([0.012, -0.004, -0.028], device=skin.device)).clamp(0, 1)
    return tuple(channel.view(-1, 1, 1) for channel in rgb.unbind(1))


def hair_shape(params: dict[str, Tensor], hatted: Tensor) -> HairShape:
    """The hair style's numbers; a hat or beanie presses the hair down and hides a bun."""
    shape = dict(zip(HairShape._fields, look_up(HAIR_STYLES, params["hair"]), strict=False))
    shape["line"] = shape["line"] * 0.84
    shape["bun_height"] = shape["bun_height"] + 0.07
    shape["top"] = torch.where(hatted > 0, shape["top"].clamp(max=0.04), shape["top"])
    shape["side"] = torch.where(hatted > 0, shape["side"].clamp(max=0.12), shape["side"])
    shape["bun_radius"] = shape["bun_radius"] * (1 - hatted)
    return HairShape(
        **shape,
        bald=flag(params, "hair", "bald"),
        buzz=flag(params, "hair", "buzz"),
        spiky=flag(params, "hair", "spiky"),
        curly=flag(params, "hair", "afro", "curly"),
        ponytail=flag(params, "hair", "ponytail"),
        parted=flag(params, "hair", "bob", "long", "wavy", "fringe"),
        side_parted=flag(params, "hair", "bob", "wavy"),
        seam=flag(params, "hair", "bob", "long", "wavy") * (1 - hatted),
    )


def traits_of(params: dict[str, Tensor], pose: Pose) -> Traits:
    """Everything shared, from the parameter dict of [B] tensors."""
    face = column(params, "face_w")
    length = column(params, "length")
    skin = skin_colour(params)
    recoloured = params["hair_over"] >= 0
    hair_colour = tuple(look_up(HAIR_COLOURS, torch.where(recoloured, params["hair_over"], params["hair_col"])))
    hatted = flag(params, "headwear", "hat", "beanie")
    slight, big, wink = (flag(params, "expr", word) for word in ("smile", "big smile", "wink"))
    black = constant(face, 0.06, 0.05, 0.07)
    nose_height = 0.10 + column(params, "nose_len") + length * 0.4
    nose_u, nose_v = project(pose, 0, nose_height, 0.49)
    chin_u, chin_v = project(pose, 0, 0.285 + length, 0.17)
    return Traits(
        face=face,
        jaw=face * column(params, "jaw"),
        chin=face * column(params, "chin"),
        length=length,
        feminine=column(params, "fem"),
        age=column(params, "age"),
        part_side=column(params, "part"),
        smile=slight * 0.65 + big + wink * 0.75,
        sad=flag(params, "expr", "sad"),
        surprised=flag(params, "expr", "surprised"),
        big_smile=big,
        slight_smile=slight,
        wink=wink,
        skin=skin,
        skin_shadow=(skin[0] * 0.62, skin[1] * 0.48, skin[2] * 0.46),
        skin_tone=(skin[0] + skin[1] + skin[2]) / 3,
        hair_colour=hair_colour,
        cloth_colour=tuple(look_up(COLOURS, params["cloth_col"])),
        hat_colour=tuple(look_up(COLOURS, params["hat_col"])),
        iris=tuple(look_up(IRIS_COLOURS, params["iris"])),
        lash=blend(black, hair_colour, 0.15),
        white=constant(face, 0.97, 0.97, 0.98),
        black=black,
        pure_white=constant(face, 1.0, 1.0, 1.0),
        hair=hair_shape(params, hatted),
        hatted=hatted,
        nose_height=nose_height,
        nose_u=nose_u,
        nose_v=nose_v,
        chin_u=chin_u,
        chin_v=chin_v,
    )
