"""Head and ears: the outline, the relief of the face as a height field, skin colour and blush."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, blend, constant, cover, shade, tint
from .distance import bump, ellipse, segment, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, column


class HeadAnchors(NamedTuple):
    """Places and radii [B,1,1]; pairs are (left, right) in image order."""

    skull_u: Tensor
    skull_v: Tensor
    skull_radius: Tensor
    jaw_u: Tensor
    jaw_v: Tensor
    jaw_height: Tensor
    bridge_u: Tensor
    bridge_v: Tensor
    nose_width: Tensor
    wings: tuple[Tensor, ...]  # u, v of both wings of the nose: u0 v0 u1 v1
    cheeks: tuple[Tensor, ...]
    sockets: tuple[Tensor, ...]
    blushes: tuple[Tensor, ...]


class HeadPlanes(NamedTuple):
    """Planes [B,H,W] that later parts draw on."""

    distance: Tensor
    inside: Tensor  # soft mask that fades just inside the outline
    coverage: Tensor
    normal_x: Tensor


class EarAnchors(NamedTuple):
    """One ear; all [B,1,1]."""

    u: Tensor
    v: Tensor
    side: Tensor  # -1 image left, +1 image right
    radius_u: Tensor
    radius_v: Tensor
    visible: Tensor  # 0–1: whether this ear is drawn in this pass


def both_sides(pose: Pose, x, y, z) -> tuple[Tensor, ...]:
    """A mirrored pair of points: u, v at -x, then u, v at +x."""
    return project(pose, -1.0 * x, y, z) + project(pose, x, y, z)


def head_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> HeadAnchors:
    """Anchors of skull, jaw, nose and cheeks."""
    face, length, smile = traits.face, traits.length, traits.smile
    skull_u, skull_v = project(pose, 0, -0.11, -0.04)
    jaw_u, jaw_v = project(pose, 0, 0.10 + length * 0.6, 0.07)
    bridge_u, bridge_v = project(pose, 0, -0.09, 0.37)
    nose_width = column(params, "nose_w")
    return HeadAnchors(
        skull_u=skull_u,
        skull_v=skull_v,
        skull_radius=face * (pose.cos_yaw * pose.cos_yaw + 1.15 * pose.sin_yaw * pose.sin_yaw).sqrt(),
        jaw_u=jaw_u,
        jaw_v=jaw_v,
        jaw_height=0.30 + length * 0.5,
        bridge_u=bridge_u,
        bridge_v=bridge_v,
        nose_width=nose_width,
        wings=both_sides(pose, nose_width, traits.nose_height + 0.012, 0.405),
        cheeks=both_sides(pose, 0.19 * face / 0.355, 0.115 - 0.03 * smile, 0.30),
        sockets=both_sides(pose, column(params, "eye_sp"), -0.055 + length * 0.2, 0.32),
        blushes=both_sides(pose, 0.20 * face / 0.355, 0.12 - 0.02 * smile, 0.28),
    )


def head_distance(frame: Frame, anchors: HeadAnchors, traits: Traits) -> Tensor:
    """Distance to the head's outline: skull, jaw and chin melted together."""
    u, v, length = frame.u, frame.v, traits.length
    skull = ellipse(u - anchors.skull_u, v - anchors.skull_v, anchors.skull_radius, 0.415)
    jaw = ellipse(u - anchors.jaw_u, v - anchors.jaw_v, traits.jaw, anchors.jaw_height)
    chin = ellipse(u - traits.chin_u, v - traits.chin_v, traits.chin, 0.135 + length * 0.3)
    return smooth_min(smooth_min(skull, jaw, 0.10), chin, 0.11)


def head_relief(frame: Frame, anchors: HeadAnchors, traits: Traits) -> Tensor:
    """Height of the face towards the viewer [B,H,W]: a dome with nose, cheeks, eye sockets and chin."""
    u, v, smile = frame.u, frame.v, traits.smile
    skull = ((u - anchors.skull_u) / anchors.skull_radius) ** 2 + ((v - anchors.skull_v) / 0.425) ** 2
    jaw = ((u - anchors.jaw_u) / traits.jaw) ** 2 + ((v - anchors.jaw_v) / (anchors.jaw_height + 0.02)) ** 2
    chin = ((u - traits.chin_u) / (traits.chin * 1.1)) ** 2 + ((v - traits.chin_v) / 0.15) ** 2
    dome = -smooth_min(smooth_min(skull - 1, jaw - 1, 0.5), chin - 1, 0.5)
    height = 0.34 * (dome + 0.02).clamp(min=0.004).sqrt()
    to_nose, along = segment(u, v, anchors.bridge_u, anchors.bridge_v, traits.nose_u, traits.nose_v - 0.02)
    height = height + (0.028 + 0.055 * along) * torch.exp(-((to_nose / (0.030 + 0.016 * along)) ** 2))
    height = height + 0.055 * bump(u - traits.nose_u, v - traits.nose_v, anchors.nose_width * 1.0, 0.042)
    for i in (0, 2):
        height = height + 0.035 * bump(u - anchors.wings[i], v - anchors.wings[i + 1], 0.027, 0.028)
        cheek = bump(u - anchors.cheeks[i], v - anchors.cheeks[i + 1], 0.095, 0.075)
        height = height + (0.020 + 0.022 * smile) * cheek
        height = height - 0.030 * bump(u - anchors.sockets[i], v - anchors.sockets[i + 1], 0.095, 0.060)
    return height + 0.016 * bump(u - traits.chin_u, v - traits.chin_v - 0.03, 0.09, 0.06)


