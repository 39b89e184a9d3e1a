"""Earrings, piercings, hearing aids, glasses and sunglasses."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, cover, paint, shade
from .distance import hash_1d, ridge, rounded_box, segment, smoothstep
from .eyes import EyeAnchors
from .frame import Frame, Pose, project
from .traits import Traits, column, flag, look_up
from .vocabulary import EYEWEAR_SHAPES


class EarringAnchors(NamedTuple):
    """One earring, and the hearing aid above it; all [B,1,1]."""

    u: Tensor
    v: Tensor
    hoops: Tensor  # flags
    studs: Tensor
    pearls: Tensor
    aid: Tensor  # 1 where a hearing aid is worn on this ear
    side: Tensor
    ear_v: Tensor
    visible: Tensor


class PiercingAnchors(NamedTuple):
    """Places of ring, stud and brow piercing [B,1,1]: flags and u, v."""

    ring: Tensor
    stud: Tensor
    brow: Tensor
    ring_at: tuple[Tensor, ...]
    stud_at: tuple[Tensor, ...]
    brow_at: tuple[Tensor, ...]


class LensAnchors(NamedTuple):
    """One lens with its temple; all [B,1,1]."""

    u: Tensor
    v: Tensor
    foreshortening: Tensor
    side: Tensor
    hinge_u: Tensor
    temple_u: Tensor
    temple_v: Tensor
    temple_visible: Tensor


class GlassesAnchors(NamedTuple):
    """Both lenses (image left, image right), their shape (EYEWEAR_FIELDS) and the frame's colour."""

    left: LensAnchors
    right: LensAnchors
    worn: Tensor
    half_width: Tensor
    half_height: Tensor
    corner: Tensor
    lift: Tensor
    rim: Tensor
    dark: Tensor
    frame_colour: Colour


def earring_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, side: float) -> EarringAnchors:
    """Where an earring hangs; hidden on the far side of a turned head, and by a hijab."""
    ear_v = traits.eye_v + 0.038 + traits.length * 0.2
    low = 0.085 * column(params, "ear")
    u, v = project(pose, side * (traits.face * 0.965 + 0.020 * column(params, "ear_out")), ear_v + low, -0.02)
    bare_ear = (traits.bald > 0) | (traits.hair.side_length < 0.15)  # no hair hangs over it
    aid = flag(params, "hearing", "hearing aid") * bare_ear
    return EarringAnchors(
        u=u + side * 0.010,
        v=v,
        hoops=flag(params, "earrings", "hoops"),
        studs=flag(params, "earrings", "studs"),
        pearls=flag(params, "earrings", "pearls"),
        aid=aid,
        side=torch.full_like(u, side),
        ear_v=v - low,
        visible=smoothstep(0.35, 0.15, side * pose.sin_yaw)
        * (1 - traits.covered)
        * ((params["earrings"] > 0).float().view(-1, 1, 1) + aid > 0),
    )


def draw_earring(canvas: Canvas, frame: Frame, anchors: EarringAnchors, traits: Traits) -> Canvas:
    """Gold hoops, studs, pearl drops; a hearing aid behind the ear with its tube."""
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    gold = constant(du, 0.98, 0.78, 0.32)
    hoop = ((du**2 + (dv - 0.048) ** 2).sqrt() - 0.043).abs() - 0.0095
    stud = (du**2 + dv**2).sqrt() - 0.021
    canvas = cover(canvas, frame.coverage(hoop) * anchors.visible * anchors.hoops, gold, du * 12, (dv - 0.04) * 12, 0.9)
    canvas = cover(canvas, frame.coverage(stud) * anchors.visible * anchors.studs, gold, du * 22, dv * 22, 0.9)
    pearl_v = dv - 0.046
    pearl = (du**2 + pearl_v**2).sqrt() - 0.030
    worn = anchors.visible * anchors.pearls
    canvas = paint(canvas, frame.coverage(torch.maximum(du.abs() - 0.006, (dv - 0.01).abs() - 0.014)) * worn, gold)
    white = constant(du, 0.97, 0.95, 0.92)
    canvas = cover(canvas, frame.coverage(pearl) * worn, white, du * 22, pearl_v * 22, 0.8)
    au, av = du - anchors.side * 0.030, frame.v - anchors.ear_v + 0.036
    worn = anchors.visible * anchors.aid
    aid = rounded_box(au + 0.35 * av * anchors.side, av, 0.0150, 0.052, 0.0145)
    shell = constant(du, 0.45, 0.50, 0.58)
    canvas = cover(canvas, frame.coverage(aid) * worn, shell, au * 25, av * 7, 0.5)
    tube, _ = segment(au, av, 0.014 * anchors.side, -0.046, -0.050 * anchors.side, 0.022)
    canvas = paint(canvas, frame.coverage(tube - 0.0085) * worn, shell)
    plug = ((au + 0.050 * anchors.side) ** 2 + (av - 0.026) ** 2).sqrt() - 0.017
    return cover(canvas, frame.coverage(plug) * worn, shade(shell, 0.9), au * 2, av * 2, 0.4)


