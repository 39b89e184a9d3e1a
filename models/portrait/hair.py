"""Hair: its volume and texture, the hair behind the head, and the hair in front of it."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, blend, cover, paint, shade
from .distance import bump, ellipse, lerp, ridge, rounded_box, smooth_max, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .hair_texture import Texture, hair_texture
from .traits import HairShape, Traits, column


class HairAnchors(NamedTuple):
    """Places and radii [B,1,1] in the head frame."""

    centre_u: Tensor
    centre_v: Tensor
    radius_u: Tensor
    radius_v: Tensor
    parting_u: Tensor
    back_width: Tensor
    face_u: Tensor  # centre of the open face
    face_v: Tensor
    face_radius: Tensor
    brow_to_line: Tensor  # height of the open face above its centre
    peak: Tensor  # of the hairline: positive in the middle
    fringe_v: Tensor
    crown_v: Tensor  # top of a bald crown


class HairVolume(NamedTuple):
    """Planes [B,H,W] shared by the hair behind and in front."""

    cap: Tensor  # distance to the hair on the skull
    outline: Tensor  # curls along the outline, in units of distance
    wave: Tensor
    texture: Texture


def hair_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> HairAnchors:
    """Anchors of the hair on a head in the given pose."""
    hair, face = traits.hair, traits.face
    side = params["part"].view(-1, 1, 1)
    centre_u, centre_v = project(pose, 0, -0.10, -0.05)
    face_u, face_v = project(pose, 0, 0.10, 0.26)
    return HairAnchors(
        centre_u=centre_u,
        centre_v=centre_v,
        radius_u=face * 1.015 + hair.side,
        radius_v=0.43 + hair.top,
        parting_u=project(pose, (0.015 + 0.085 * hair.side_fan) * side, -0.40, 0.12)[0],
        back_width=torch.where(hair.back_width > 0, hair.back_width * (face / 0.355), hair.back_width),
        face_u=face_u,
        face_v=face_v,
        face_radius=face * hair.inner * (1 - 0.06 * pose.sin_yaw.abs()),
        brow_to_line=0.10 - hair.line + 0.012 * smoothstep(0.3, 1.0, traits.age) * (1 - traits.feminine),
        peak=column(params, "peak"),
        fringe_v=project(pose, 0, (hair.fringe + traits.eye_v + 0.036).clamp(max=1.0), 0.33)[1],
        crown_v=project(pose, 0, -0.26, 0.10)[1],
    )


def dome(x: Tensor, y: Tensor, radius_x: Tensor, radius_y: Tensor) -> Tensor:
    """Distance to a super-ellipse (power 2.2) that is fuller at the top than an ellipse; good near its outline."""
    a, b = (x / radius_x).abs() + 1e-4, (y / radius_y).abs() + 1e-4
    norm = (a**2.2 + b**2.2) ** (1 / 2.2)
    return norm * (norm - 1) / ((a / radius_x) ** 2 + (b / radius_y) ** 2 + 1e-6).sqrt()


def hair_volume(frame: Frame, anchors: HairAnchors, hair: HairShape, part_side: Tensor) -> HairVolume:
    """Outline and texture of the hair."""
    u, v = frame.u, frame.v
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    angle = torch.atan2(du, -dv)
    lumps = torch.sin(angle * hair.frequency) * 0.55 + torch.sin(angle * hair.frequency * 1.73 - 0.6) * 0.3
    lumps = lumps + torch.sin(angle * hair.frequency * 2.9 + 2) * 0.15
    spikes = 2 * (torch.frac((angle + 3.2) * hair.frequency / 6.283) - 0.5).abs() - 0.5
    spiky = ((hair.curl > 0.035) & (hair.curly < 0.5)).float()
    outline = hair.curl * lerp(lumps, spikes * 1.6 * smoothstep(1.7, 0.5, angle.abs()), spiky)
    radius_u = anchors.radius_u
    cap = dome(du, dv, radius_u, anchors.radius_v) - outline
    # A mohawk is thick in the middle only.
    crest = smooth_min(
        ellipse(du, dv, radius_u * 0.985, 0.437), rounded_box(du, dv + 0.32, 0.105, 0.30, 0.09) - outline, 0.06
    )
    cap = torch.where(hair.mohawk > 0, crest, cap)
    texture = hair_texture(u, v, du, dv, anchors, hair, part_side, angle)
    return HairVolume(cap, outline, hair.wave * (torch.sin(v * 13 + 0.8) + 0.35 * torch.sin(v * 29)), texture)


def draw_back_hair(canvas: Canvas, frame: Frame, anchors: HairAnchors, volume: HairVolume, traits: Traits) -> Canvas:
    """Hair that hangs behind head and neck."""
    u, v, hair = frame.u, frame.v, traits.hair
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    half = (hair.back_length - anchors.centre_v) / 2
    curls = hair.curly * (0.016 * torch.sin(v * 31 + 2 * torch.sin(v * 9)) + 0.012 * torch.sin(v * 17 + 1))
    ends = 0.030 * volume.texture.lock * (hair.back_length > 0.3)
    width = anchors.back_width * 0.92 + 0.05 * smoothstep(0.0, 0.8, v) + volume.wave * du.sign() * 0.6 + curls
    fall = rounded_box(du, v - (anchors.centre_v + half) + ends, width.clamp(min=0.01), half.clamp(min=0.01), 0.16)
    distance = smooth_min(volume.cap, fall, 0.12)
    round_mass = ellipse(du, dv - 0.05, anchors.radius_u * 1.0, anchors.radius_v * 0.95) - volume.outline
    distance = torch.where(hair.curly + hair.coily > 0, smooth_min(distance, round_mass, 0.05), distance)
    distance = torch.where((hair.back_length > -1) & (traits.bald == 0), distance, 1.0)
    inner = smoothstep(0.0, -0.20, distance)
    colour = shade(traits.hair_colour, (0.80 + 0.10 * volume.texture.tone) * (1 - 0.34 * inner))
    normal_x = du / anchors.back_width.clamp(min=0.3) * 0.8 + 0.10 * volume.texture.tone
    return cover(canvas, frame.coverage(distance), colour, normal_x, -0.1, 0.25)


def open_face(frame: Frame, anchors: HairAnchors, volume: HairVolume, traits: Traits) -> Tensor:
    """Distance to the opening through which the face shows: a super-ellipse, slanted by the parting, with a fringe."""
    u, v, hair = frame.u, frame.v, traits.hair
    du = u - anchors.face_u
    slanted = v + hair.skew * traits.part_side * du * 0.9 * smoothstep(-0.04, -0.28, v)
    above = slanted < anchors.face_v
    power = torch.where(above, hair.power, hair.power.clamp(min=2.0))
    temples = (hair.recede + 0.012) * ridge(du.abs() - 0.175, 0.085)
    peak = 0.016 * anchors.peak * (1 - hair.tuft * 10).clamp(min=0) * ridge(du, 0.06)
    height = torch.where(above, anchors.brow_to_line + temples - peak, 0.9)
    norm = ((du / anchors.face_radius).abs() ** power + ((v - anchors.face_v) / height).abs() ** power).clamp(min=1e-6)
    slant = (slanted - v) / height * smoothstep(0.0, -0.2, v - anchors.face_v)
    distance = (norm ** (1 / power) - 1 - slant) * 0.30
    # Locks that fall over the forehead: rounded points of uneven length.
    x = du * 1.0 + 0.25 * traits.part_side * (v + 0.3)
    locks = 2 * (torch.frac(x * 8.3 + 30.5) - 0.5).abs() - 0.5
    locks = locks * (0.7 + 0.5 * torch.sin(x * 21 + 2)) + 0.35 * torch.sin(x * 11 + 1)
    distance = distance + hair.tuft * (0.35 + locks) * smoothstep(-0.06, -0.20, v)
    fringe = anchors.fringe_v + 0.016 * locks + 0.07 * (du / 0.3) ** 2 - v
    return torch.where(hair.fringe < 1, smooth_max(distance, fringe, 0.02), distance)


class FrontHair(NamedTuple):
    """Planes [B,H,W]: distance to the hair in front, and to the open face."""

    distance: Tensor
    opening: Tensor


def front_hair(frame: Frame, anchors: HairAnchors, volume: HairVolume, traits: Traits) -> FrontHair:
    """Outline of the hair in front of the head."""
    u, v, hair = frame.u, frame.v, traits.hair
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    opening = open_face(frame, anchors, volume, traits)
    # Beside the skull hair stays, or the background would show through a turned head's far temple.
    skull = ellipse(du - 0.1 * anchors.face_u, dv, traits.face, 0.43) - 0.3 * smoothstep(-0.02, 0.10, v)
    opening = smooth_max(opening, skull, 0.01)
    curls = hair.curly * (0.014 * torch.sin(v * 33 + 2 * torch.sin(v * 10)) + 0.010 * torch.sin(v * 19 + 2))
    side_width = anchors.radius_u + 0.02 * smoothstep(0.1, 0.5, v) + volume.wave * 0.8 + curls
    sides = torch.maximum(du.abs() - side_width, -dv)
    distance = torch.where(hair.side_length > 0.15, smooth_min(volume.cap, sides, 0.04), volume.cap)
    taper = 0.10 * (du.abs() / traits.face - 0.8)
    ends = v - hair.side_length - taper * (hair.side_length > 0.5)
    ends = ends + 0.030 * volume.texture.lock * (hair.side_length > 0.25)
    distance = smooth_max(distance, ends, 0.03 + 0.06 * (hair.curly + hair.coily))
    distance = smooth_max(distance, -opening + volume.outline * 0.3, 0.014)
    crown = ellipse(du, v - anchors.crown_v, anchors.radius_u * 0.87, 0.36)
    distance = torch.where(hair.bare > 0, smooth_max(distance, -crown, 0.03), distance)
    return FrontHair(torch.where(traits.bald > 0, 1.0, distance), opening)


def shadow_rows(size: int) -> int:
    """How many pixels the hair's shadow falls below it."""
    return max(1, int(0.034 * size / 2 * 1.6))