def relief_normal(height: Tensor, frame: Frame, pose: Pose) -> tuple[Tensor, Tensor]:
    """Surface normal (x, y) by central differences, rolled into the picture plane; flat on the border."""
    step = 2 * frame.pixel
    slope_x = torch.nn.functional.pad((height[:, :, 2:] - height[:, :, :-2]) / step, (1, 1))
    slope_y = torch.nn.functional.pad((height[:, 2:] - height[:, :-2]) / step, (0, 0, 1, 1))
    scale = 1 / (1 + slope_x * slope_x + slope_y * slope_y).sqrt()
    normal_x, normal_y = -slope_x * scale, -slope_y * scale
    return (
        normal_x * pose.cos_roll - normal_y * pose.sin_roll,
        normal_x * pose.sin_roll + normal_y * pose.cos_roll,
    )


def draw_head(
    canvas: Canvas, frame: Frame, pose: Pose, anchors: HeadAnchors, traits: Traits, height: Tensor
) -> tuple[Canvas, HeadPlanes]:
    """The bare head with blushing cheeks, nose and chin; `height` is head_relief of the same frame."""
    u, v = frame.u, frame.v
    distance = head_distance(frame, anchors, traits)
    normal_x, normal_y = relief_normal(height, frame, pose)
    coverage = frame.coverage(distance)
    blush = bump(u - anchors.blushes[0], v - anchors.blushes[1], 0.10, 0.075)
    blush = blush + bump(u - anchors.blushes[2], v - anchors.blushes[3], 0.10, 0.075)
    blush = blush * (0.16 + 0.14 * traits.feminine + 0.10 * traits.smile)
    blush = blush + 0.12 * bump(u - traits.nose_u, v - traits.nose_v, 0.06, 0.05)
    blush = blush + 0.06 * bump(u - traits.chin_u, v - traits.chin_v, 0.12, 0.08)
    colour = blend(traits.skin, tint(traits.skin, 1.0, 0.62, 0.60), blush.clamp(0, 1))
    colour = shade(colour, 1 - 0.12 * smoothstep(-0.05, 0.0, distance))
    canvas = cover(canvas, coverage, colour, normal_x, normal_y, 0.30)
    return canvas, HeadPlanes(distance, smoothstep(0.004, -0.012, distance), coverage, normal_x)


def ear_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, side: float, in_front: bool) -> EarAnchors:
    """The ear on one side; of a turned head the far ear is drawn before the head, the near one after it."""
    u, v = project(pose, side * traits.face * 0.985, 0.00 + traits.length * 0.4, -0.03)
    near = smoothstep(0.0, 0.12, -side * pose.sin_yaw)
    size = column(params, "ear")
    return EarAnchors(
        u=u,
        v=v,
        side=torch.full_like(u, side),
        radius_u=0.062 * size * (1 - 0.1 * near),
        radius_v=0.105 * size,
        visible=near if in_front else 1 - near,
    )


def draw_ear(canvas: Canvas, frame: Frame, anchors: EarAnchors, traits: Traits) -> Canvas:
    """One ear."""
    du, dv = frame.u - anchors.u - anchors.side * 0.012, frame.v - anchors.v
    distance = ellipse(du + anchors.side * 0.10 * dv, dv, anchors.radius_u, anchors.radius_v)
    hollow = smoothstep(-0.018, -0.045, distance) * smoothstep(0.12, 0.0, dv)
    reddened = blend(traits.skin, constant(du, 0.80, 0.30, 0.28), 0.10)
    coverage = frame.coverage(distance) * anchors.visible
    return cover(
        canvas,
        coverage,
        shade(reddened, 1 - 0.35 * hollow),
        du / anchors.radius_u * 0.6,
        dv / anchors.radius_v * 0.6,
        0.2,
    )
