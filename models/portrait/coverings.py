"""Head coverings and ornaments: headband, flower crown, kippah, turban, head wrap, hijab."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, blend, cover, darken, paint, shade
from .distance import bump, ellipse, hash_1d, lerp, ridge, segment, smooth_max, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, flag

FLOWERS = 9


class CoveringAnchors(NamedTuple):
    """All [B,1,1]."""

    headband: Tensor  # flags
    flowers: Tensor
    kippah: Tensor
    turban: Tensor
    wrap: Tensor
    hijab: Tensor
    u: Tensor  # middle of the hairline
    v: Tensor
    top_u: Tensor  # top of the skull
    top_v: Tensor
    face_u: Tensor
    face_v: Tensor
    half_width: Tensor
    over_hair: Tensor  # half width with the hair
    height: Tensor
    face: Tensor
    chin_v: Tensor
    sin_yaw: Tensor
    side: Tensor


def covering_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> CoveringAnchors:
    """Where coverings sit."""
    u, v = project(pose, 0, -0.285, 0.20)
    top_u, top_v = project(pose, 0, -0.53, -0.05)
    face_u, face_v = project(pose, 0, 0.06, 0.20)
    kinds = ("headband", "flower crown", "kippah", "turban", "head wrap", "hijab")
    return CoveringAnchors(
        *(flag(params, "headwear", kind) for kind in kinds),
        u=u,
        v=v,
        top_u=top_u,
        top_v=top_v,
        face_u=face_u,
        face_v=face_v,
        half_width=traits.face + 0.030,
        over_hair=traits.face + traits.hair.side.clamp(0, 0.2) + 0.006,
        height=traits.hair.top.clamp(0, 0.25),
        face=traits.face,
        chin_v=traits.chin_v,
        sin_yaw=pose.sin_yaw,
        side=traits.part_side,
    )


def draw_headband(canvas: Canvas, frame: Frame, at: CoveringAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A band across the hair above the forehead."""
    du, dv = frame.u - at.u, frame.v - at.v
    line = dv + 0.075 - 0.55 * du**2
    band = torch.maximum(line.abs() - 0.036, du.abs() - at.over_hair)
    coverage = frame.coverage(band) * at.headband
    return cover(canvas, coverage, traits.hat_colour, du / at.over_hair * 0.85, line * 12, 0.2)


