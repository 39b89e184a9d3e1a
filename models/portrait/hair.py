"""Hair: its volume and texture, the hair behind the head, and the hair in front of it."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, cover, darken, paint, shade
from .distance import bump, ellipse, lerp, ridge, rounded_box, segment, smooth_max, smooth_min, smoothstep
from .frame import Frame, Pose, project
from .traits import HairShape, Traits


class HairAnchors(NamedTuple):
    """Places and radii [B,1,1] in the head frame."""

    centre_u: Tensor
    centre_v: Tensor
    radius_u: Tensor
    radius_v: Tensor
    parting_u: Tensor
    bun_u: Tensor
    bun_v: Tensor
    tail: tuple[Tensor, ...]  # ponytail: three points u0 v0 u1 v1 u2 v2
    back_width: Tensor
    face_u: Tensor  # centre of the open face
    face_v: Tensor
    face_radius: Tensor
    brow_to_line: Tensor  # height of the open face above its centre
    fringe_v: Tensor
    turn: Tensor  # sine of yaw


class HairVolume(NamedTuple):
    """Planes [B,H,W] shared by the hair behind and in front."""

    cap: Tensor  # distance to the hair on the skull
    outline: Tensor  # curls along the outline, in units of distance
    wave: Tensor
    strands: Tensor  # texture, about -1…1
    curls: Tensor
    texture: Tensor


def hair_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> HairAnchors:
    """Anchors of the hair on a head in the given pose."""
    hair, face = traits.hair, traits.face
    side = params["part"].view(-1, 1, 1)
    tail = [
        coordinate
        for x, y, z in ((0.16, -0.42, -0.16), (0.44, -0.02, -0.22), (0.42, 0.42, -0.20))
        for coordinate in project(pose, x * side, y, z)
    ]
    centre_u, centre_v = project(pose, 0, -0.10, -0.05)
    bun_u, bun_v = project(pose, 0, hair.bun_height, -0.12)
    face_u, face_v = project(pose, 0, 0.10, 0.26)
    return HairAnchors(
        centre_u=centre_u,
        centre_v=centre_v,
        radius_u=face * 1.015 + hair.side,
        radius_v=0.43 + hair.top,
        parting_u=project(pose, 0.06 * side * hair.side_parted, -0.40, 0.12)[0],
        bun_u=bun_u,
        bun_v=bun_v,
        tail=tuple(tail),
        back_width=torch.where(hair.back_width > 0, hair.back_width * (face / 0.355), hair.back_width),
        face_u=face_u,
        face_v=face_v,
        face_radius=face * hair.inner * (1 - 0.06 * pose.sin_yaw.abs()),
        brow_to_line=0.10 - hair.line + 0.02 * smoothstep(0.3, 1.0, traits.age) * (1 - traits.feminine),
        fringe_v=project(pose, 0, hair.fringe.clamp(max=1.0), 0.33)[1],
        turn=pose.sin_yaw,
    )


def hair_volume(frame: Frame, anchors: HairAnchors, hair: HairShape) -> HairVolume:
    """Outline and texture of the hair."""
    u, v = frame.u, frame.v
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    angle = torch.atan2(du, -dv)
    curled = torch.sin(angle * hair.frequency) * 0.6 + torch.sin(angle * hair.frequency * 1.7 + 1) * 0.4
    spikes = 2 * (torch.frac((angle + 3.2) * hair.frequency / 6.283) - 0.5).abs() - 0.5
    outline = torch.where(
        hair.spiky > 0, hair.curl * spikes * 1.6 * smoothstep(1.9, 0.6, angle.abs()), hair.curl * curled
    )
    cap = ellipse(du, dv, anchors.radius_u, anchors.radius_v) - outline
    fan = torch.atan2(u - anchors.parting_u, (dv + anchors.radius_v * 1.02).clamp(min=0.0) + 0.03) * 1.25
    along = torch.where(hair.parted > 0, fan, angle)
    radial = ((du / anchors.radius_u) ** 2 + (dv / anchors.radius_v) ** 2).sqrt()
    strands = torch.sin(along * 34 + 3 * torch.sin(along * 5 + v * 3)) * 0.6 + torch.sin(along * 71 + v * 4) * 0.4
    curls = torch.sin(u * 58 + 2.6 * torch.sin(v * 39)) * torch.sin(v * 54 + 2.2 * torch.sin(u * 45))
    curls = (curls + 0.5 * torch.sin(angle * 23 + 9 * radial)) * 0.75
    texture = lerp(strands, curls, hair.curly) * (1 - hair.buzz * 0.7)
    return HairVolume(cap, outline, hair.wave * torch.sin(v * 14), strands, curls, texture)


def draw_back_hair(canvas: Canvas, frame: Frame, anchors: HairAnchors, volume: HairVolume, traits: Traits) -> Canvas:
    """Hair that hangs behind head and neck."""
    u, v, hair = frame.u, frame.v, traits.hair
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    half = (hair.back_length - anchors.centre_v) / 2
    width = anchors.back_width * 0.92 + 0.05 * smoothstep(0.0, 0.8, v) + volume.wave
    fall = rounded_box(du, v - (anchors.centre_v + half), width.clamp(min=0.01), half.clamp(min=0.01), 0.16)
    distance = smooth_min(volume.cap, fall, 0.12)
    round_mass = ellipse(du, dv - 0.05, anchors.radius_u * 1.0, anchors.radius_v * 0.95) - volume.outline
    distance = torch.where(hair.curly > 0, smooth_min(distance, round_mass, 0.05), distance)
    distance = torch.where(hair.back_length > -1, distance, 1.0)
    inner = smoothstep(0.0, -0.16, distance)
    colour = shade(shade(traits.hair_colour, 0.72), 1 + 0.10 * volume.texture)
    colour = shade(colour, 0.62 + 0.38 * (1 - inner))
    normal_x = du / anchors.back_width.clamp(min=0.3) * 0.8 + 0.12 * volume.strands
    return cover(canvas, frame.coverage(distance), colour, normal_x, -0.1, 0.25)


def draw_bun(canvas: Canvas, frame: Frame, anchors: HairAnchors, traits: Traits) -> Canvas:
    """A knot of hair on top of the head."""
    radius = traits.hair.bun_radius
    du, dv = frame.u - anchors.bun_u, frame.v - anchors.bun_v
    distance = ellipse(du, dv, radius.clamp(min=0.01), radius.clamp(min=0.01) * 0.92)
    swirl = torch.sin((du * 1.2 + dv) * 62 + 3 * torch.sin(du * 14))
    colour = shade(shade(traits.hair_colour, 1 + 0.13 * swirl), 1 - 0.35 * smoothstep(0.0, 0.16, dv))
    coverage = frame.coverage(distance) * (radius > 0)
    return cover(canvas, coverage, colour, du / 0.165 + 0.1 * swirl, dv / 0.165, 0.45)


def draw_ponytail(canvas: Canvas, frame: Frame, anchors: HairAnchors, traits: Traits) -> Canvas:
    """A ponytail that swings out to the side of the parting."""
    u, v = frame.u, frame.v
    u0, v0, u1, v1, u2, v2 = anchors.tail
    upper, t_upper = segment(u, v, u0, v0, u1, v1)
    lower, t_lower = segment(u, v, u1, v1, u2, v2)
    distance = smooth_min(upper - 0.075 - 0.05 * t_upper, lower - 0.12 + 0.10 * t_lower, 0.1)
    strands = torch.sin((u * traits.part_side.sign() - v * 0.25) * 70)
    colour = shade(traits.hair_colour, 0.82 + 0.10 * strands)
    normal_x = ((u - u1) * 4 + 0.1 * strands).clamp(-0.9, 0.9)
    return cover(canvas, frame.coverage(distance) * traits.hair.ponytail, colour, normal_x, 0.0, 0.4)


def open_face(frame: Frame, anchors: HairAnchors, traits: Traits) -> Tensor:
    """Distance to the opening through which the face shows: a super-ellipse, slanted by the parting, with a fringe."""
    u, v, hair = frame.u, frame.v, traits.hair
    du = u - anchors.face_u
    slanted = v + hair.skew * traits.part_side * du * 0.9 * smoothstep(0.15, -0.25, v)
    dv = slanted - anchors.face_v
    above = slanted < anchors.face_v
    power = torch.where(above, hair.power, hair.power.clamp(min=2.0))
    height = torch.where(above, anchors.brow_to_line, 0.9)
    norm = ((du / anchors.face_radius).abs() ** power + (dv / height).abs() ** power).clamp(min=1e-6)
    distance = (norm ** (1 / power) - 1) * 0.30
    tufts = 0.018 * (2 * (torch.frac(du * 9 + 30.5) - 0.5).abs() - 0.5) + 0.05 * (du / 0.3) ** 2
    return torch.where(hair.fringe < 1, smooth_max(distance, anchors.fringe_v + tufts - v, 0.02), distance)


class FrontHair(NamedTuple):
    """Planes [B,H,W]: distance to the hair in front, and to the open face."""

    distance: Tensor
    opening: Tensor


def front_hair(frame: Frame, anchors: HairAnchors, volume: HairVolume, traits: Traits) -> FrontHair:
    """Outline of the hair in front of the head."""
    u, v, hair = frame.u, frame.v, traits.hair
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    opening = open_face(frame, anchors, traits)
    side_width = anchors.radius_u + 0.02 * smoothstep(0.1, 0.5, v) + volume.wave * 0.8
    sides = torch.maximum(du.abs() - side_width, -dv)
    distance = torch.where(hair.side_length > 0.15, smooth_min(volume.cap, sides, 0.04), volume.cap)
    taper = 0.10 * (du.abs() / traits.face - 0.8)
    ends = v - hair.side_length - taper * (hair.side_length > 0.5)
    ends = ends + 0.012 * torch.sin(u * 40) * (hair.side_length > 0.3)
    distance = smooth_max(distance, ends, 0.03)
    distance = smooth_max(distance, -opening + volume.outline * 0.3, 0.012 + 0.01 * (1 - hair.curly))
    return FrontHair(torch.where(hair.bald > 0, 1.0, distance), opening)


def shadow_rows(size: int) -> int:
    """How many pixels the hair's shadow falls below it."""
    return max(1, int(0.028 * size / 2 * 1.6))


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
    u, v, hair = frame.u, frame.v, traits.hair
    du, dv = u - anchors.centre_u, v - anchors.centre_v
    canvas = darken(canvas, smoothstep(0.035, -0.01, fallen) * in_head * (1 - hair.bald) * (1 - hair.buzz * 0.7), 0.66)
    radius = ((du / anchors.radius_u) ** 2 + (dv / anchors.radius_v) ** 2).clamp(0, 1.2).sqrt()
    rounded = smoothstep(1.3, 0.9, radius)
    normal_x = (du / anchors.radius_u * 0.95 * rounded + 0.55 * (1 - rounded) * u.sign()).clamp(-0.95, 0.95)
    normal_y = (dv / anchors.radius_v * 0.9 * smoothstep(0.3, -0.1, v)).clamp(-0.95, 0.95)
    relief = 0.14 + 0.16 * hair.curly
    shine = ridge(radius - 0.70 - 0.03 * volume.strands, 0.10) * smoothstep(0.15, -0.2, dv)
    shine = shine * (1 - hair.curly * 0.8) * (1 - hair.buzz)
    tone = 0.92 + 0.13 * volume.texture + 0.10 * hair.curly * volume.curls
    tone = tone * (1 - 0.28 * smoothstep(0.02, 0.0, front.opening.clamp(min=0)))
    gleam = shine * (0.5 + 0.5 * volume.strands)
    colour = tuple(channel * tone + gleam * (channel * 0.55 + 0.07) for channel in traits.hair_colour)
    seam = ridge(u - anchors.parting_u - 0.015 * torch.sin(v * 20), 0.010) * smoothstep(-0.06, -0.14, dv) * hair.seam
    colour = shade(colour, 1 - 0.42 * seam)
    colour = shade(colour, 1 - 0.18 * (smoothstep(0.0, 0.3, dv - 0.05) * (front.distance < 0)))
    cropped = smoothstep(0.008, -0.02, front.distance) * 0.85
    coverage = torch.where(hair.buzz > 0, cropped, frame.coverage(front.distance))
    texture = relief * volume.texture
    return cover(canvas, coverage, colour, normal_x + texture * 0.8, normal_y + texture * 0.3, 0.38)


def draw_bald_shine(canvas: Canvas, frame: Frame, anchors: HairAnchors, traits: Traits) -> Canvas:
    """The highlight on a bald head."""
    amount = bump(frame.u - anchors.centre_u + 0.12, frame.v - anchors.centre_v + 0.28, 0.11, 0.07) * traits.hair.bald
    return paint(canvas, amount, traits.pure_white, 0.22)