def piercing_anchors(
    params: dict[str, Tensor], pose: Pose, traits: Traits, wings: tuple[Tensor, ...], eye: EyeAnchors
) -> PiercingAnchors:
    """Where piercings sit; `wings` of the nose, `eye` on the image's right."""
    base_u, base_v = project(pose, 0, traits.nose_height + 0.046, 0.45)
    return PiercingAnchors(
        ring=flag(params, "piercing", "nose ring"),
        stud=flag(params, "piercing", "nose stud"),
        brow=flag(params, "piercing", "brow piercing"),
        ring_at=(base_u, base_v),
        stud_at=(wings[2], wings[3]),
        brow_at=(eye.brow_u + 0.055 * eye.foreshortening, eye.brow_v - 0.01),
    )


def draw_piercing(canvas: Canvas, frame: Frame, anchors: PiercingAnchors, traits: Traits) -> Canvas:
    """A ring under the nose, a stud in its wing, a bar through the brow; all of silver."""
    silver = constant(frame.u, 0.90, 0.91, 0.95)
    du, dv = frame.u - anchors.ring_at[0], frame.v - anchors.ring_at[1]
    ring = ((du**2 + dv**2).sqrt() - 0.024).abs() - 0.006
    canvas = cover(canvas, frame.coverage(torch.maximum(ring, -dv - 0.008)) * anchors.ring, silver, du * 9, dv * 9, 0.9)
    du, dv = frame.u - anchors.stud_at[0], frame.v - anchors.stud_at[1]
    stud = (du**2 + dv**2).sqrt() - 0.0115
    canvas = cover(canvas, frame.coverage(stud) * anchors.stud, silver, du * 30, dv * 30, 0.9)
    du, dv = frame.u - anchors.brow_at[0], frame.v - anchors.brow_at[1]
    for end in (-0.024, 0.024):
        ball = (du**2 + (dv - end) ** 2).sqrt() - 0.0115
        canvas = cover(canvas, frame.coverage(ball) * anchors.brow, silver, du * 30, (dv - end) * 30, 0.9)
    return canvas


def lens_anchors(
    params: dict[str, Tensor], pose: Pose, traits: Traits, eye: EyeAnchors, side: float, half_width: Tensor
) -> LensAnchors:
    """Where one lens sits and where its temple ends."""
    u, v = project(pose, side * (column(params, "eye_sp") * 0.6 + 0.069), traits.eye_v + 0.012, 0.385)
    temple_u, temple_v = project(pose, side * (traits.face + 0.005), traits.eye_v - 0.005, 0.02)
    return LensAnchors(
        u=u,
        v=v,
        foreshortening=eye.foreshortening,
        side=torch.full_like(u, side),
        hinge_u=u + side * half_width * eye.foreshortening,
        temple_u=temple_u,
        temple_v=temple_v - 0.02,
        temple_visible=smoothstep(0.25, 0.0, side * pose.sin_yaw),
    )


