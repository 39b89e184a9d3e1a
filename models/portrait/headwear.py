"""Hats with a rim: hat, straw hat, cap, beanie, beret; and headphones."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, blend, constant, cover, darken, paint, shade
from .distance import ellipse, lerp, rounded_box, smooth_max, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, flag


class HeadwearAnchors(NamedTuple):
    """All [B,1,1]."""

    worn: Tensor  # 1 where this kind of headwear is worn
    straw: Tensor  # 1 for a straw hat
    u: Tensor
    v: Tensor
    half_width: Tensor
    dome: Tensor  # how high it bulges
    sin_yaw: Tensor
    sin_pitch: Tensor
    cos_pitch: Tensor
    side: Tensor  # the side that a beret leans to


def hat_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, *kinds: str) -> HeadwearAnchors:
    """Where a hat of one of the kinds sits."""
    u, v = project(pose, 0, -0.285, 0.02)
    return HeadwearAnchors(
        worn=flag(params, "headwear", *kinds),
        straw=flag(params, "headwear", "straw hat"),
        u=u,
        v=v,
        half_width=traits.face + traits.hair.side.clamp(0, 0.09) + 0.032,
        dome=traits.hair.top.clamp(0, 0.04),
        sin_yaw=pose.sin_yaw,
        sin_pitch=pose.sin_pitch,
        cos_pitch=pose.cos_pitch,
        side=traits.part_side,
    )


def headphone_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> HeadwearAnchors:
    """Where headphones sit."""
    anchors = hat_anchors(params, pose, traits, "headphones")
    u, v = project(pose, 0, -0.08, -0.02)
    width = traits.face + traits.hair.side.clamp(0, 0.12) + 0.04
    return anchors._replace(
        u=u, v=v, half_width=width * (0.86 + 0.14 * pose.cos_yaw), dome=0.45 + traits.hair.top.clamp(0, 0.20) + 0.02
    )


def draw_hat(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A brimmed felt hat with a band and a dented crown, or a wide straw hat with a coloured ribbon."""
    u, v, width, worn, straw = frame.u, frame.v, anchors.half_width, anchors.worn, anchors.straw
    du, dv = u - anchors.u, v - anchors.v
    above_base = v - (anchors.v + (0.22 * du**2 - anchors.sin_pitch * 0.16))
    crown = rounded_box(du * (1 + 0.30 * (-dv).clamp(min=0)), dv + 0.13, width, 0.235, 0.13 + 0.05 * straw)
    dent = ellipse(du, dv + 0.42, 0.17, 0.085) * (1 - straw) + straw
    crown = smooth_max(smooth_max(crown, -dent, 0.05), above_base - 0.01, 0.01)
    brim_v = above_base - 0.015 - 0.02 * anchors.cos_pitch
    reach = 0.19 + 0.13 * straw
    brim = ellipse(du - anchors.sin_yaw * 0.10, brim_v, width + reach, 0.062 + 0.09 * anchors.sin_pitch.abs())
    canvas = paint(canvas, smoothstep(0.12, -0.02, brim - 0.04) * worn * (dv > 0) * in_head, traits.skin_shadow, 0.66)
    weave = 1 + 0.04 * torch.sin(u * 160) * torch.sin(v * 160)
    plait = 1 + 0.09 * torch.sin(u * 120 + 2 * torch.sin(v * 170)) * torch.sin(v * 130)
    felt = blend(shade(traits.hat_colour, weave), shade(constant(u, 0.93, 0.77, 0.48), plait), straw)
    canvas = cover(canvas, frame.coverage(crown) * worn, felt, du / width * 0.9, (dv + 0.2) * 1.1, 0.12)
    band = frame.coverage(torch.maximum(crown, -(above_base + 0.085))) * worn
    dark = blend(shade(traits.hat_colour, 0.35), traits.black, 0.3)
    canvas = paint(canvas, band, blend(dark, traits.hat_colour, straw))
    on_brim = frame.coverage(brim) * worn
    canvas = cover(canvas, on_brim, shade(felt, 0.96), du * 0.6, -0.25 + above_base * 5, 0.12)
    return darken(canvas, on_brim * smoothstep(0.0, 0.05, above_base - 0.02), 0.72)


