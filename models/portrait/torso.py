"""Neck, shoulders and garments."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, cover, darken, paint, shade
from .distance import ellipse, lerp, ridge, rounded_box, segment, smooth_max, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, column, flag

BODY_TOP = 0.10  # nothing of neck and garments is drawn above this y


class TorsoAnchors(NamedTuple):
    """Widths and garment flags (0 or 1), all [B,1,1]."""

    neck: Tensor  # half width
    shoulders: Tensor  # half width
    turn: Tensor  # sine of yaw
    jaw_u: Tensor  # the jaw, whose shadow falls on the neck
    v_neck: Tensor
    turtleneck: Tensor
    hoodie: Tensor
    suit: Tensor
    striped: Tensor
    tank: Tensor
    tie: Colour


class TorsoPlanes(NamedTuple):
    """Distances [B,H,W] that garments are cut from."""

    skin: Tensor
    body: Tensor  # the outermost layer of cloth
    round_neck: Tensor
    v_neck: Tensor


def torso_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> TorsoAnchors:
    """Widths of neck and shoulders, and which garment is worn; the tie has the colour of the headwear."""
    neck = column(params, "neck") * (1 - 0.12 * traits.feminine)
    return TorsoAnchors(
        neck=neck,
        shoulders=0.78 - 0.12 * traits.feminine + (neck - 0.14) * 0.8,
        turn=pose.sin_yaw,
        jaw_u=project(pose, 0, 0.27 + traits.length, 0.06)[0],
        v_neck=flag(params, "cloth", "v-neck", "suit"),
        turtleneck=flag(params, "cloth", "turtleneck"),
        hoodie=flag(params, "cloth", "hoodie"),
        suit=flag(params, "cloth", "suit"),
        striped=flag(params, "cloth", "striped shirt"),
        tank=flag(params, "cloth", "tank top"),
        tie=shade(traits.hat_colour, 0.85),
    )


def torso_planes(frame: Frame, anchors: TorsoAnchors) -> TorsoPlanes:
    """Neck and torso as one smooth body, and the two basic necklines."""
    x, y, neck = frame.x, frame.y, anchors.neck
    throat = rounded_box(x - anchors.turn * 0.03, y - 0.50, neck, 0.34, 0.04)
    torso = ellipse(x, y - 1.22, anchors.shoulders, 0.60)
    torso = smooth_min(torso, rounded_box(x, y - 0.98, neck * 0.9, 0.34, 0.05), 0.22)
    round_neck = smooth_min(
        ellipse(x, y - 0.575, neck + 0.035, 0.115), rounded_box(x, y - 0.45, neck + 0.03, 0.16, 0.02), 0.02
    )
    v_neck = torch.maximum(x.abs() * 0.86 + (y - 0.88) * 0.51, -(y - 0.3))
    v_neck = torch.where(anchors.suit > 0, v_neck, v_neck + 0.04)
    return TorsoPlanes(smooth_min(throat, torso, 0.08), torso - 0.012, round_neck, v_neck)


def draw_skin(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes, traits: Traits) -> Canvas:
    """Neck and chest with the jaw's shadow and the collar bones."""
    x, y = frame.x, frame.y
    under_jaw = (frame.u - anchors.jaw_u).abs() * 0.5 + (frame.v - 0.44 - traits.length)
    shading = 1 - 0.42 * smoothstep(0.16, -0.06, under_jaw) * smoothstep(0.75, 0.45, y)
    on_neck = smoothstep(0.62, 0.52, y)
    normal_x = lerp(x / anchors.shoulders * 0.9, (x / anchors.neck * 0.75).clamp(-1, 1), on_neck)
    normal_y = lerp((y - 1.0) * 0.7, 0.1, on_neck)
    canvas = cover(canvas, frame.coverage(planes.skin), shade(traits.skin, shading), normal_x, normal_y, 0.18)
    for side in (-1, 1):
        distance, _ = segment(x, y, side * 0.04, 0.665, side * 0.25, 0.615)
        canvas = darken(canvas, 0.30 * ridge(distance, 0.012) * smoothstep(0.0, -0.03, planes.skin), 0.72)
    return canvas


