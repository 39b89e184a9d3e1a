"""Hat, beanie, headphones."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, blend, cover, darken, paint, shade
from .distance import ellipse, rounded_box, smooth_max, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, flag


class HeadwearAnchors(NamedTuple):
    """All [B,1,1]."""

    worn: Tensor  # 1 where this kind of headwear is worn
    u: Tensor
    v: Tensor
    half_width: Tensor
    dome: Tensor  # how high it bulges
    sin_yaw: Tensor
    sin_pitch: Tensor
    cos_pitch: Tensor


def hat_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, kind: str) -> HeadwearAnchors:
    """Where a hat or beanie sits."""
    u, v = project(pose, 0, -0.285, 0.02)
    return HeadwearAnchors(
        worn=flag(params, "headwear", kind),
        u=u,
        v=v,
        half_width=traits.face + traits.hair.side.clamp(0, 0.09) + 0.035,
        dome=traits.hair.top.clamp(0, 0.04),
        sin_yaw=pose.sin_yaw,
        sin_pitch=pose.sin_pitch,
        cos_pitch=pose.cos_pitch,
    )


def headphone_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> HeadwearAnchors:
    """Where headphones sit."""
    u, v = project(pose, 0, -0.08, -0.02)
    width = traits.face + traits.hair.side.clamp(0, 0.12) + 0.04
    return HeadwearAnchors(
        worn=flag(params, "headwear", "headphones"),
        u=u,
        v=v,
        half_width=width * (0.86 + 0.14 * pose.cos_yaw),
        dome=0.45 + traits.hair.top.clamp(0, 0.20) + 0.02,
        sin_yaw=pose.sin_yaw,
        sin_pitch=pose.sin_pitch,
        cos_pitch=pose.cos_pitch,
    )


def draw_hat(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A brimmed hat with a band."""
    u, v, width, worn = frame.u, frame.v, anchors.half_width, anchors.worn
    du, dv = u - anchors.u, v - anchors.v
    above_base = v - (anchors.v + (0.22 * du**2 - anchors.sin_pitch * 0.16))
    crown = rounded_box(du * (1 + 0.35 * (-dv).clamp(min=0)), dv + 0.15, width, 0.24, 0.13)
    crown = smooth_max(crown, above_base - 0.01, 0.01)
    brim_v = above_base - 0.015 - 0.02 * anchors.cos_pitch
    brim = ellipse(du - anchors.sin_yaw * 0.10, brim_v, width + 0.20, 0.060 + 0.09 * anchors.sin_pitch.abs())
    canvas = darken(canvas, smoothstep(0.12, -0.02, brim - 0.03) * worn * (dv > 0) * in_head, 0.66)
    weave = 1 + 0.05 * torch.sin(u * 160) * torch.sin(v * 160)
    felt = shade(traits.hat_colour, weave)
    canvas = cover(canvas, frame.coverage(crown) * worn, felt, du / width * 0.95, (dv + 0.2) * 1.1, 0.15)
    band = frame.coverage(torch.maximum(crown, -(above_base + 0.095))) * worn
    canvas = paint(canvas, band, blend(shade(traits.hat_colour, 0.35), traits.black, 0.3))
    on_brim = frame.coverage(brim) * worn
    normal_y = -0.25 + above_base * 5
    canvas = cover(canvas, on_brim, shade(traits.hat_colour, 0.95), du * 0.6, normal_y, 0.15)
    return darken(canvas, on_brim * smoothstep(0.0, 0.05, above_base - 0.02), 0.70)


def draw_beanie(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A knit cap with a folded rim and a pompom."""
    width, worn = anchors.half_width, anchors.worn
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    above_base = dv - 0.055 - (0.30 * du**2 - anchors.sin_pitch * 0.10)
    across = du / width
    pompom = (du**2 + (dv + 0.37) ** 2).sqrt() - 0.085 - 0.008 * torch.sin(torch.atan2(dv + 0.37, du) * 17)
    pale = blend(traits.hat_colour, traits.pure_white, 0.55)
    canvas = cover(canvas, frame.coverage(pompom) * worn, pale, du * 8, (dv + 0.37) * 8, 0.05)
    dome = smooth_max(ellipse(du, dv + 0.02, width, 0.32 + anchors.dome), above_base - 0.02, 0.02)
    ribs = torch.sin(across * 34 * (1 + 0.4 * across**2))
    wool = shade(traits.hat_colour, 1 + 0.07 * ribs)
    canvas = cover(canvas, frame.coverage(dome) * worn, wool, across * 0.95 + 0.12 * ribs, dv * 2.0, 0.08)
    rim = rounded_box(du, above_base + 0.035, width + 0.018, 0.075, 0.045)
    ribs = torch.sin(across * 42)
    canvas = darken(canvas, smoothstep(0.05, -0.01, rim - 0.02) * in_head * worn * (above_base > 0), 0.7)
    wool = shade(traits.hat_colour, 0.88 + 0.10 * ribs)
    normal_y = (above_base + 0.035) * 5
    return cover(canvas, frame.coverage(rim) * worn, wool, across * 0.9 + 0.2 * ribs, normal_y, 0.08)


def draw_headphones(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits) -> Canvas:
    """A dark band and two coloured cups; the near cup looks wider."""
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    band = ellipse(du, dv, anchors.half_width, anchors.dome).abs() - 0.026
    band = torch.maximum(band, dv - 0.02)
    metal = tuple(channel * 1.8 + 0.06 for channel in traits.black)
    canvas = cover(canvas, frame.coverage(band) * anchors.worn, metal, du * 1.5, dv * 1.2, 0.7)
    for side in (-1.0, 1.0):
        cup_u, cup_v = du - side * anchors.half_width, dv - 0.07
        turned = side * anchors.sin_yaw
        half = 0.075 + 0.05 * smoothstep(0.0, 0.5, -turned) - 0.02 * smoothstep(0.0, 0.5, turned)
        cup = rounded_box(cup_u, cup_v, half, 0.135, 0.06)
        canvas = cover(
            canvas, frame.coverage(cup) * anchors.worn, traits.hat_colour, cup_u / half * 0.8, cup_v * 5, 0.6
        )
        canvas = darken(canvas, frame.coverage(cup + 0.035) * anchors.worn, 0.82)
    return canvas
