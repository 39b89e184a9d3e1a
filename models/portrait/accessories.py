"""Earrings, glasses and sunglasses."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, cover, darken, paint, shade
from .distance import hash_1d, rounded_box, segment, smoothstep
from .eyes import EyeAnchors
from .frame import Frame, Pose, project
from .traits import Traits, column, flag

LENS_RADIUS = 0.103


class EarringAnchors(NamedTuple):
    """One earring; all [B,1,1]."""

    u: Tensor
    v: Tensor
    visible: Tensor


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
    """Both lenses (image left, image right), flags (0 or 1) and the frame's colour."""

    left: LensAnchors
    right: LensAnchors
    clear: Tensor
    dark: Tensor
    frame_colour: Colour


def earring_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, side: float) -> EarringAnchors:
    """Where an earring hangs; hidden on the far side of a turned head."""
    u, v = project(pose, side * traits.face * 1.01, 0.115 + traits.length * 0.4, -0.02)
    worn = (params["earrings"] > 0).float().view(-1, 1, 1)
    return EarringAnchors(u + side * 0.012, v, smoothstep(0.35, 0.15, side * pose.sin_yaw) * worn)


def draw_earring(canvas: Canvas, frame: Frame, anchors: EarringAnchors, traits: Traits) -> Canvas:
    """A gold hoop on feminine people, a stud on others."""
    du, dv = frame.u - anchors.u, frame.v - anchors.v
    hoop = ((du**2 + (dv - 0.045) ** 2).sqrt() - 0.038).abs() - 0.009
    stud = (du**2 + dv**2).sqrt() - 0.020
    coverage = frame.coverage(torch.where(traits.feminine > 0.5, hoop, stud)) * anchors.visible
    return cover(canvas, coverage, constant(du, 0.98, 0.78, 0.30), du * 14, (dv - 0.04) * 14, 1.0)


def lens_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, eye: EyeAnchors, side: float) -> LensAnchors:
    """Where one lens sits and where its temple ends."""
    u, v = project(pose, side * (column(params, "eye_sp") + 0.008), -0.038 + traits.length * 0.2, 0.385)
    temple_u, temple_v = project(pose, side * (traits.face + 0.005), -0.045, 0.02)
    return LensAnchors(
        u=u,
        v=v,
        foreshortening=eye.foreshortening,
        side=torch.full_like(u, side),
        hinge_u=u + side * LENS_RADIUS * eye.foreshortening,
        temple_u=temple_u,
        temple_v=temple_v - 0.02,
        temple_visible=smoothstep(0.25, 0.0, side * pose.sin_yaw),
    )


def glasses_anchors(
    params: dict[str, Tensor], pose: Pose, traits: Traits, left: EyeAnchors, right: EyeAnchors
) -> GlassesAnchors:
    """Glasses in front of both eyes; half of the frames take on the headwear's colour (by `seed`)."""
    coloured = 0.35 * (hash_1d(column(params, "seed")) > 0.5).float()
    return GlassesAnchors(
        left=lens_anchors(params, pose, traits, left, -1.0),
        right=lens_anchors(params, pose, traits, right, 1.0),
        clear=flag(params, "eyewear", "glasses"),
        dark=flag(params, "eyewear", "sunglasses"),
        frame_colour=blend(constant(traits.face, 0.10, 0.09, 0.12), shade(traits.hat_colour, 0.7), coloured),
    )


def lens_distance(frame: Frame, lens: LensAnchors, clear: Tensor) -> Tensor:
    """Distance to a lens; clear ones are rounder."""
    return rounded_box(
        (frame.u - lens.u) / lens.foreshortening,
        frame.v - lens.v,
        LENS_RADIUS + 0.008,
        LENS_RADIUS * 0.86,
        0.068 + 0.02 * clear,
    )


def glasses_outline(frame: Frame, anchors: GlassesAnchors) -> Tensor:
    """Distance to the nearer lens."""
    return torch.minimum(
        lens_distance(frame, anchors.left, anchors.clear), lens_distance(frame, anchors.right, anchors.clear)
    )


def shadow_rows(size: int) -> int:
    """How many pixels the shadow of the glasses falls below them."""
    return int(size * 0.012) + 1


def draw_glasses(
    canvas: Canvas, frame: Frame, anchors: GlassesAnchors, traits: Traits, in_head: Tensor, shadow: Tensor
) -> Canvas:
    """Temples, shadow, lenses, rims and bridge; `shadow` is the distance to the fallen outline of the lenses."""
    u, v = frame.u, frame.v
    worn = anchors.clear + anchors.dark
    left, right = anchors.left, anchors.right
    for lens in (left, right):
        temple, _ = segment(u, v, lens.hinge_u, lens.v - 0.03, lens.temple_u, lens.temple_v)
        canvas = paint(canvas, frame.coverage(temple - 0.011) * worn * lens.temple_visible, anchors.frame_colour)
    canvas = darken(canvas, smoothstep(0.025, -0.01, shadow.abs() - 0.012) * in_head * worn * 0.5, 0.72)
    for lens in (left, right):
        distance = lens_distance(frame, lens, anchors.clear)
        inside = frame.coverage(distance)
        dv = v - lens.v
        low = smoothstep(-0.10, 0.12, dv)
        glass = blend(constant(u, 0.05, 0.05, 0.08), tuple(c * 0.35 + 0.08 for c in traits.hat_colour), low)
        canvas = paint(canvas, inside * anchors.dark, glass, 0.95)
        stripe = ((u - lens.u) / lens.foreshortening + dv * 0.6 + 0.03).abs() - 0.018
        reflection = inside * (anchors.dark * 0.16 + anchors.clear * 0.16) * smoothstep(0.012, 0.0, stripe)
        canvas = paint(canvas, reflection, traits.white)
        canvas = paint(canvas, inside * anchors.clear, traits.white, 0.07)
        rim = frame.coverage(distance.abs() - 0.0115) * worn
        canvas = cover(canvas, rim, anchors.frame_colour, (u - lens.u) * 2, dv * 2, 0.8)
    inner_left = left.u + LENS_RADIUS * left.foreshortening
    inner_right = right.u - LENS_RADIUS * right.foreshortening
    bridge, _ = segment(u, v, inner_left, left.v - 0.02, inner_right, right.v - 0.02)
    return cover(canvas, frame.coverage(bridge - 0.0105) * worn, anchors.frame_colour, 0.0, -0.3, 0.8)