def garment_distance(frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes) -> Tensor:
    """Distance to the worn garment: its outer shape less its neck opening."""
    x, y, neck = frame.x, frame.y, anchors.neck
    tank_opening = smooth_min(
        ellipse(x, y - 0.61, neck + 0.10, 0.18), rounded_box(x, y - 0.45, neck + 0.10, 0.2, 0.02), 0.02
    )
    tank_opening = torch.minimum(tank_opening, 0.44 - x.abs() + 0.15 * (y - 0.9))
    hood_opening = smooth_min(
        ellipse(x, y - 0.60, neck + 0.045, 0.125), rounded_box(x, y - 0.45, neck + 0.035, 0.2, 0.02), 0.03
    )
    collar = rounded_box(x - anchors.turn * 0.02, y - 0.62, neck + 0.022, 0.15, 0.04)
    turtleneck = torch.minimum(planes.body, collar)
    hooded = smooth_min(planes.body, ellipse(x, y - 0.66, neck + 0.21, 0.155), 0.03)
    opening = torch.where(anchors.hoodie > 0, hood_opening, planes.round_neck)
    opening = torch.where(anchors.tank > 0, tank_opening, opening)
    opening = torch.where(anchors.v_neck > 0, planes.v_neck, opening)
    outer = torch.where(anchors.hoodie > 0, hooded, planes.body)
    return torch.where(anchors.turtleneck > 0, turtleneck, smooth_max(outer, -opening, 0.008))


def draw_shirt_and_tie(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes) -> Canvas:
    """What shows under a suit."""
    x, y = frame.x, frame.y
    coverage = frame.coverage(smooth_max(planes.body, -planes.round_neck - 0.01, 0.01)) * anchors.suit
    canvas = cover(canvas, coverage, constant(x, 0.94, 0.95, 0.98), x * 0.8, (y - 1.0) * 0.5, 0.1)
    tie = x.abs() - 0.036 - 0.05 * smoothstep(0.76, 1.1, y) + 0.016 * smoothstep(0.70, 0.76, y)
    return paint(canvas, frame.coverage(tie) * frame.coverage(0.665 - y) * anchors.suit, anchors.tie)


def draw_garment(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, traits: Traits, distance: Tensor) -> Canvas:
    """Cloth with folds, stripes, ribs, the head's shadow and a seam."""
    x, y = frame.x, frame.y
    folds = 0.06 * torch.sin(x * 9 + y * 6) * torch.sin(x * 4 - 1 + y * 3)
    colour = shade(traits.cloth_colour, 1 - 0.10 * smoothstep(0.7, 1.2, y))
    stripes = smoothstep(-0.15, 0.15, torch.sin((y + 0.10 * x * x) * 62)) * anchors.striped
    colour = blend(colour, constant(x, 0.96, 0.96, 0.94), stripes)
    ribs = anchors.turtleneck * smoothstep(0.2, -0.2, torch.sin(x * 95)) * smoothstep(0.84, 0.78, y)
    colour = shade(colour, 1 - 0.16 * ribs)
    below_head = ellipse(x - anchors.turn * 0.08, y - 0.52, anchors.neck + 0.12, 0.20)
    colour = shade(colour, 1 - 0.35 * smoothstep(0.10, -0.03, below_head))
    coverage = frame.coverage(distance)
    normal_x, normal_y = x / anchors.shoulders * 0.85 + folds, (y - 1.02) * 0.9 + folds
    canvas = cover(canvas, coverage, colour, normal_x, normal_y, 0.12)
    seam = ridge(distance + 0.014, 0.006) * smoothstep(0.3, 0.2, x.abs()) * (1 - anchors.suit)
    return darken(canvas, seam * 0.5, 0.72)


def draw_hood(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, distance: Tensor) -> Canvas:
    """A hood's edge and its cords."""
    x, y = frame.x, frame.y
    edge = ridge(ellipse(x, y - 0.66, anchors.neck + 0.15, 0.19), 0.02) * anchors.hoodie
    canvas = darken(canvas, edge * smoothstep(0.70, 0.78, y) * frame.coverage(distance), 0.74)
    for side in (-1, 1):
        cord, _ = segment(x, y, side * 0.09, 0.80, side * 0.10, 0.97)
        canvas = paint(canvas, frame.coverage(cord - 0.011) * anchors.hoodie, constant(x, 0.97, 0.97, 0.97))
    return canvas


def draw_lapels(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes, distance: Tensor) -> Canvas:
    """A suit's lapels."""
    worn = frame.coverage(distance) * anchors.suit
    outer = planes.v_neck - 0.10 + 0.12 * (frame.y - 0.70).clamp(min=0)
    canvas = darken(canvas, ridge(outer, 0.010) * worn, 0.62)
    return darken(canvas, ridge(planes.v_neck - 0.006, 0.008) * worn, 0.7)


def draw_torso(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, traits: Traits) -> Canvas:
    """Neck, chest and the worn garment. The frame need not reach above BODY_TOP."""
    planes = torso_planes(frame, anchors)
    canvas = draw_skin(canvas, frame, anchors, planes, traits)
    canvas = draw_shirt_and_tie(canvas, frame, anchors, planes)
    distance = garment_distance(frame, anchors, planes)
    canvas = draw_garment(canvas, frame, anchors, traits, distance)
    canvas = draw_hood(canvas, frame, anchors, distance)
    return draw_lapels(canvas, frame, anchors, planes, distance)
