"""Painted parts of the nose, and marks on the skin: freckles, mole, scar, lines on the forehead."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, paint, shade, tint
from .distance import bump, ellipse, hash_2d, ridge, segment, smoothstep
from .frame import Frame, Pose, project
from .head import both_sides
from .traits import Traits, column


class NoseAnchors(NamedTuple):
    """Places [B,1,1]; pairs as u, v of the left, then of the right side in image order."""

    width: Tensor
    bridge: Tensor  # half width
    tip: Tensor  # factor
    root_u: Tensor
    root_v: Tensor
    base_u: Tensor
    base_v: Tensor
    nostrils: tuple[Tensor, ...]
    nostril_height: Tensor
    wings: tuple[Tensor, ...]
    mole: tuple[Tensor, ...]
    has_mole: Tensor
    freckles: Tensor  # 0–1
    scar: tuple[Tensor, ...]
    has_scar: Tensor


def nose_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> NoseAnchors:
    """Anchors of nostrils, wings, mole and scar."""
    width = column(params, "nose_w")
    up = column(params, "nose_up")
    root_u, root_v = project(pose, 0, traits.eye_v - 0.01, 0.40)
    base_u, base_v = project(pose, 0, traits.nose_height + 0.040, 0.43)
    side = column(params, "part")
    return NoseAnchors(
        width=width,
        bridge=0.026 * column(params, "bridge"),
        tip=column(params, "tip"),
        root_u=root_u,
        root_v=root_v,
        base_u=base_u,
        base_v=base_v,
        nostrils=both_sides(pose, width * 0.54, traits.nose_height + 0.032, 0.43),
        nostril_height=0.0078 + 0.16 * up.clamp(min=-0.012),
        wings=both_sides(pose, width + 0.004, traits.nose_height + 0.012, 0.40),
        mole=project(pose, column(params, "mole_x") * traits.face, column(params, "mole_y"), 0.26),
        has_mole=column(params, "mole"),
        freckles=column(params, "freckles"),
        scar=project(pose, side * 0.20, traits.eye_v - 0.13, 0.30) + project(pose, side * 0.185, 0.075, 0.30),
        has_scar=column(params, "scar"),
    )


def freckle_noise(frame: Frame, traits: Traits) -> Tensor:
    """One random number per freckle cell [B,H,W].

    Apart from draw_freckles because it must not be compiled: the hash magnifies the last bit of a sine, so another
    implementation of the sine would give other freckles.
    """
    return hash_2d(((frame.u - traits.nose_u) * 34).floor(), ((frame.v - traits.nose_v) * 34).floor())


def draw_freckles(
    canvas: Canvas, frame: Frame, anchors: NoseAnchors, traits: Traits, in_head: Tensor, noise: Tensor
) -> Canvas:
    """Freckles over nose and cheeks: one dot per cell of a grid, its place, size and presence from freckle_noise."""
    du, dv = frame.u - traits.nose_u, frame.v - traits.nose_v
    cell_u, cell_v = (du * 34).floor(), (dv * 34).floor()
    offset_u = du * 34 - cell_u - 0.22 - 0.56 * noise
    offset_v = dv * 34 - cell_v - 0.22 - 0.56 * torch.frac(noise * 77.7)
    size = torch.frac(noise * 911.3)
    dot = smoothstep(0.16 + 0.16 * size, 0.06 + 0.08 * size, (offset_u * offset_u + offset_v * offset_v).sqrt())
    amount = dot * (torch.frac(noise * 37.7) > 0.42) * bump(du, dv + 0.03, 0.22, 0.085) * 1.5
    return paint(canvas, amount.clamp(0, 1) * anchors.freckles * in_head, tint(traits.skin, 0.74, 0.50, 0.38), 0.62)


def draw_mole(canvas: Canvas, frame: Frame, anchors: NoseAnchors, traits: Traits) -> Canvas:
    """A mole on one cheek."""
    distance = ((frame.u - anchors.mole[0]) ** 2 + (frame.v - anchors.mole[1]) ** 2).sqrt() - 0.011
    return paint(canvas, frame.coverage(distance) * anchors.has_mole, shade(traits.skin, 0.38))


def draw_scar(canvas: Canvas, frame: Frame, anchors: NoseAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """A thin scar through one brow and cheek."""
    distance, t = segment(frame.u, frame.v, *anchors.scar)
    line = ridge(distance, 0.0065) * smoothstep(0.0, 0.15, t) * smoothstep(1.0, 0.85, t)
    return paint(canvas, line * in_head, tint(traits.skin, 1.10, 0.86, 0.84), 0.75 * anchors.has_scar)


def draw_nose(canvas: Canvas, frame: Frame, anchors: NoseAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """Shadow beside the bridge and under the tip, nostrils, the crease around the wings, highlights."""
    u, v, width = frame.u, frame.v, anchors.width
    du, dv = u - traits.nose_u, v - traits.nose_v
    across, along = segment(u, v, anchors.root_u, anchors.root_v, traits.nose_u, traits.nose_v - 0.02)
    flank = ridge(across - anchors.bridge - 0.012 - 0.010 * along, 0.016) * smoothstep(0.0, 0.12, along)
    canvas = paint(canvas, flank * in_head, traits.skin_shadow, 0.15)
    below = bump(u - anchors.base_u, v - anchors.base_v - 0.014, width * 1.15, 0.017)
    canvas = paint(canvas, below * in_head, traits.skin_shadow, 0.34)
    lower = ridge(ellipse(du, dv + 0.002, 0.024 * anchors.tip + width * 0.25, 0.036), 0.009) * smoothstep(0.0, 0.03, dv)
    canvas = paint(canvas, lower * in_head, traits.skin_shadow, 0.34)
    for i, side in ((0, -1.0), (2, 1.0)):
        nu, nv = u - anchors.nostrils[i], v - anchors.nostrils[i + 1]
        nostril = ellipse(nu + side * 0.25 * nv, nv, 0.0140 * (width / 0.05), anchors.nostril_height)
        canvas = paint(canvas, smoothstep(0.005, -0.005, nostril), tint(traits.skin, 0.46, 0.28, 0.26), 0.66)
        wu, wv = u - anchors.wings[i], v - anchors.wings[i + 1]
        crease = ridge(ellipse(wu, wv, 0.025, 0.030), 0.0075) * smoothstep(-0.01, 0.02, wu * side)
        canvas = paint(canvas, crease * in_head, traits.skin_shadow, 0.42)
    shine = bump(du + 0.010, dv + 0.010, 0.015 * anchors.tip + 0.004, 0.014)
    canvas = paint(canvas, shine, traits.pure_white, 0.30)
    bridge = ridge(across, anchors.bridge * 0.45) * smoothstep(0.1, 0.4, along) * smoothstep(1.0, 0.7, along)
    return paint(canvas, bridge * in_head, traits.pure_white, 0.10)


def forehead_lines(pose: Pose) -> tuple[Tensor, ...]:
    """Places of the three lines on the forehead: u0 v0 u1 v1 u2 v2."""
    return tuple(x for height in (-0.205, -0.238, -0.272) for x in project(pose, 0, height, 0.36))


def draw_forehead_lines(
    canvas: Canvas, frame: Frame, lines: tuple[Tensor, ...], traits: Traits, in_head: Tensor
) -> Canvas:
    """Lines of age, or of surprise; the frown between the brows of anger and age."""
    strength = 0.46 * smoothstep(0.40, 0.9, traits.age) + 0.16 * traits.surprised
    for i in (0, 2, 4):
        du = frame.u - lines[i]
        line = ridge(frame.v - lines[i + 1] - 0.25 * du**2 + 0.005 * torch.sin(frame.u * 26 + i), 0.0055)
        canvas = paint(canvas, line * smoothstep(0.20, 0.06, du.abs()) * in_head, traits.skin_shadow, strength)
    du = (frame.u - lines[0]).abs() - 0.024
    frown = ridge(du, 0.0055) * bump(frame.v - lines[1] - 0.075, 0.0 * du, 0.026, 1.0)
    amount = 0.55 * traits.angry + 0.22 * smoothstep(0.5, 1.0, traits.age)
    return paint(canvas, frown * in_head, traits.skin_shadow, amount)
