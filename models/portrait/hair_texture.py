"""The texture of hair: strands, locks, curls, coils, ropes and rows."""

from typing import NamedTuple

import torch
from torch import Tensor

from .distance import lerp, ridge, smoothstep


class Texture(NamedTuple):
    """Planes [B,H,W], about -1…1."""

    tone: Tensor  # fine: light and dark of strands
    lock: Tensor  # coarse: locks of hair
    gap: Tensor  # 1 where the scalp shows between braided rows


def strands(across: Tensor, down: Tensor) -> Tensor:
    """Uneven parallel strands: sines of rates that share no period, bent by each other."""
    bent = across + 0.06 * torch.sin(across * 6.1 + 1.3) + 0.020 * torch.sin(down * 7 + across * 8)
    return (
        0.45 * torch.sin(bent * 21 + 1.4 * torch.sin(bent * 5.3))
        + 0.33 * torch.sin(bent * 47 + 2.0 * torch.sin(bent * 7.9) + down * 2)
        + 0.22 * torch.sin(bent * 103 + down * 3)
    )


def hair_texture(
    u: Tensor, v: Tensor, du: Tensor, dv: Tensor, anchors, hair, part_side: Tensor, angle: Tensor
) -> Texture:
    """The texture for the HairShape `hair`; du, dv from the hair's centre, `angle` around it."""
    fan = torch.atan2(u - anchors.parting_u, (dv + anchors.radius_v * 1.02).clamp(min=0.0) + 0.05) * 1.2
    swept = dv * 2.1 + du * part_side * 0.9 + 1.6 * du * du
    across = lerp(lerp(angle, fan, hair.fan), swept, hair.sweep)
    straight = strands(across, v)
    lock = torch.sin(across * 9.5 + 1.1 * torch.sin(across * 4.3 + 1) + 0.4 * torch.sin(v * 6))

    warp_u, warp_v = u + 0.020 * torch.sin(v * 31 + 1), v + 0.020 * torch.sin(u * 27)
    curls = torch.sin(warp_u * 52 + 2.4 * torch.sin(warp_v * 33)) * torch.sin(
        warp_v * 46 + 2.2 * torch.sin(warp_u * 37)
    )
    curls = 0.8 * curls + 0.4 * torch.sin(angle * 19 + 7 * torch.sin(dv * 9))
    curl_lock = torch.sin(u * 19 + 1.7 * torch.sin(v * 13)) * torch.sin(v * 17 + 1.5 * torch.sin(u * 11))
    coils = torch.sin(warp_u * 96 + 1.8 * torch.sin(warp_v * 71)) * torch.sin(
        warp_v * 92 + 1.6 * torch.sin(warp_u * 77)
    )
    coil_lock = 0.7 * torch.sin(u * 24 + 2 * torch.sin(v * 19)) * torch.sin(v * 22 + 2 * torch.sin(u * 17))
    kinky = (hair.curly + hair.coily).clamp(max=1)
    tone = lerp(straight, lerp(curls, coils * 0.8, hair.coily), kinky)
    lock = lerp(lock, lerp(curl_lock, coil_lock, hair.coily), kinky)

    # Ropes hang down beside the head and run back on top of it.
    hang = smoothstep(-0.18, 0.02, v)
    place = lerp(fan * 2.3, du * 3.2, hang) * 4.2
    index = place.floor()
    middle = (place - index - 0.5) * 2
    plait = torch.sin(v * 74 + index * 2.1 + 3.0 * middle.abs())
    rope = 0.9 - 1.9 * middle * middle + 0.35 * plait
    tone = lerp(tone, rope, hair.ropes)
    lock = lerp(lock, torch.sin(index * 2.4), hair.ropes)
    rows = torch.frac(fan * 3.6 + 20.5) - 0.5
    woven = 0.7 - 5 * rows * rows + 0.4 * torch.sin(dv * 80 + 6 * rows.abs())
    on_top = hair.rows * (1 - hang)
    tone = lerp(tone, woven, on_top)
    gap = ridge(rows.abs() - 0.5, 0.11) * on_top
    return Texture(tone * (1 - 0.6 * hair.sheer), lock, gap)
