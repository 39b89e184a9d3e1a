"""Neck and shoulders, and the garment's outline; what is drawn on the cloth lies in garments.py."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, cover, paint, shade
from .distance import ellipse, lerp, ridge, rounded_box, segment, smooth_max, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, column, flag

BODY_TOP = 0.10  # nothing of neck and garments is drawn above this y
RAISED = 0.070  # how far shoulders are raised: avatars have short necks


class TorsoAnchors(NamedTuple):
    """Widths and garment flags (0 or 1), all [B,1,1]."""

    neck: Tensor  # half width
    shoulders: Tensor  # half width
    turn: Tensor  # sine of yaw
    jaw_u: Tensor  # the jaw, whose shadow falls on the neck
    jaw_v: Tensor
    side: Tensor
    v_neck: Tensor
    turtleneck: Tensor
    hoodie: Tensor
    suit: Tensor
    striped: Tensor
    tank: Tensor
    sweater: Tensor
    collared: Tensor
    denim: Tensor
    overalls: Tensor
    kurta: Tensor
    kimono: Tensor
    sari: Tensor
    dashiki: Tensor
    scarf: Tensor
    accent: Colour  # of ties, borders, patterns


class TorsoPlanes(NamedTuple):
    """Distances [B,H,W] that garments are cut from."""

    skin: Tensor
    body: Tensor  # the outermost layer of cloth
    round_neck: Tensor
    v_neck: Tensor


def torso_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> TorsoAnchors:
    """Widths of neck and shoulders, and which garment is worn."""
    neck = column(params, "neck") * (1 - 0.12 * traits.feminine)
    jaw_u, jaw_v = project(pose, 0, 0.40 + traits.length, 0.06)
    names = {
        "turtleneck": "turtleneck", "hoodie": "hoodie", "suit": "suit", "striped": "striped shirt", "tank": "tank top",
        "sweater": "sweater", "collared": "collared shirt", "denim": "denim jacket", "overalls": "overalls",
        "kurta": "kurta", "kimono": "kimono", "sari": "sari", "dashiki": "dashiki", "scarf": "scarf",
    }  # fmt: skip
    return TorsoAnchors(
        neck=neck,
        shoulders=0.76 - 0.12 * traits.feminine + (neck - 0.14) * 0.8,
        turn=pose.sin_yaw,
        jaw_u=jaw_u,
        jaw_v=jaw_v,
        side=traits.part_side,
        v_neck=flag(params, "cloth", "v-neck", "suit", "kimono"),
        **{name: flag(params, "cloth", word) for name, word in names.items()},
        accent=shade(traits.accent, 0.92),
    )


def torso_planes(frame: Frame, anchors: TorsoAnchors) -> TorsoPlanes:
    """Neck and torso as one smooth body, and the two basic necklines."""
    x, y, neck = frame.x, frame.y + RAISED, anchors.neck
    throat = rounded_box(x - anchors.turn * 0.03, y - 0.50, neck, 0.34, 0.04)
    torso = rounded_box(x, y - 1.27, anchors.shoulders - 0.02, 0.60, 0.36)
    torso = smooth_min(torso, rounded_box(x, y - 0.98, neck * 0.9, 0.34, 0.05), 0.22)
    round_neck = smooth_min(
        ellipse(x, y - 0.575, neck + 0.035, 0.115), rounded_box(x, y - 0.45, neck + 0.03, 0.16, 0.02), 0.02
    )
    v_neck = torch.maximum(x.abs() * 0.86 + (y - 0.88) * 0.51, -(y - 0.3))
    v_neck = torch.where(anchors.suit > 0, v_neck, v_neck + 0.04)
    return TorsoPlanes(smooth_min(throat, torso, 0.08), torso - 0.012, round_neck, v_neck)


def draw_skin(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes, traits: Traits) -> Canvas:
    """Neck and chest with the head's soft shadow and the collar bones."""
    x, y = frame.x, frame.y + RAISED
    on_neck = smoothstep(0.62, 0.52, y)
    normal_x = lerp(x / anchors.shoulders * 0.9, (x / anchors.neck * 0.75).clamp(-1, 1), on_neck)
    normal_y = lerp((y - 1.0) * 0.7, 0.1, on_neck)
    canvas = cover(canvas, frame.coverage(planes.skin), traits.skin, normal_x, normal_y, 0.2)
    inside = smoothstep(0.0, -0.03, planes.skin)
    below = ellipse(frame.u - anchors.jaw_u, frame.v - anchors.jaw_v + 0.16, traits.jaw * 1.25, 0.32)
    canvas = paint(canvas, smoothstep(0.10, -0.08, below) * inside, traits.skin_shadow, 0.72)
    for side in (-1, 1):
        distance, _ = segment(x, y, side * 0.04, 0.665, side * 0.25, 0.615)
        canvas = paint(canvas, ridge(distance, 0.012) * inside, traits.skin_shadow, 0.22)
    return canvas