def draw_front_hair(
    canvas: Canvas,
    frame: Frame,
    anchors: HairAnchors,
    volume: HairVolume,
    traits: Traits,
    front: FrontHair,
    in_head: Tensor,
    fallen: Tensor,
) -> Canvas:
    """The hair's soft shadow on the forehead, then the hair; `fallen` is front.distance moved down by shadow_rows."""
    u, v, hair, texture = frame.u, frame.v, traits.hair, volume.texture
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    shadow = smoothstep(0.055, -0.02, fallen) * in_head * (1 - traits.bald) * (1 - hair.sheer * 0.8)
    canvas = paint(canvas, shadow, traits.skin_shadow, 0.62)
    radius = ((du / anchors.radius_u) ** 2 + (dv / anchors.radius_v) ** 2).clamp(0, 1.2).sqrt()
    rounded = smoothstep(1.3, 0.9, radius)
    normal_x = (du / anchors.radius_u * 0.95 * rounded + 0.55 * (1 - rounded) * u.sign()).clamp(-0.95, 0.95)
    normal_y = (dv / anchors.radius_v * 0.9 * smoothstep(0.3, -0.1, v)).clamp(-0.95, 0.95)
    kinky = (hair.curly + hair.coily).clamp(max=1)
    shine = ridge(radius - 0.66 - 0.05 * texture.lock, 0.13) * smoothstep(0.20, -0.2, dv)
    shine = shine * (1 - kinky * 0.85) * (1 - hair.sheer) * (1 - hair.rows) * (1 - 0.7 * hair.ropes)
    tone = 0.95 + 0.15 * texture.tone + 0.10 * texture.lock
    tone = tone * (1 - 0.20 * smoothstep(0.05, 0.0, front.opening.clamp(min=0)))
    tone = tone * (1 - 0.12 * smoothstep(-0.05, 0.0, front.distance))
    gleam = shine * (0.62 + 0.38 * texture.tone)
    lift = gleam * 0.075 + 0.020 * (texture.tone + texture.lock)  # dark hair needs more than a share of its colour
    colour = tuple((channel * (tone + 0.50 * gleam) + lift).clamp(min=0.02) for channel in traits.hair_colour)
    seam = ridge(u - anchors.parting_u - 0.010 * torch.sin(v * 20), 0.009) * smoothstep(-0.10, -0.20, dv)
    colour = blend(colour, shade(traits.skin, 0.72), 0.55 * seam * hair.fan * (1 - hair.ropes))
    colour = shade(colour, 1 - 0.22 * smoothstep(0.0, 0.45, dv - 0.05))
    colour = blend(colour, shade(traits.skin, 0.86), 0.75 * texture.gap * hair.rows)
    sides = hair.fade * smoothstep(-0.30, -0.02, v)
    thin = smoothstep(0.005, -0.022, front.distance) * (0.84 + 0.10 * texture.tone)
    coverage = lerp(frame.coverage(front.distance), thin, hair.sheer)
    shaven = hair.mohawk * smoothstep(0.10, 0.15, du.abs())
    shorn = torch.maximum(0.80 * sides.clamp(max=1), 0.62 * shaven)
    coverage = coverage * (1 - shorn) * lerp(1.0, in_head, torch.maximum(sides, shaven).clamp(0, 1))
    relief = (0.12 + 0.14 * kinky + 0.12 * hair.ropes) * texture.tone
    return cover(canvas, coverage, colour, normal_x + relief * 0.8, normal_y + relief * 0.3, 0.34)


def draw_bald_shine(canvas: Canvas, frame: Frame, anchors: HairAnchors, traits: Traits) -> Canvas:
    """The highlight on a bald head."""
    shine = bump(frame.u - anchors.centre_u + 0.12, frame.v - anchors.centre_v + 0.28, 0.12, 0.07)
    return paint(canvas, shine, traits.pure_white, 0.20 * (traits.bald + 0.6 * traits.hair.bare).clamp(max=1))
