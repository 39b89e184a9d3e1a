"""Facial hair: stubble, moustache, goatee, beard."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, darken, paint, shade
from .distance import ellipse, ridge, smooth_max, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .head import HeadPlanes
from .mouth import MouthAnchors, MouthPlanes, mouth_planes
from .traits import Traits, flag


class FacialHairAnchors(NamedTuple):
    """Flags (0 or 1) and the middle of the bare cheeks; all [B,1,1]."""

    stubble: Tensor
    moustache: Tensor
    goatee: Tensor
    beard: Tensor  # short or long
    long: Tensor  # how far a long beard hangs down
    any: Tensor
    cheeks_u: Tensor
    cheeks_v: Tensor


def facial_hair_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> FacialHairAnchors:
    """Which facial hair there is, and where it leaves the cheeks bare."""
    kinds = {kind: flag(params, "facial", kind) for kind in ("stubble", "moustache", "goatee")}
    long = flag(params, "facial", "long beard")
    kinds |= {"beard": flag(params, "facial", "beard", "long beard"), "long": long}
    cheeks_u, cheeks_v = project(pose, 0, 0.015 + traits.length * 0.5, 0.22)
    return FacialHairAnchors(**kinds, any=1 - flag(params, "facial", "none"), cheeks_u=cheeks_u, cheeks_v=cheeks_v)


def moustache_distance(mouth: MouthAnchors, planes: MouthPlanes) -> Tensor:
    """Distance to a moustache that follows the upper lip."""
    squared = planes.t * planes.t
    ridge_line = planes.upper_edge - 0.018 + 0.016 * squared
    thickness = 0.0235 * (1.0 - 0.45 * squared).clamp(min=0.12) * (1 - 0.30 * ridge(planes.t, 0.08))
    distance = (planes.down - ridge_line).abs() - thickness
    distance = smooth_max(distance, (planes.t.abs() - 1.12) * mouth.half_width, 0.01)
    return torch.where(planes.down > -0.2, distance, 1.0)


def facial_hair_distance(
    frame: Frame,
    anchors: FacialHairAnchors,
    mouth: MouthAnchors,
    planes: MouthPlanes,
    traits: Traits,
    head_distance: Tensor,
) -> Tensor:
    """Distance to the person's kind of facial hair."""
    u, v, length = frame.u, frame.v, traits.length
    bare_cheeks = ellipse(u - anchors.cheeks_u, v - anchors.cheeks_v, traits.face * 0.87, 0.195 + length * 0.3)
    below_chin = ellipse(u - traits.chin_u, v - traits.chin_v - 0.02, traits.chin * 1.15, 0.16 + length * 0.3) - 0.01
    jaw = smooth_min(head_distance - 0.012 * anchors.beard, below_chin, 0.06)
    hanging = ellipse(u - traits.chin_u, v - traits.chin_v - 0.10, traits.chin * 1.25, 0.24 + length * 0.3)
    locks = 0.012 * torch.sin(u * 46) + 0.008 * torch.sin(u * 83 + 1)
    jaw = torch.where(anchors.long > 0, smooth_min(jaw, hanging - locks, 0.09), jaw)
    jaw = torch.where(anchors.beard > 0, jaw, head_distance + 0.004)
    beard = smooth_max(smooth_max(jaw, -bare_cheeks, 0.03), -0.05 - v, 0.02)
    bare_lips = ellipse(
        planes.across,
        planes.down - 0.012 - mouth.opening * 0.4,
        mouth.half_width * 1.0,
        0.026 + mouth.opening * 0.7 + mouth.lower * 0.6,
    )
    moustache = moustache_distance(mouth, planes)
    full = smooth_min(smooth_max(beard, -bare_lips, 0.012), moustache, 0.012)
    chin = ellipse(u - traits.chin_u, v - traits.chin_v, traits.chin * 1.05 + 0.02, 0.155)
    goatee = smooth_min(smooth_max(smooth_max(full, chin, 0.02), 0.03 - planes.down, 0.02), moustache, 0.01)
    stubble = torch.maximum(full, head_distance)
    distance = torch.where(anchors.stubble > 0, stubble, full)
    distance = torch.where(anchors.goatee > 0, goatee, distance)
    return torch.where(anchors.moustache > 0, moustache, distance)


def draw_facial_hair(
    canvas: Canvas,
    frame: Frame,
    anchors: FacialHairAnchors,
    mouth: MouthAnchors,
    traits: Traits,
    head: HeadPlanes,
) -> Canvas:
    """The facial hair with its shadow."""
    u, v = frame.u, frame.v
    distance = facial_hair_distance(frame, anchors, mouth, mouth_planes(frame, mouth), traits, head.distance)
    fine = torch.sin(u * 120 + 2 * torch.sin(v * 60)) * torch.sin(v * 75 + 1.5 * torch.sin(u * 90))
    across = u - traits.chin_u
    strands = torch.sin(across * 95 + 6 * across * (v - 0.1) + 2 * torch.sin(across * 31 + v * 9))
    texture = 0.5 * fine + 0.5 * strands
    thin = smoothstep(0.03, -0.05, distance) * (0.42 + 0.16 * texture) * head.coverage
    thick = smoothstep(0.009, -0.012, distance + 0.006 * texture)
    amount = torch.where(anchors.stubble > 0, thin, thick)
    raised = (1 - anchors.stubble) * amount * anchors.any
    # Half way to a colour a fifth darker than the hair on the head.
    colour = shade(traits.body_hair, 0.92)
    colour = shade(shade(colour, 1 + 0.17 * texture), 1 - 0.2 * smoothstep(0.25, 0.5, v))
    canvas = paint(canvas, amount * anchors.any, colour)
    canvas = canvas._replace(
        normal_x=canvas.normal_x + raised * (head.normal_x + 0.16 * texture - canvas.normal_x),
        gloss=canvas.gloss * (1 - 0.5 * raised),
    )
    outline = ridge(distance - 0.006, 0.010) * head.inside * anchors.any * (1 - anchors.stubble)
    return darken(canvas, outline * 0.5, 0.82)