def garment_distance(frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes) -> Tensor:
    """Distance to the worn garment: its outer shape less its neck opening."""
    x, y, neck = frame.x, frame.y + RAISED, anchors.neck
    tank_opening = smooth_min(
        ellipse(x, y - 0.61, neck + 0.10, 0.18), rounded_box(x, y - 0.45, neck + 0.10, 0.2, 0.02), 0.02
    )
    tank_opening = torch.minimum(tank_opening, 0.44 - x.abs() + 0.15 * (y - 0.9))
    hood_opening = smooth_min(
        ellipse(x, y - 0.60, neck + 0.045, 0.125), rounded_box(x, y - 0.45, neck + 0.035, 0.2, 0.02), 0.03
    )
    slit = torch.maximum(x.abs() - 0.030 - 0.10 * (0.86 - y).clamp(min=0), (y - 0.62).abs() - 0.22)
    dashiki_opening = smooth_min(planes.round_neck, slit, 0.02)
    collar = rounded_box(x - anchors.turn * 0.02, y - 0.62, neck + 0.022, 0.15, 0.04)
    turtleneck = torch.minimum(planes.body, collar)
    stand = torch.minimum(planes.body, rounded_box(x, y - 0.66, neck + 0.020, 0.09, 0.03))
    stand = smooth_max(stand, -torch.maximum(x.abs() - 0.022 - 0.12 * (0.68 - y).clamp(min=0), y - 0.72), 0.01)
    hooded = smooth_min(planes.body, ellipse(x, y - 0.66, neck + 0.21, 0.155), 0.03)
    opening = torch.where(anchors.hoodie > 0, hood_opening, planes.round_neck)
    opening = torch.where(anchors.tank > 0, tank_opening, opening)
    opening = torch.where(anchors.dashiki > 0, dashiki_opening, opening)
    opening = torch.where(anchors.v_neck > 0, planes.v_neck, opening)
    outer = torch.where(anchors.hoodie > 0, hooded, planes.body)
    distance = torch.where(anchors.turtleneck > 0, turtleneck, smooth_max(outer, -opening, 0.008))
    return torch.where(anchors.kurta > 0, stand, distance)


def draw_garment(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, traits: Traits, distance: Tensor) -> Canvas:
    """Cloth with folds, stripes, ribs, knitting or denim, the head's shadow and a seam."""
    x, y = frame.x, frame.y + RAISED
    folds = 0.06 * torch.sin(x * 9 + y * 6) * torch.sin(x * 4 - 1 + y * 3)
    colour = shade(traits.cloth_colour, 1 - 0.10 * smoothstep(0.7, 1.2, y))
    # Under overalls and scarf another shirt shows.
    light = blend(traits.cloth_colour, traits.white, 0.80)
    colour = blend(colour, light, anchors.overalls)
    stripes = smoothstep(-0.15, 0.15, torch.sin((y + 0.10 * x * x) * 62)) * anchors.striped
    colour = blend(colour, constant(x, 0.96, 0.96, 0.94), stripes)
    ribs = anchors.turtleneck * smoothstep(0.2, -0.2, torch.sin(x * 95)) * smoothstep(0.84, 0.78, y)
    knit = torch.sin(x * 52) * torch.sin(y * 60 + 3 * torch.sin(x * 52).abs()) * anchors.sweater
    twill = torch.sin((x + y) * 210) * anchors.denim
    colour = shade(colour, 1 - 0.16 * ribs + 0.09 * knit + 0.06 * twill)
    below_head = ellipse(x - anchors.turn * 0.08, y - 0.52, anchors.neck + 0.12, 0.20)
    colour = shade(colour, 1 - 0.32 * smoothstep(0.14, -0.05, below_head))
    normal_x, normal_y = x / anchors.shoulders * 0.85 + folds, (y - 1.02) * 0.9 + folds
    canvas = cover(canvas, frame.coverage(distance), colour, normal_x + 0.10 * knit, normal_y, 0.10)
    seam = ridge(distance + 0.014, 0.006) * smoothstep(0.3, 0.2, x.abs()) * (1 - anchors.suit)
    canvas = paint(canvas, seam * 0.4, traits.black, 0.3)
    band = smoothstep(-0.052, -0.046, distance) * frame.coverage(distance) * smoothstep(0.34, 0.28, x.abs())
    band = band * anchors.sweater * smoothstep(0.80, 0.74, y)
    return paint(canvas, band, shade(traits.cloth_colour, 0.62 + 0.16 * torch.sin(x * 110)))
