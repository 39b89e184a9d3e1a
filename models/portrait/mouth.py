"""Mouth: lips, teeth, tongue, and the folds around it."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, darken, paint, shade, tint
from .distance import bump, ellipse, lerp, ridge, segment, smoothstep
from .frame import Frame, Pose, project
from .head import HeadAnchors, both_sides
from .traits import Traits, column, flag

NOSE_TO_MOUTH = 0.118  # from the tip of the nose to where the lips meet, on the average face


class MouthAnchors(NamedTuple):
    """All [B,1,1]."""

    u: Tensor
    v: Tensor
    height: Tensor  # y on the unturned head
    half_width: Tensor
    curve: Tensor  # how far the corners are lifted
    opening: Tensor
    upper: Tensor  # thickness of both lips
    lower: Tensor
    bow: Tensor  # 0–1
    lip_colour: Colour
    foreshortening: Tensor  # cosine of yaw
    turn: Tensor  # sine of yaw
    folds: tuple[Tensor, ...]  # upper ends of the nasolabial folds: u0 v0 u1 v1
    philtrum: tuple[Tensor, ...]  # u, v of its upper end
    dimples: Tensor  # 0–1


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
    smile, sad, surprised, angry = traits.smile, traits.sad, traits.surprised, traits.angry
    height = traits.nose_height + NOSE_TO_MOUTH + column(params, "philtrum") + traits.length * 0.3
    u, v = project(pose, 0, height, 0.37)
    opening = 0.072 * traits.big_smile + 0.085 * surprised + 0.026 * traits.slight_smile + 0.03 * traits.wink
    lips = blend(tint(traits.skin, 0.93, 0.66, 0.64), constant(u, 0.82, 0.25, 0.28), column(params, "lip_red") * 0.8)
    thin = 1 - 0.30 * smoothstep(0.4, 1.0, traits.age)
    return MouthAnchors(
        u=u,
        v=v,
        height=height,
        half_width=column(params, "mouth_w") * (1 + 0.24 * smile - 0.34 * surprised - 0.06 * sad),
        curve=0.040 * smile - 0.036 * sad - 0.006 * surprised - 0.022 * angry + 0.016 + column(params, "corner"),
        opening=opening,
        upper=0.021 * column(params, "lip_up") * (1 - 0.18 * smile) * thin * (1 - 0.3 * angry),
        lower=0.029 * column(params, "lip_low") * (1 - 0.14 * smile) * thin * (1 - 0.2 * angry),
        bow=column(params, "bow"),
        lip_colour=tuple(lerp(channel, channel * 0.86, (traits.skin_tone < 0.45).float()) for channel in lips),
        foreshortening=pose.cos_yaw,
        turn=pose.sin_yaw,
        folds=both_sides(pose, head.nose_width + 0.022, traits.nose_height + 0.015, 0.36),
        philtrum=project(pose, 0, traits.nose_height + 0.045, 0.41),
        dimples=column(params, "dimples").clamp(min=0)
        * (0.05 + 0.95 * smile)
        * (1 - flag(params, "expr", "surprised", "angry")),
    )


def mouth_planes(frame: Frame, anchors: MouthAnchors) -> MouthPlanes:
    """Coordinates of the mouth and the edges of its lips."""
    opening, curve = anchors.opening, anchors.curve
    across = (frame.u - anchors.u) / anchors.foreshortening
    t = (across + across * across * 0.9 * anchors.turn) / anchors.half_width  # the far side foreshortens more
    squared = t * t
    profile = (1 - squared).clamp(min=0)
    dip = 0.004 * anchors.bow * (ridge(t, 0.22) - 0.6 * ridge(t.abs() - 0.42, 0.22))
    centre_line = -curve * (squared - 0.35) + dip
    upper_line = centre_line - opening * 0.30 * profile
    lower_line = centre_line + opening * profile.sqrt() * 0.85
    bow = 1 - 0.42 * anchors.bow * ridge(t, 0.15) + 0.16 * anchors.bow * ridge(t.abs() - 0.30, 0.18)
    return MouthPlanes(
        across=across,
        t=t,
        down=frame.v - anchors.v,
        profile=profile,
        centre_line=centre_line,
        upper_line=upper_line,
        lower_line=lower_line,
        upper_edge=upper_line - anchors.upper * profile**0.75 * bow,
        lower_edge=lower_line + anchors.lower * profile**0.6,
    )


def draw_mouth(canvas: Canvas, frame: Frame, anchors: MouthAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """Lips with what shows between them, their shadow, and the folds beside them."""
    planes = mouth_planes(frame, anchors)
    t, down, lower = planes.t, planes.down, anchors.lower
    between = smoothstep(1.02, 0.98, t.abs())
    groove = ridge(frame.u - lerp(anchors.philtrum[0], anchors.u, 0.5), 0.010)
    groove = groove * smoothstep(0.0, 0.012, frame.v - anchors.philtrum[1]) * smoothstep(0.0, -0.012, down + 0.022)
    canvas = paint(canvas, groove * in_head, traits.skin_shadow, 0.22)

    lips = smoothstep(0.006, -0.004, torch.maximum(planes.upper_edge - down, down - planes.lower_edge)) * between
    shading = 1 - 0.14 * smoothstep(0.0, -0.02, down - planes.centre_line)
    shading = shading + 0.10 * bump(t, down - planes.lower_line - lower * 0.5, 0.4, 0.012)
    canvas = paint(canvas, bump(t, down - planes.lower_edge - 0.017, 0.50, 0.016) * in_head, traits.skin_shadow, 0.36)
    canvas = paint(canvas, lips, shade(anchors.lip_colour, shading))
    highlight = bump(t - 0.1, down - planes.lower_line - lower * 0.42, 0.36, 0.006) * lips
    canvas = paint(canvas, highlight, traits.pure_white, 0.28)
    canvas = draw_inside(canvas, frame, anchors, traits, planes)
    closed_line = ridge(down - planes.centre_line, 0.0060) * between * (anchors.opening < 0.005)
    canvas = paint(canvas, closed_line, tint(anchors.lip_colour, 0.50, 0.36, 0.36), 0.85)
    canvas = draw_folds(canvas, frame, anchors, traits, in_head)
    for side in (-1.0, 1.0):
        corner = bump(t - side * 1.04, down + anchors.curve * 0.66, 0.07, 0.013) * in_head
        canvas = paint(canvas, corner, shade(traits.skin_shadow, 0.8), 0.34 + 0.25 * traits.smile)
        dimple = bump(planes.across - side * (anchors.half_width + 0.050), down + anchors.curve + 0.012, 0.008, 0.024)
        canvas = paint(canvas, dimple * in_head, traits.skin_shadow, 0.55 * anchors.dimples)
    return canvas


def draw_inside(canvas: Canvas, frame: Frame, anchors: MouthAnchors, traits: Traits, planes: MouthPlanes) -> Canvas:
    """The open mouth: dark inside, upper teeth, tongue."""
    across, down, opening = planes.across, planes.down, anchors.opening
    inside = frame.coverage(torch.maximum(planes.upper_line - down, down - planes.lower_line) + 0.001)
    inside = inside * smoothstep(0.97, 0.93, planes.t.abs()) * (opening > 0.005)
    canvas = paint(canvas, inside, constant(across, 0.34, 0.09, 0.10))
    share = 0.62 * traits.big_smile + 0.85 * traits.slight_smile + 0.8 * traits.wink + 0.22 * traits.surprised
    teeth_end = planes.upper_line + (opening * share) * planes.profile.sqrt().clamp(min=0.2)
    teeth = inside * frame.coverage(down - teeth_end)
    canvas = paint(canvas, teeth, constant(across, 0.985, 0.975, 0.955))
    canvas = darken(canvas, teeth * smoothstep(0.010, 0.0, down - planes.upper_line), 0.82)
    canvas = darken(canvas, teeth * smoothstep(0.6, 0.95, planes.t.abs()), 0.80)
    tongue = ellipse(across, down - opening * 0.80, anchors.half_width * 0.55, opening.clamp(min=0.01) * 0.38)
    tongue = inside * frame.coverage(tongue) * (1 - teeth)
    return paint(canvas, tongue, constant(across, 0.88, 0.42, 0.42), 0.9)


def draw_folds(canvas: Canvas, frame: Frame, anchors: MouthAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """Nasolabial folds, deeper with age and smiling; lines from the corners down to the chin with age."""
    old = smoothstep(0.30, 0.9, traits.age)
    strength = (0.03 + 0.40 * old + 0.15 * traits.smile).clamp(max=0.5)
    for i, side in ((0, -1.0), (2, 1.0)):
        top_u, top_v = anchors.folds[i], anchors.folds[i + 1]
        end_u = anchors.u + side * (anchors.half_width + 0.028) * anchors.foreshortening
        end_v = anchors.v + 0.005 - anchors.curve * 0.5
        bend = 0.018 * torch.sin(((frame.v - top_v) / (end_v - top_v)).clamp(0, 1) * 3.14)
        distance, _ = segment(frame.u - side * bend, frame.v, top_u, top_v, end_u, end_v)
        canvas = paint(canvas, ridge(distance, 0.010) * in_head, traits.skin_shadow, strength)
        distance, _ = segment(frame.u, frame.v, end_u, end_v + 0.030, end_u + side * 0.006, end_v + 0.085)
        canvas = paint(canvas, ridge(distance, 0.009) * in_head, traits.skin_shadow, 0.36 * old)
    return canvas
