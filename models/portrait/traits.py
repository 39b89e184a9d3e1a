"""Numbers that several parts share, worked out once per picture: colours, outline, expression, hair, landmarks."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Colour, blend, constant, shade
from .frame import Pose, project
from .hair_styles import HAIR_FIELDS, HAIR_STYLES
from .vocabulary import ACCENT_COLOURS, COLOURS, HAIR_COLOURS, INDEX, IRIS_COLOURS, SKIN_TONES

HairShape = NamedTuple("HairShape", [(name, Tensor) for name in HAIR_FIELDS])
HairShape.__doc__ = "A row of HAIR_STYLES as [B,1,1] tensors, adapted to what is worn on the head."


class Traits(NamedTuple):
    """All [B,1,1]; colours are triples of [B,1,1]. Lengths in head units."""

    # head outline: half widths of skull, cheeks, jaw, chin; extra length of the lower face
    face: Tensor
    cheek: Tensor
    jaw: Tensor
    chin: Tensor
    chin_radius: Tensor  # how far the chin reaches below its centre
    length: Tensor
    feminine: Tensor
    age: Tensor
    part_side: Tensor
    # expression weights 0–1
    smile: Tensor
    sad: Tensor
    surprised: Tensor
    angry: Tensor
    big_smile: Tensor
    slight_smile: Tensor
    wink: Tensor
    # colours
    skin: Colour
    skin_shadow: Colour
    skin_tone: Tensor  # mean of the skin's channels
    hair_colour: Colour  # of the head's hair
    body_hair: Colour  # of brows and beard: never recoloured
    cloth_colour: Colour
    hat_colour: Colour
    accent: Colour  # goes with the cloth: ties, borders, frames
    iris: Colour
    lash: Colour
    white: Colour
    black: Colour
    pure_white: Colour
    hair: HairShape
    bald: Tensor  # no hair to be seen: shaven, or wholly covered
    covered: Tensor  # hijab: ears and neck are covered too
    # eyes and nose tip, shared by several parts
    eye_v: Tensor  # y on the unturned head
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


def hair_shape(params: dict[str, Tensor], style: Tensor) -> HairShape:
    """The hair style's numbers: the hairline follows the forehead; hats press hair down and hide buns."""
    shape = dict(zip(HAIR_FIELDS, look_up(HAIR_STYLES, style), strict=True))
    age, masculine = column(params, "age"), 1 - column(params, "fem")
    shape["line"] = shape["line"] * 0.90 - column(params, "forehead")
    shape["recede"] = shape["recede"] + 0.05 * (age - 0.3).clamp(min=0) * masculine
    pressing = flag(params, "headwear", "hat", "beanie", "cap", "straw hat", "beret")
    shape["top"] = torch.where(pressing > 0, shape["top"].clamp(max=0.04), shape["top"])
    shape["side"] = torch.where(pressing > 0, shape["side"].clamp(max=0.11), shape["side"])
    shape["bun_radius"] = shape["bun_radius"] * (1 - pressing)
    shape["mohawk"] = shape["mohawk"] * (1 - pressing)
    hidden = flag(params, "headwear", "hijab", "turban", "head wrap")
    for name in ("bun_radius", "ponytail", "braids"):
        shape[name] = shape[name] * (1 - hidden)
    shape["back_length"] = torch.where(hidden > 0, -9.0, shape["back_length"])
    return HairShape(**shape)


def traits_of(params: dict[str, Tensor], pose: Pose) -> Traits:
    """Everything shared, from the parameter dict of [B] tensors."""
    face, length = column(params, "face_w"), column(params, "length")
    skin = skin_colour(params)
    own = tuple(look_up(HAIR_COLOURS, params["hair_col"]))
    own = blend(own, constant(face, 0.66, 0.66, 0.68), column(params, "grey"))
    dyed = tuple(look_up(HAIR_COLOURS, params["hair_over"].clamp(min=0)))
    recoloured = (params["hair_over"] >= 0).view(-1, 1, 1)
    style = torch.where(params["hair_as"] >= 0, params["hair_as"], params["hair"])
    shaven = (style == INDEX["hair"]["bald"]).float().view(-1, 1, 1)
    slight, big, wink = (flag(params, "expr", word) for word in ("smile", "big smile", "wink"))
    black = constant(face, 0.06, 0.05, 0.07)
    nose_height = 0.096 + column(params, "nose_len") + length * 0.35
    nose_u, nose_v = project(pose, 0, nose_height - column(params, "nose_up"), 0.47)
    chin_u, chin_v = project(pose, 0, 0.272 + length, 0.17)
    return Traits(
        face=face,
        cheek=face * column(params, "cheek"),
        jaw=face * column(params, "jaw"),
        chin=face * column(params, "chin"),
        chin_radius=0.125 + column(params, "chin_h"),
        length=length,
        feminine=column(params, "fem"),
        age=column(params, "age"),
        part_side=column(params, "part"),
        smile=slight * 0.75 + big + wink * 0.75 + flag(params, "expr", "closed eyes") * 0.35,
        sad=flag(params, "expr", "sad"),
        surprised=flag(params, "expr", "surprised"),
        angry=flag(params, "expr", "angry"),
        big_smile=big,
        slight_smile=slight,
        wink=wink,
        skin=skin,
        skin_shadow=(skin[0] * 0.66, skin[1] * 0.49, skin[2] * 0.45),
        skin_tone=(skin[0] + skin[1] + skin[2]) / 3,
        hair_colour=tuple(torch.where(recoloured, a, b) for a, b in zip(dyed, own, strict=True)),
        body_hair=own,
        cloth_colour=tuple(look_up(COLOURS, params["cloth_col"])),
        hat_colour=tuple(look_up(COLOURS, params["hat_col"])),
        accent=tuple(look_up(ACCENT_COLOURS, params["cloth_col"])),
        iris=tuple(look_up(IRIS_COLOURS, params["iris"])),
        lash=blend(black, shade(own, 0.5), 0.25),
        white=constant(face, 0.985, 0.975, 0.97),
        black=black,
        pure_white=constant(face, 1.0, 1.0, 1.0),
        hair=hair_shape(params, style),
        bald=(shaven + flag(params, "headwear", "hijab", "turban", "head wrap")).clamp(max=1),
        covered=flag(params, "headwear", "hijab"),
        eye_v=-0.036 + length * 0.2 + column(params, "eye_y"),
        nose_height=nose_height,
        nose_u=nose_u,
        nose_v=nose_v,
        chin_u=chin_u,
        chin_v=chin_v,
    )
