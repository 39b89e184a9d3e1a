"""Head and ears: the outline, the relief of the face as a height field, skin colour and blush."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, blend, constant, cover, darken, paint, shade, tint
from .distance import bump, ellipse, ridge, segment, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, column


class HeadAnchors(NamedTuple):
    """Places and radii [B,1,1]; pairs are (left, right) in image order."""

    skull_u: Tensor
    skull_v: Tensor
    skull_radius: Tensor
    cheek_u: Tensor
    cheek_v: Tensor
    jaw_u: Tensor
    jaw_v: Tensor
    jaw_height: Tensor
    bridge_u: Tensor
    bridge_v: Tensor
    hump_u: Tensor
    hump_v: Tensor
    hump: Tensor  # height of the bump on the nose
    bridge_width: Tensor  # factor
    tip: Tensor  # factor
    nose_width: Tensor
    wings: tuple[Tensor, ...]  # u, v of both wings of the nose: u0 v0 u1 v1
    cheeks: tuple[Tensor, ...]
    cheekbone: Tensor  # 0–1
    sockets: tuple[Tensor, ...]
    blushes: tuple[Tensor, ...]
    hollows: tuple[Tensor, ...]
    cleft: Tensor  # 0–1


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
    lobe: Tensor  # radius
    visible: Tensor  # 0–1: whether this ear is drawn in this pass


def both_sides(pose: Pose, x, y, z) -> tuple[Tensor, ...]:
    """A mirrored pair of points: u, v at -x, then u, v at +x."""
    return project(pose, -1.0 * x, y, z) + project(pose, x, y, z)


def head_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> HeadAnchors:
    """Anchors of skull, jaw, nose and cheeks."""
    face, length, smile = traits.face, traits.length, traits.smile
    skull_u, skull_v = project(pose, 0, -0.11, -0.04)
    cheek_u, cheek_v = project(pose, 0, 0.035 + length * 0.4, 0.03)
    jaw_u, jaw_v = project(pose, 0, 0.10 + length * 0.6, 0.07)
    bridge_u, bridge_v = project(pose, 0, traits.eye_v - 0.035, 0.37)
    hump_u, hump_v = project(pose, 0, (traits.eye_v + traits.nose_height) / 2 - 0.01, 0.425)
    nose_width = column(params, "nose_w")
    wide = face / 0.355
    return HeadAnchors(
        skull_u=skull_u,
        skull_v=skull_v,
        skull_radius=face
        * column(params, "temple")
        * (pose.cos_yaw * pose.cos_yaw + 1.15 * pose.sin_yaw * pose.sin_yaw).sqrt(),
        cheek_u=cheek_u,
        cheek_v=cheek_v,
        jaw_u=jaw_u,
        jaw_v=jaw_v,
        jaw_height=0.285 + length * 0.5,
        bridge_u=bridge_u,
        bridge_v=bridge_v,
        hump_u=hump_u,
        hump_v=hump_v,
        hump=column(params, "nose_bump").clamp(min=0),
        bridge_width=column(params, "bridge"),
        tip=column(params, "tip"),
        nose_width=nose_width,
        wings=both_sides(pose, nose_width, traits.nose_height + 0.012, 0.40),
        cheeks=both_sides(pose, 0.19 * wide, 0.105 - 0.03 * smile + length * 0.3, 0.30),
        cheekbone=column(params, "cheekbone"),
        sockets=both_sides(pose, column(params, "eye_sp"), traits.eye_v - 0.010, 0.32),
        blushes=both_sides(pose, 0.205 * wide, 0.100 - 0.02 * smile + length * 0.3, 0.28),
        hollows=both_sides(pose, 0.235 * wide, 0.175 + length * 0.5, 0.22),
        cleft=column(params, "cleft").clamp(min=0),
    )


def head_distance(frame: Frame, anchors: HeadAnchors, traits: Traits) -> Tensor:
    """Distance to the head's outline: skull, cheeks, jaw and chin melted together."""
    u, v, length = frame.u, frame.v, traits.length
    skull = ellipse(u - anchors.skull_u, v - anchors.skull_v, anchors.skull_radius, 0.415)
    cheeks = ellipse(u - anchors.cheek_u, v - anchors.cheek_v, traits.cheek, 0.25)
    jaw = ellipse(u - anchors.jaw_u, v - anchors.jaw_v, traits.jaw, anchors.jaw_height)
    chin = ellipse(u - traits.chin_u, v - traits.chin_v, traits.chin, traits.chin_radius + length * 0.3)
    upper = smooth_min(skull, cheeks, 0.06)
    return smooth_min(smooth_min(upper, jaw, 0.08), chin, 0.10)