def glasses_anchors(
    params: dict[str, Tensor], pose: Pose, traits: Traits, left: EyeAnchors, right: EyeAnchors
) -> GlassesAnchors:
    """Glasses in front of both eyes; half of the frames (by `seed`) take on the colour that goes with the cloth."""
    coloured = 0.45 * (hash_1d(column(params, "seed")) > 0.5).float()
    half_width, half_height, corner, lift, rim, dark = look_up(EYEWEAR_SHAPES, params["eyewear"])
    colour = blend(constant(traits.face, 0.10, 0.09, 0.12), shade(traits.accent, 0.75), coloured)
    metal = (corner > 0.1).float()  # round frames are of gold wire
    return GlassesAnchors(
        left=lens_anchors(params, pose, traits, left, -1.0, half_width),
        right=lens_anchors(params, pose, traits, right, 1.0, half_width),
        worn=(params["eyewear"] > 0).float().view(-1, 1, 1),
        half_width=half_width,
        half_height=half_height,
        corner=corner,
        lift=lift,
        rim=rim,
        dark=dark,
        frame_colour=blend(colour, constant(traits.face, 0.72, 0.55, 0.30), metal * 0.85),
    )


def lens_distance(frame: Frame, lens: LensAnchors, anchors: GlassesAnchors) -> Tensor:
    """Distance to a lens; the outer upper corner may be lifted."""
    x = (frame.u - lens.u) / lens.foreshortening
    y = frame.v - lens.v
    outer = (x * lens.side / anchors.half_width).clamp(min=-0.3)
    lifted = y + anchors.lift * 0.10 * outer * outer * outer.sign() * smoothstep(0.10, -0.08, y)
    return rounded_box(x, lifted, anchors.half_width, anchors.half_height, anchors.corner)


def glasses_outline(frame: Frame, anchors: GlassesAnchors) -> Tensor:
    """Distance to the nearer lens."""
    return torch.minimum(lens_distance(frame, anchors.left, anchors), lens_distance(frame, anchors.right, anchors))


def shadow_rows(size: int) -> int:
    """How many pixels the shadow of the glasses falls below them."""
    return int(size * 0.012) + 1


def draw_glasses(
    canvas: Canvas, frame: Frame, anchors: GlassesAnchors, traits: Traits, in_head: Tensor, shadow: Tensor
) -> Canvas:
    """Temples, shadow, lenses, rims and bridge; `shadow` is the distance to the fallen outline of the lenses."""
    u, v, worn = frame.u, frame.v, anchors.worn
    left, right = anchors.left, anchors.right
    for lens in (left, right):
        temple, _ = segment(u, v, lens.hinge_u, lens.v - 0.03, lens.temple_u, lens.temple_v)
        canvas = paint(canvas, frame.coverage(temple - 0.010) * worn * lens.temple_visible, anchors.frame_colour)
    fallen = ridge(shadow, 0.014) * in_head * worn
    canvas = paint(canvas, fallen, traits.skin_shadow, 0.22)
    for lens in (left, right):
        distance = lens_distance(frame, lens, anchors)
        inside = frame.coverage(distance)
        dv = v - lens.v
        low = smoothstep(-0.10, 0.12, dv)
        glass = blend(constant(u, 0.05, 0.05, 0.08), tuple(c * 0.40 + 0.08 for c in traits.accent), low)
        canvas = paint(canvas, inside * anchors.dark * worn, glass, 0.95)
        stripe = ((u - lens.u) / lens.foreshortening + dv * 0.6 + 0.03).abs() - 0.018
        canvas = paint(canvas, inside * worn * 0.13 * smoothstep(0.012, 0.0, stripe), traits.white)
        canvas = paint(canvas, inside * (1 - anchors.dark) * worn, traits.white, 0.06)
        rim = frame.coverage(distance.abs() - anchors.rim) * worn
        canvas = cover(canvas, rim, anchors.frame_colour, (u - lens.u) * 2, dv * 2, 0.6)
    inner_left = left.u + anchors.half_width * left.foreshortening
    inner_right = right.u - anchors.half_width * right.foreshortening
    bridge, _ = segment(u, v, inner_left, left.v - 0.022, inner_right, right.v - 0.022)
    thickness = anchors.rim.clamp(min=0.006)
    return cover(canvas, frame.coverage(bridge - thickness) * worn, anchors.frame_colour, 0.0, -0.3, 0.6)
