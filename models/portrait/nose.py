"""Painted parts of the nose, and marks on the skin: freckles, mole, lines on the forehead."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, paint, shade, tint
from .distance import bump, ellipse, hash_2d, ridge, smoothstep
from .frame import Frame, Pose, project
from .head import both_sides
from .traits import Traits, column


class NoseAnchors(NamedTuple):
    """Places [B,1,1]; pairs as u, v of the left, then of the right side in image order."""

    width: Tensor
    nostrils: tuple[Tensor, ...]
    wings: tuple[Tensor, ...]
    mole: tuple[Tensor, ...]
    has_mole: Tensor
    freckles: Tensor  # 0–1


def nose_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits) -> NoseAnchors:
    """Anchors of nostrils, wings and mole."""
    width = column(params, "nose_w")
    return NoseAnchors(
        width=width,
        nostrils=both_sides(pose, width * 0.52, traits.nose_height + 0.034, 0.44),
        wings=both_sides(pose, width + 0.006, traits.nose_height + 0.012, 0.40),
        mole=project(pose, column(params, "mole_x") * traits.face, column(params, "mole_y"), 0.26),
        has_mole=column(params, "mole"),
        freckles=column(params, "freckles"),
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


def draw_nose(canvas: Canvas, frame: Frame, anchors: NoseAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """Shadow under the tip, nostrils, the crease around the wings, a highlight."""
    u, v, width = frame.u, frame.v, anchors.width
    du, dv = u - traits.nose_u, v - traits.nose_v
    canvas = paint(canvas, bump(du, dv - 0.046, width * 1.25, 0.016) * in_head, traits.skin_shadow, 0.26)
    for i, side in ((0, -1.0), (2, 1.0)):
        nu, nv = u - anchors.nostrils[i], v - anchors.nostrils[i + 1]
        nostril = frame.coverage(ellipse(nu + side * 0.2 * nv, nv, 0.0140 * (width / 0.05), 0.0075))
        canvas = paint(canvas, nostril, tint(traits.skin, 0.50, 0.32, 0.30), 0.62)
        wu, wv = u - anchors.wings[i], v - anchors.wings[i + 1]
        crease = ridge(ellipse(wu, wv, 0.026, 0.030), 0.007) * smoothstep(-0.01, 0.02, wu * side)
        canvas = paint(canvas, crease * in_head, traits.skin_shadow, 0.38)
    return paint(canvas, bump(du + 0.012, dv + 0.012, 0.020, 0.016), traits.pure_white, 0.26)


def forehead_lines(pose: Pose) -> tuple[Tensor, ...]:
    """Places of the two lines on the forehead: u0 v0 u1 v1."""
    return project(pose, 0, -0.235, 0.36) + project(pose, 0, -0.270, 0.36)


def draw_forehead_lines(
    canvas: Canvas, frame: Frame, lines: tuple[Tensor, ...], traits: Traits, in_head: Tensor
) -> Canvas:
    """Lines of age, or of surprise."""
    strength = 0.42 * smoothstep(0.45, 0.9, traits.age) + 0.18 * traits.surprised
    for i in (0, 2):
        du = frame.u - lines[i]
        line = ridge(frame.v - lines[i + 1] - 0.25 * du**2 + 0.004 * torch.sin(frame.u * 30), 0.0055)
        canvas = paint(canvas, line * smoothstep(0.20, 0.06, du.abs()) * in_head, traits.skin_shadow, strength)
    return canvas