def head_relief(frame: Frame, anchors: HeadAnchors, traits: Traits) -> Tensor:
    """Height of the face towards the viewer [B,H,W]: a dome with nose, cheeks, eye sockets and chin."""
    u, v, smile = frame.u, frame.v, traits.smile
    skull = ((u - anchors.skull_u) / anchors.skull_radius) ** 2 + ((v - anchors.skull_v) / 0.425) ** 2
    jaw = ((u - anchors.jaw_u) / traits.cheek) ** 2 + ((v - anchors.jaw_v) / (anchors.jaw_height + 0.02)) ** 2
    chin = ((u - traits.chin_u) / (traits.chin * 1.1)) ** 2 + ((v - traits.chin_v) / 0.15) ** 2
    dome = -smooth_min(smooth_min(skull - 1, jaw - 1, 0.5), chin - 1, 0.5)
    height = 0.34 * (dome + 0.02).clamp(min=0.004).sqrt()
    to_nose, along = segment(u, v, anchors.bridge_u, anchors.bridge_v, traits.nose_u, traits.nose_v - 0.02)
    width = (0.027 + 0.013 * along) * anchors.bridge_width
    height = height + (0.020 + 0.045 * along) * torch.exp(-((to_nose / width) ** 2))
    height = height + 0.020 * anchors.hump * bump(u - anchors.hump_u, v - anchors.hump_v, 0.026, 0.030)
    tip_radius = 0.5 * anchors.nose_width + 0.026 * anchors.tip
    height = height + 0.050 * bump(u - traits.nose_u, v - traits.nose_v, tip_radius, 0.036 * anchors.tip)
    for i in (0, 2):
        height = height + 0.030 * bump(u - anchors.wings[i], v - anchors.wings[i + 1], 0.027, 0.027)
        cheek = bump(u - anchors.cheeks[i], v - anchors.cheeks[i + 1], 0.105, 0.080)
        height = height + (0.014 + 0.016 * anchors.cheekbone + 0.022 * smile) * cheek
        height = height - 0.026 * bump(u - anchors.sockets[i], v - anchors.sockets[i + 1], 0.105, 0.066)
        hollow = bump(u - anchors.hollows[i], v - anchors.hollows[i + 1], 0.075, 0.075)
        height = height - (0.012 * anchors.cheekbone + 0.008 * traits.age) * hollow
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
    blush = bump(u - anchors.blushes[0], v - anchors.blushes[1], 0.115, 0.085)
    blush = blush + bump(u - anchors.blushes[2], v - anchors.blushes[3], 0.115, 0.085)
    blush = blush * (0.20 + 0.14 * traits.feminine + 0.10 * traits.smile)
    blush = blush + 0.16 * bump(u - traits.nose_u, v - traits.nose_v, 0.065, 0.050)
    blush = blush + 0.08 * bump(u - traits.chin_u, v - traits.chin_v, 0.12, 0.08)
    colour = blend(traits.skin, tint(traits.skin, 1.0, 0.66, 0.62), blush.clamp(0, 1))
    # A cooler, darker rim of the face and a lighter middle give it volume.
    colour = blend(colour, tint(traits.skin, 0.84, 0.74, 0.74), 0.55 * smoothstep(-0.075, 0.0, distance))
    middle = bump(u - traits.nose_u * 0.6, v + 0.05, 0.20, 0.30)
    colour = shade(colour, 1 + 0.05 * middle)
    canvas = cover(canvas, coverage, colour, normal_x, normal_y, 0.34)
    cleft = ridge(u - traits.chin_u, 0.008) * bump(v - traits.chin_v - 0.060, 0.0 * v, 0.030, 1.0)
    canvas = paint(canvas, cleft * coverage, traits.skin_shadow, 0.42 * anchors.cleft)
    return canvas, HeadPlanes(distance, smoothstep(0.004, -0.012, distance), coverage, normal_x)


def ear_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, side: float, in_front: bool) -> EarAnchors:
    """The ear on one side; of a turned head the far ear is drawn before the head, the near one after it."""
    out = column(params, "ear_out")
    u, v = project(pose, side * (traits.face * 0.955 + 0.020 * out), traits.eye_v + 0.038 + traits.length * 0.2, -0.03)
    near = smoothstep(0.0, 0.12, -side * pose.sin_yaw)
    hidden = (traits.hair.side > 0.12).float() * (1 - traits.bald)
    size = column(params, "ear") * (1 + 0.12 * smoothstep(0.4, 1.0, traits.age))
    return EarAnchors(
        u=u,
        v=v,
        side=torch.full_like(u, side),
        radius_u=(0.050 + 0.018 * out) * size * (1 - 0.1 * near),
        radius_v=0.098 * size,
        lobe=(0.014 + 0.022 * column(params, "lobe")) * size,
        visible=(near if in_front else 1 - near) * (1 - traits.covered) * (1 - hidden),
    )


def draw_ear(canvas: Canvas, frame: Frame, anchors: EarAnchors, traits: Traits) -> Canvas:
    """One ear: shell, lobe, and the hollow behind its rim."""
    du, dv = frame.u - anchors.u - anchors.side * 0.012, frame.v - anchors.v
    shell = ellipse(du + anchors.side * 0.10 * dv, dv, anchors.radius_u, anchors.radius_v)
    lobe = ellipse(du + anchors.side * 0.018, dv - anchors.radius_v * 0.78, anchors.lobe, anchors.lobe * 1.3)
    distance = smooth_min(shell, lobe, 0.025)
    hollow = smoothstep(-0.014, -0.032, shell) * smoothstep(0.09, -0.02, dv)
    reddened = blend(traits.skin, constant(du, 0.85, 0.32, 0.28), 0.16)
    coverage = frame.coverage(distance) * anchors.visible
    colour = blend(reddened, traits.skin_shadow, 0.55 * hollow)
    canvas = cover(canvas, coverage, colour, du / anchors.radius_u * 0.55, dv / anchors.radius_v * 0.55, 0.22)
    fold = ridge(ellipse(du + anchors.side * (0.012 + 0.10 * dv), dv + 0.01, anchors.radius_u * 0.45, 0.048), 0.007)
    return darken(canvas, fold * coverage * 0.5, 0.84)