def draw_flowers(canvas: Canvas, frame: Frame, at: CoveringAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A crown of flowers in the headwear's colour and paler ones, with leaves."""
    du, dv = frame.u - at.u, frame.v - at.v
    line = dv + 0.085 - 0.50 * du**2
    leaf = torch.sin(du * 60) * 0.02
    leaves = torch.maximum((line + leaf).abs() - 0.022, du.abs() - at.over_hair * 0.98)
    green = (0.30 + 0 * du, 0.52 + 0 * du, 0.28 + 0 * du)
    canvas = cover(canvas, frame.coverage(leaves) * at.flowers, green, du, line * 5, 0.1)
    for i in range(FLOWERS):
        place = (i / (FLOWERS - 1) * 2 - 1) * 0.97
        x = at.over_hair * place
        noise = hash_1d(torch.full_like(x, i + 1.7))
        radius = 0.052 + 0.022 * noise
        fu, fv = du - x, dv + 0.085 - 0.50 * x**2 + 0.020 * (noise - 0.5)
        angle = torch.atan2(fv, fu)
        distance = (fu**2 + fv**2).sqrt()
        petals = distance - radius * (0.82 + 0.18 * torch.cos(angle * 5 + i))
        colour = blend(traits.hat_colour, traits.pure_white, 0.60 * (i % 3 == 1) + 0.25 * (i % 3 == 2))
        colour = shade(colour, 0.80 + 0.25 * smoothstep(0.0, 1.0, distance / radius))
        coverage = frame.coverage(petals) * at.flowers
        canvas = cover(canvas, coverage, colour, fu / radius * 0.4, fv / radius * 0.4, 0.08)
        heart = frame.coverage(distance - radius * 0.28) * at.flowers
        canvas = paint(canvas, heart, (0.97 + 0 * fu, 0.80 + 0 * fu, 0.30 + 0 * fu))
    return canvas


def draw_kippah(canvas: Canvas, frame: Frame, at: CoveringAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A small cap on the crown, edged."""
    du, dv = frame.u - at.top_u, frame.v - at.top_v + at.height
    cap = smooth_max(ellipse(du, dv - 0.060, 0.220, 0.088), dv - 0.046 - 0.9 * du**2, 0.02)
    coverage = frame.coverage(cap) * at.kippah
    canvas = cover(canvas, coverage, traits.hat_colour, du * 3, -0.5 + dv * 3, 0.12)
    edge = ridge(dv - 0.030 - 0.9 * du**2, 0.008) * coverage
    return paint(canvas, edge, blend(traits.hat_colour, traits.pure_white, 0.6))


def draw_turban(canvas: Canvas, frame: Frame, at: CoveringAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A wound turban: folds cross above the forehead."""
    du, dv = frame.u - at.u, frame.v - at.v
    x = du - 0.10 * at.sin_yaw
    base = dv - 0.030 - 1.15 * x.abs() ** 1.5 + 0.05 * smoothstep(0.06, 0.0, x.abs())
    dome = ellipse(du, dv + 0.035, at.half_width + 0.070, 0.325)
    close = ellipse(frame.u - at.face_u * 0.4, frame.v + 0.11, at.half_width + 0.008, 0.44)
    distance = smooth_max(smooth_min(dome, close, 0.05), base, 0.03)
    shadow = smoothstep(0.07, -0.02, distance) * in_head * at.turban * (base > 0)
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.6)
    side = torch.where(x * at.side > 0, 1.0, 0.62)
    wound = (dv * side + x.abs() * 0.50 * side) * 46
    folds = torch.sin(wound + 0.6 * torch.sin(x * 9))
    colour = shade(traits.hat_colour, 0.93 + 0.16 * folds)
    normal_x, normal_y = du / at.half_width * 0.75, (dv + 0.05) * 2.2 + 0.30 * torch.cos(wound)
    coverage = frame.coverage(distance) * at.turban
    canvas = cover(canvas, coverage, colour, normal_x, normal_y, 0.08)
    crossing = smoothstep(0.010, 0.0, (x - 0.25 * (dv + 0.10) * at.side).abs()) * smoothstep(-0.24, -0.1, dv)
    return darken(canvas, crossing * coverage, 0.78)


def draw_wrap(canvas: Canvas, frame: Frame, at: CoveringAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A tall head wrap with a knot on one side, patterned in a second tone."""
    du, dv = frame.u - at.u, frame.v - at.v
    base = dv - 0.005 - 1.1 * du**2
    dome = ellipse(du, dv + 0.10, at.half_width + 0.045, 0.27)
    tall = ellipse(du * 0.96 + 0.06 * at.side, dv + 0.26, at.half_width + 0.015, 0.20)
    close = ellipse(frame.u - at.face_u * 0.4, frame.v + 0.11, at.half_width + 0.008, 0.44)
    distance = smooth_max(smooth_min(smooth_min(dome, tall, 0.06), close, 0.04), base, 0.02)
    shadow = smoothstep(0.07, -0.02, distance) * in_head * at.wrap * (base > 0)
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.6)
    flow = (dv * 0.9 - du * at.side * 0.45 + 0.8 * du**2) * 34
    folds = torch.sin(flow + 0.8 * torch.sin(du * 7))
    pale = blend(traits.hat_colour, traits.pure_white, 0.62)
    print_ = smoothstep(0.55, 0.75, torch.sin(du * 44 + folds) * torch.sin(dv * 44))
    colour = shade(blend(traits.hat_colour, pale, print_ * 0.85), 0.93 + 0.10 * folds)
    coverage = frame.coverage(distance) * at.wrap
    normal_x, normal_y = du / at.half_width * 0.75, (dv + 0.12) * 1.8 + 0.28 * torch.cos(flow)
    canvas = cover(canvas, coverage, colour, normal_x, normal_y, 0.10)
    ku, kv = du - 0.15 * at.side, dv + 0.16
    for lean in (-0.6, 0.6):
        loop = ellipse(ku * 0.8 + kv * lean, kv * 0.8 - ku * lean + 0.06, 0.060, 0.125)
        shaded = shade(traits.hat_colour, 0.95 + 0.2 * torch.sin(ku * 40) * 0.5)
        canvas = darken(canvas, smoothstep(0.04, 0.0, loop) * coverage * 0.6, 0.7)
        canvas = cover(canvas, frame.coverage(loop) * at.wrap, shaded, ku * 7, kv * 4 - 0.2, 0.10)
    knot = ellipse(ku, kv - 0.01, 0.050, 0.042)
    canvas = darken(canvas, smoothstep(0.03, 0.0, knot) * at.wrap * 0.6, 0.7)
    return cover(canvas, frame.coverage(knot) * at.wrap, traits.hat_colour, ku * 12, kv * 12, 0.1)


def draw_hijab(canvas: Canvas, frame: Frame, at: CoveringAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A scarf around head, neck and shoulders; the face is open from the forehead to the chin."""
    u, v = frame.u, frame.v
    du, dv = u - at.face_u, v - at.face_v
    head = ellipse(u - at.top_u * 0.5, v + 0.08, at.half_width + 0.065, 0.515)
    drape = ellipse(frame.x, frame.y - 0.88, 0.50, 0.40)
    distance = smooth_min(head, drape, 0.20)
    below = (at.chin_v + 0.115 - at.face_v).clamp(min=0.2)
    height = torch.where(dv < 0, 0.355, below)
    half = at.face * (0.90 - 0.14 * smoothstep(0.05, 0.40, dv))
    opening = (((du / half).abs() ** 2.3 + (dv / height).abs() ** 2.3) ** (1 / 2.3) - 1) * 0.30
    shadow = smoothstep(-0.085, 0.0, opening) * in_head * at.hijab
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.55)
    cloth = smooth_max(distance, -opening, 0.012)
    angle = torch.atan2(du, dv)
    around = torch.sin(opening * 46 + 1.2 * torch.sin(angle * 3 + 1))
    fall, _ = segment(u, v, at.face_u - at.side * 0.30, at.chin_v + 0.05, at.face_u + at.side * 0.22, at.chin_v + 0.40)
    draped = torch.sin(fall * 52 + 2 * u)
    folds = lerp(around * smoothstep(0.30, 0.05, opening), draped, smoothstep(0.38, 0.62, v))
    colour = shade(traits.hat_colour, 0.95 + 0.12 * folds)
    colour = shade(colour, 1 - 0.30 * smoothstep(0.05, 0.0, opening))
    under_chin = bump(du, v - at.chin_v - 0.21, 0.26, 0.10)
    colour = shade(colour, 1 - 0.28 * under_chin)
    normal_x = (u / (at.half_width + 0.10) * 0.85 + 0.14 * folds).clamp(-0.95, 0.95)
    normal_y = ((v + 0.05) * 0.9).clamp(-0.7, 0.5) + 0.14 * folds
    return cover(canvas, frame.coverage(cloth) * at.hijab, colour, normal_x, normal_y, 0.10)
