"""Mouth: lips, teeth, tongue, and the folds around it."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, darken, paint, shade, tint
from .distance import bump, ellipse, ridge, segment, smoothstep
from .frame import Frame, Pose, project
from .head import HeadAnchors, both_sides
from .traits import Traits, column


class MouthAnchors(NamedTuple):
    """All [B,1,1]."""

    u: Tensor
    v: Tensor
    height: Tensor  # y on the unturned head
    half_width: Tensor
    curve: Tensor  # how far the corners are lifted
    opening: Tensor
    lip: Tensor  # thickness
    lip_colour: Colour
    foreshortening: Tensor  # cosine of yaw
    turn: Tensor  # sine of yaw
    folds: tuple[Tensor, ...]  # upper ends of the nasolabial folds: u0 v0 u1 v1


class MouthPlanes(NamedTuple):
    """Mouth coordinates [B,H,W]; lines and edges are heights like `down`."""

    across: Tensor  # from the centre, unforeshortened
    t: Tensor  # -1 … 1 from corner to corner
    down: Tensor  # v from the centre
    profile: Tensor  # 1 in the middle, 0 at the corners
    centre_line: Tensor  # where the lips meet
    upper_line: Tensor  # where the upper and the lower lip end inside
    lower_line: Tensor
    upper_edge: Tensor  # where they end outside
    lower_edge: Tensor


def mouth_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, head: HeadAnchors) -> MouthAnchors:
    """Anchors of the mouth for the expression."""
    smile, sad, surprised = traits.smile, traits.sad, traits.surprised
    height = 0.232 + traits.length * 0.75
    u, v = project(pose, 0, height, 0.37)
    opening = 0.070 * traits.big_smile + 0.085 * surprised + 0.020 * traits.slight_smile + 0.03 * traits.wink
    red = constant(u, 0.80, 0.22, 0.26)
    lips = blend(tint(traits.skin, 0.93, 0.66, 0.64), red, column(params, "lip_red") * 0.8)
    return MouthAnchors(
        u=u,
        v=v,
        height=height,
        half_width=column(params, "mouth_w") * (1 + 0.24 * smile - 0.34 * surprised - 0.06 * sad),
        curve=0.042 * smile - 0.032 * sad - 0.006 * surprised + 0.014,
        opening=opening,
        lip=0.026 * column(params, "lip") * (1 - 0.18 * smile),
        lip_colour=tuple(torch.where(traits.skin_tone < 0.45, channel * 0.86, channel) for channel in lips),
        foreshortening=pose.cos_yaw,
        turn=pose.sin_yaw,
        folds=both_sides(pose, head.nose_width + 0.022, traits.nose_height + 0.015, 0.36),
    )


def mouth_planes(frame: Frame, anchors: MouthAnchors) -> MouthPlanes:
    """Coordinates of the mouth and the edges of its lips."""
    lip, opening, curve = anchors.lip, anchors.opening, anchors.curve
    across = (frame.u - anchors.u) / anchors.foreshortening
    t = (across + across * across * 0.9 * anchors.turn) / anchors.half_width  # the far side foreshortens more
    squared = t * t
    profile = (1 - squared).clamp(min=0)
    centre_line = -curve * (squared - 0.35)
    upper_line = centre_line - opening * 0.30 * profile
    lower_line = centre_line + opening * profile.sqrt() * 0.85
    bow = 1 - 0.30 * ridge(t, 0.16) + 0.10 * ridge(t.abs() - 0.3, 0.2)
    return MouthPlanes(
        across=across,
        t=t,
        down=frame.v - anchors.v,
        profile=profile,
        centre_line=centre_line,
        upper_line=upper_line,
        lower_line=lower_line,
        upper_edge=upper_line - lip * 0.80 * profile**0.75 * bow,
        lower_edge=lower_line + lip * 1.10 * profile**0.6,
    )


def draw_mouth(canvas: Canvas, frame: Frame, anchors: MouthAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """Lips with what shows between them, their shadow, and the folds beside them."""
    planes = mouth_planes(frame, anchors)
    t, down, lip = planes.t, planes.down, anchors.lip
    between = smoothstep(1.02, 0.98, t.abs())

    lips = frame.coverage(torch.maximum(planes.upper_edge - down, down - planes.lower_edge)) * between
    shading = 1 - 0.16 * smoothstep(0.0, -0.02, down - planes.centre_line)
    shading = shading + 0.10 * bump(t, down - planes.lower_line - lip * 0.5, 0.4, 0.012)
    canvas = darken(canvas, bump(t, down - planes.lower_edge - 0.018, 0.55, 0.016) * 0.8 * in_head, 0.80)
    canvas = paint(canvas, lips, shade(anchors.lip_colour, shading))
    highlight = bump(t - 0.1, down - planes.lower_line - lip * 0.42, 0.38, 0.006) * lips
    canvas = paint(canvas, highlight, traits.pure_white, 0.30)
    canvas = draw_inside(canvas, frame, anchors, traits, planes)
    closed_line = ridge(down - planes.centre_line, 0.0065) * between * (anchors.opening < 0.005)
    canvas = paint(canvas, closed_line, shade(anchors.lip_colour, 0.42), 0.85)
    canvas = draw_folds(canvas, frame, anchors, traits, in_head)
    for side in (-1.0, 1.0):
        corner = bump(t - side * 1.05, down + anchors.curve * 0.70, 0.07, 0.014) * in_head
        canvas = paint(canvas, corner, shade(traits.skin_shadow, 0.8), 0.35 + 0.3 * traits.smile)
    return canvas


def draw_inside(canvas: Canvas, frame: Frame, anchors: MouthAnchors, traits: Traits, planes: MouthPlanes) -> Canvas:
    """The open mouth: dark inside, upper teeth, tongue."""
    across, down, opening = planes.across, planes.down, anchors.opening
    inside = frame.coverage(torch.maximum(planes.upper_line - down, down - planes.lower_line) + 0.001)
    inside = inside * smoothstep(0.97, 0.93, planes.t.abs()) * (opening > 0.005)
    canvas = paint(canvas, inside, constant(across, 0.30, 0.07, 0.09))
    share = 0.62 * traits.big_smile + 0.75 * traits.slight_smile + 0.7 * traits.wink + 0.22 * traits.surprised
    teeth_end = planes.upper_line + (opening * share) * planes.profile.sqrt().clamp(min=0.2)
    teeth = inside * frame.coverage(down - teeth_end)
    canvas = paint(canvas, teeth, constant(across, 0.97, 0.96, 0.94))
    canvas = darken(canvas, teeth * smoothstep(0.010, 0.0, down - planes.upper_line), 0.80)
    tongue = ellipse(across, down - opening * 0.80, anchors.half_width * 0.55, opening.clamp(min=0.01) * 0.38)
    tongue = inside * frame.coverage(tongue) * (1 - teeth)
    return paint(canvas, tongue, constant(across, 0.86, 0.38, 0.40), 0.9)


def draw_folds(canvas: Canvas, frame: Frame, anchors: MouthAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """Nasolabial folds, deeper with age and smiling."""
    strength = (0.06 + 0.36 * smoothstep(0.25, 0.85, traits.age) + 0.16 * traits.smile).clamp(max=0.5)
    for i, side in ((0, -1.0), (2, 1.0)):
        top_u, top_v = anchors.folds[i], anchors.folds[i + 1]
        end_u = anchors.u + side * (anchors.half_width + 0.028) * anchors.foreshortening
        end_v = anchors.v + 0.005 - anchors.curve * 0.5
        bend = 0.018 * torch.sin(((frame.v - top_v) / (end_v - top_v)).clamp(0, 1) * 3.14)
        distance, _ = segment(frame.u - side * bend, frame.v, top_u, top_v, end_u, end_v)
        canvas = paint(canvas, ridge(distance, 0.009) * in_head, traits.skin_shadow, strength)
    return canvas
