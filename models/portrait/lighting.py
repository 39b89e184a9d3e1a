"""One lighting pass over the finished canvas: wrapped diffuse, subsurface tint, highlight, rim, vignette."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas
from .distance import smoothstep
from .vocabulary import INDEX

# Per light: direction x y z (towards it), key colour, ambient colour, strength of the rim.
LIGHT_TABLE = {
    "soft": (-0.42, -0.52, 0.74, 0.53, 0.495, 0.455, 0.52, 0.515, 0.535, 0.13),
    "side": (-0.95, -0.20, 0.30, 0.95, 0.88, 0.80, 0.26, 0.26, 0.32, 0.15),
    "warm": (-0.50, -0.45, 0.74, 0.72, 0.52, 0.30, 0.52, 0.44, 0.38, 0.25),
    "cold": (0.45, -0.50, 0.74, 0.40, 0.50, 0.66, 0.44, 0.52, 0.68, 0.25),
    "rim": (0.20, -0.60, 0.60, 0.46, 0.42, 0.44, 0.42, 0.40, 0.46, 1.5),
}


class Light(NamedTuple):
    """All [B,1,1]; colours as triples."""

    x: Tensor
    y: Tensor
    z: Tensor
    half_x: Tensor  # half vector between light and viewer
    half_y: Tensor
    half_z: Tensor
    key: tuple[Tensor, ...]
    ambient: tuple[Tensor, ...]
    rim: Tensor
    rim_key: tuple[Tensor, ...]
    background: tuple[Tensor, ...]  # factor on unlit pixels


def light_of(params: dict[str, Tensor]) -> Light:
    """The light from its word index."""
    index = params["light"]
    rows = torch.tensor(list(LIGHT_TABLE.values()), device=index.device)[index]
    x, y, z, *rest = (values.view(-1, 1, 1) for values in rows.unbind(1))
    length = (x**2 + y**2 + z**2).sqrt()
    x, y, z = x / length, y / length, z / length
    half = (x**2 + y**2 + (z + 1) ** 2).sqrt()
    key, ambient, rim = tuple(rest[0:3]), tuple(rest[3:6]), rest[6]
    mean = (key[0] + key[1] + key[2]) / 3
    dim = torch.where(index == INDEX["light"]["rim"], 0.80, 1.0) * torch.where(
        index == INDEX["light"]["side"], 0.84, 1.0
    )
    return Light(
        x, y, z, x / half, y / half, (z + 1) / half, key, ambient, rim,
        rim_key=tuple(channel * 0.6 + 0.45 for channel in key),
        background=tuple((channel / mean) ** 0.35 * dim.view(-1, 1, 1) for channel in key),
    )  # fmt: skip


def vignette(size: int, device: torch.device) -> Tensor:
    """Darkening towards the corners, [1,S,S]."""
    centres = (torch.arange(size, device=device) + 0.5) / size * 2 - 1
    grid_y, grid_x = torch.meshgrid(centres, centres, indexing="ij")
    return 1 - 0.09 * (grid_x**2 + grid_y**2)[None]


def light_canvas(canvas: Canvas, light: Light, falloff: Tensor) -> Tensor:
    """The lit picture [B,3,H,W] in [0,1]; `falloff` is the vignette."""
    normal_x, normal_y = canvas.normal_x.clamp(-0.97, 0.97), canvas.normal_y.clamp(-0.97, 0.97)
    normal_z = (1 - normal_x * normal_x - normal_y * normal_y).clamp(min=0.02).sqrt()
    length = (normal_x * normal_x + normal_y * normal_y + normal_z * normal_z).sqrt()
    normal_x, normal_y, normal_z = normal_x / length, normal_y / length, normal_z / length
    facing = normal_x * light.x + normal_y * light.y + normal_z * light.z
    wrapped = ((facing + 0.35) / 1.35).clamp(0, 1)
    scattered = torch.exp(-(((facing - 0.05) / 0.28) ** 2)) * canvas.gloss * 0.10
    highlight = (normal_x * light.half_x + normal_y * light.half_y + normal_z * light.half_z).clamp(0, 1)
    highlight = highlight**26 * canvas.gloss
    fresnel = (1 - normal_z) ** 3
    rim = fresnel * (0.4 + 0.6 * smoothstep(-0.3, 0.6, normal_x * -light.x.sign() - normal_y * 0.5)) * light.rim
    channels = []
    for i, (albedo, warmth) in enumerate(zip(canvas[:3], (1.2, 0.25, 0.12), strict=True)):
        albedo = albedo.clamp(min=0.004) ** (1 + 0.40 * (1 - wrapped))
        lit = 1.04 * albedo * (light.ambient[i] * (1.0 - 0.12 * normal_y) + light.key[i] * wrapped * 1.02)
        lit = lit + scattered * albedo * warmth + highlight * light.key[i] * 0.42 + rim * light.rim_key[i] * 0.75
        unlit = albedo * light.background[i]
        colour = ((lit + (unlit - lit) * canvas.unlit) * falloff).clamp(0, 1.3)
        rolled_off = 0.85 + 0.15 * torch.tanh((colour - 0.85) / 0.15)
        channels.append(torch.where(colour > 0.85, rolled_off, colour).clamp(0, 1))
    return torch.stack(channels, 1)