def draw_beanie(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A knit cap with a folded rim and a pompom."""
    width, worn = anchors.half_width, anchors.worn
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    above_base = dv - 0.045 - (0.30 * du**2 - anchors.sin_pitch * 0.10)
    across = du / width
    pompom = (du**2 + (dv + 0.37) ** 2).sqrt() - 0.082 - 0.008 * torch.sin(torch.atan2(dv + 0.37, du) * 17)
    pale = blend(traits.hat_colour, traits.pure_white, 0.55)
    canvas = cover(canvas, frame.coverage(pompom) * worn, pale, du * 8, (dv + 0.37) * 8, 0.05)
    dome = smooth_max(ellipse(du, dv + 0.02, width, 0.32 + anchors.dome), above_base - 0.02, 0.02)
    ribs = torch.sin(across * 30 * (1 + 0.4 * across**2))
    wool = shade(traits.hat_colour, 1 + 0.07 * ribs)
    canvas = cover(canvas, frame.coverage(dome) * worn, wool, across * 0.9 + 0.12 * ribs, dv * 2.0, 0.08)
    rim = rounded_box(du, above_base + 0.035, width + 0.018, 0.070, 0.045)
    ribs = torch.sin(across * 38)
    shadow = smoothstep(0.07, -0.01, rim - 0.02) * in_head * worn * (above_base > 0)
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.6)
    wool = shade(traits.hat_colour, 0.90 + 0.09 * ribs)
    normal_y = (above_base + 0.035) * 5
    return cover(canvas, frame.coverage(rim) * worn, wool, across * 0.85 + 0.2 * ribs, normal_y, 0.08)


def draw_cap(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A baseball cap with a visor that follows the head's turn."""
    width, worn = anchors.half_width, anchors.worn
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    base = dv + 0.005 - (0.25 * du**2 - anchors.sin_pitch * 0.10)
    dome = smooth_max(ellipse(du, dv + 0.01, width, 0.295 + anchors.dome), base - 0.02, 0.02)
    seams = 1 - 0.16 * torch.exp(-(((du.abs() - 0.55 * width * smoothstep(-0.32, 0.0, dv)) / 0.006) ** 2))
    seams = seams * (1 - 0.16 * torch.exp(-(((du - 0.25 * anchors.sin_yaw) / 0.005) ** 2)))
    canvas = cover(canvas, frame.coverage(dome) * worn, shade(traits.hat_colour, seams), du / width * 0.9, dv * 2, 0.14)
    button = ((du / 0.026) ** 2 + ((dv + 0.305 + anchors.dome) / 0.014) ** 2).sqrt() - 1
    canvas = cover(canvas, smoothstep(0.2, -0.2, button) * worn, shade(traits.hat_colour, 0.85), du * 12, -0.5, 0.1)
    vu = du - anchors.sin_yaw * 0.20
    visor_v = base - 0.045 + 0.55 * vu**2
    visor = ellipse(vu, visor_v - 0.010, width * 0.86, 0.075 + 0.10 * anchors.sin_pitch.clamp(min=-0.3).abs())
    visor = smooth_max(visor, -visor_v - 0.035, 0.02)
    shadow = smoothstep(0.10, -0.02, visor - 0.03) * in_head * worn * (base > 0)
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.62)
    on_visor = frame.coverage(visor) * worn
    colour = shade(traits.hat_colour, 0.82 - 0.20 * smoothstep(0.02, 0.08, visor_v))
    canvas = darken(canvas, smoothstep(0.03, 0.0, visor) * frame.coverage(dome) * worn * 0.7, 0.6)
    return cover(canvas, on_visor, colour, vu * 0.8, -0.45 + visor_v * 4, 0.2)


def draw_beret(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A soft beret that leans to one side."""
    width, worn = anchors.half_width, anchors.worn
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    lean = du * anchors.side * 0.16
    base = dv + 0.045 - 0.22 * du**2 - lean * 0.5 + anchors.sin_pitch * 0.10
    puff = ellipse(du - 0.05 * anchors.side, dv + 0.125 - lean, width + 0.075, 0.205)
    puff = smooth_max(puff, base - 0.02, 0.05)
    shadow = smoothstep(0.07, -0.01, puff - 0.01) * in_head * worn * (base > 0)
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.55)
    folds = 1 + 0.05 * torch.sin(du * 16 + dv * 10)
    colour = shade(traits.hat_colour, folds)
    canvas = cover(canvas, frame.coverage(puff) * worn, colour, du / width * 0.75, (dv + 0.16) * 3.2, 0.06)
    stalk = rounded_box(du - 0.05 * anchors.side, dv + 0.335, 0.012, 0.022, 0.008)
    canvas = paint(canvas, frame.coverage(stalk) * worn, shade(traits.hat_colour, 0.7))
    band = smoothstep(0.035, 0.03, (base - 0.0).abs()) * frame.coverage(du.abs() - width) * frame.coverage(puff)
    return darken(canvas, band * worn, 0.72)


def draw_headphones(canvas: Canvas, frame: Frame, anchors: HeadwearAnchors, traits: Traits) -> Canvas:
    """A dark band and two coloured cups; the near cup looks wider."""
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    band = ellipse(du, dv, anchors.half_width, anchors.dome).abs() - 0.026
    band = torch.maximum(band, dv - 0.02)
    metal = tuple(lerp(channel * 1.8, 0.5, 0.10) for channel in traits.black)
    canvas = cover(canvas, frame.coverage(band) * anchors.worn, metal, du * 1.5, dv * 1.2, 0.6)
    for side in (-1.0, 1.0):
        cup_u, cup_v = du - side * anchors.half_width, dv - 0.09
        turned = side * anchors.sin_yaw
        half = 0.075 + 0.05 * smoothstep(0.0, 0.5, -turned) - 0.02 * smoothstep(0.0, 0.5, turned)
        cup = rounded_box(cup_u, cup_v, half, 0.135, 0.06)
        coverage = frame.coverage(cup) * anchors.worn
        canvas = cover(canvas, coverage, traits.hat_colour, cup_u / half * 0.7, cup_v * 5, 0.45)
        canvas = darken(canvas, frame.coverage(cup + 0.035) * anchors.worn, 0.82)
    return canvas
