"""Gathered hair: buns, ponytail, braids."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, cover, paint, shade
from .distance import ellipse, segment, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits


class GatheredAnchors(NamedTuple):
    """Places [B,1,1] in the head frame."""

    buns: tuple[Tensor, ...]  # u0 v0 u1 v1; the same place twice for a single bun
    radius: Tensor
    tail: tuple[Tensor, ...]  # ponytail: three points u0 v0 u1 v1 u2 v2
    braids: tuple[tuple[Tensor, ...], ...]  # of both sides: root and end u0 v0 u1 v1
    worn: tuple[Tensor, Tensor]  # whether there is a braid on that side


def gathered_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> GatheredAnchors:
    """Where gathered hair begins and ends."""
    hair, side = traits.hair, params["part"].view(-1, 1, 1)
    points = ((0.22, 0.02, -0.24), (0.36, 0.36, -0.16), (0.33, 0.86, -0.02))
    apart = hair.bun_apart
    return GatheredAnchors(
        buns=project(pose, -1.0 * apart, hair.bun_height, -0.10) + project(pose, apart, hair.bun_height, -0.10),
        radius=hair.bun_radius,
        tail=tuple(coordinate for x, y, z in points for coordinate in project(pose, x * side, y, z)),
        braids=tuple(
            project(pose, s * traits.face * 0.95, 0.06, 0.02) + project(pose, s * traits.face * 0.80, 0.92, 0.22)
            for s in (-1.0, 1.0)
        ),
        worn=tuple(((hair.braids > 1.5) | ((hair.braids > 0.5) & (side * s > 0))).float() for s in (-1.0, 1.0)),
    )


def draw_buns(canvas: Canvas, frame: Frame, anchors: GatheredAnchors, traits: Traits) -> Canvas:
    """One or two knots of hair."""
    radius = anchors.radius.clamp(min=0.01)
    kinky = traits.hair.coily
    for i in (0, 2):
        du, dv = frame.u - anchors.buns[i], frame.v - anchors.buns[i + 1]
        angle = torch.atan2(dv, du)
        edge = (0.010 * torch.sin(angle * 15) + 0.006 * torch.sin(angle * 31)) * kinky
        distance = ellipse(du, dv, radius, radius * 0.94) - edge
        swirl = torch.sin((du * 1.2 + dv) * 55 + 3 * torch.sin(du * 14)) * 0.6 + 0.4 * torch.sin((du - dv) * 90)
        coils = torch.sin(du * 90 + 2 * torch.sin(dv * 70)) * torch.sin(dv * 88 + 2 * torch.sin(du * 64))
        tone = swirl + (coils - swirl) * kinky
        colour = shade(traits.hair_colour, (1 + 0.13 * tone) * (1 - 0.30 * smoothstep(0.0, 0.18, dv)))
        coverage = frame.coverage(distance) * (anchors.radius > 0) * (1 - traits.bald)
        canvas = cover(canvas, coverage, colour, du / radius * 0.85 + 0.1 * tone, dv / radius * 0.85, 0.36)
    return canvas


def draw_ponytail(canvas: Canvas, frame: Frame, anchors: GatheredAnchors, traits: Traits) -> Canvas:
    """A ponytail that falls from behind the head over one shoulder."""
    u, v = frame.u, frame.v
    u0, v0, u1, v1, u2, v2 = anchors.tail
    upper, t_upper = segment(u, v, u0, v0, u1, v1)
    lower, t_lower = segment(u, v, u1, v1, u2, v2)
    distance = smooth_min(upper - 0.070 - 0.04 * t_upper, lower - 0.11 + 0.07 * t_lower, 0.1)
    across = u * traits.part_side.sign() - v * 0.25
    tone = 0.6 * torch.sin(across * 60 + 1.5 * torch.sin(across * 17)) + 0.4 * torch.sin(across * 131)
    colour = shade(traits.hair_colour, 0.86 + 0.10 * tone)
    normal_x = ((u - u1) * 4 + 0.1 * tone).clamp(-0.9, 0.9)
    return cover(canvas, frame.coverage(distance) * traits.hair.ponytail, colour, normal_x, 0.0, 0.36)


def draw_braids(canvas: Canvas, frame: Frame, anchors: GatheredAnchors, traits: Traits) -> Canvas:
    """Plaited braids over the shoulders, tied at the end."""
    for points, worn in zip(anchors.braids, anchors.worn, strict=True):
        u0, v0, u1, v1 = points
        _, t = segment(frame.u, frame.v, u0, v0, u1, v1)
        across = frame.u - (u0 + (u1 - u0) * t)
        phase = t * 31.4
        width = (0.078 - 0.022 * t) * (1 + 0.11 * torch.sin(phase * 2)) * (1 + 0.5 * smoothstep(0.90, 1.0, t))
        distance, _ = segment(frame.u, frame.v, u0, v0, u1, v1)
        distance = distance - width
        plait = torch.sin(phase + across.abs() * 42 + (across > 0) * 3.14)
        tone = 0.75 + 0.22 * plait + 0.05 * torch.sin(across * 240 + phase)
        coverage = frame.coverage(distance) * worn
        tone = tone + 0.16 * smoothstep(0.5, 0.0, (across / width).abs())
        normal_x = (across / width * 0.8).clamp(-0.9, 0.9)
        canvas = cover(canvas, coverage, shade(traits.hair_colour, tone), normal_x, 0.25 * plait, 0.34)
        canvas = paint(canvas, coverage * smoothstep(0.012, 0.006, (t - 0.88).abs()), traits.accent)
    return canvas
