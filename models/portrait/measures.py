"""What could be measured on a drawn face: points of eyes, brows, nose, mouth, outline and ears, in pixels.

They are taken from the plan that the picture is drawn by, so they are exact; sizes (of the iris, of brows and lips)
appear as points at their ends.
"""

import torch
from torch import Tensor

from .align import ARCFACE_TEMPLATE
from .eyes import EyeAnchors
from .frame import Frame, to_pixels
from .head import head_distance
from .plan import Plan, landmarks

OUTLINE_HEIGHTS = (-0.20, -0.05, 0.10, 0.20, 0.28, 0.34)  # where the face's width is measured, from the eyes down
OUTLINE_STEPS = 161


def eye_points(eye: EyeAnchors) -> list[tuple[Tensor, Tensor]]:
    """Points (u, v) of one eye and its brow."""

    def place(along: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        x = along * eye.tilt_cos - down * eye.tilt_sin
        y = along * eye.tilt_sin + down * eye.tilt_cos
        return eye.u + x * eye.foreshortening * eye.side, eye.v + y * eye.squash

    zero, width = torch.zeros_like(eye.u), eye.half_width
    inner = 1 - 0.45 * eye.epicanthus * 0.6
    points = [
        place(-width, zero),
        place(width, zero),
        place(zero, -eye.upper),
        place(zero, eye.lower),
        place(0.55 * width, -eye.upper * 0.77 * (1 + 0.55 * eye.skew) * (1 - 0.13 * eye.hood)),
        place(-0.65 * width, -eye.upper * 0.68 * (1 - 0.65 * eye.skew) * inner),
        place(zero, -eye.upper - eye.fold_height * eye.fold),
        place(eye.iris_radius, zero),
    ]
    for t in (-1.0, 0.2, 1.0):
        bow = 1 - ((t - 0.20) / 1.20) ** 2
        y = eye.brow_v - eye.brow_arch * bow - eye.brow_tilt * t
        points.append((eye.brow_u + t * eye.brow_length * eye.foreshortening * eye.side, y))
    points.append((points[-2][0], points[-2][1] + eye.brow_thickness))
    return points


def outline_points(plan: Plan) -> list[tuple[Tensor, Tensor]]:
    """The head's outline at OUTLINE_HEIGHTS on both sides, and the chin's lowest point; found on a fine raster."""
    traits = plan.traits
    steps = torch.linspace(0, 0.5, OUTLINE_STEPS)[None, None]
    middle = (plan.head.skull_u + traits.chin_u) / 2
    points = []
    for side in (-1.0, 1.0):
        for height in OUTLINE_HEIGHTS:
            v = (height + traits.length).expand(-1, 1, OUTLINE_STEPS)
            u = middle + side * steps
            inside = head_distance(Frame(u, v, u, v, steps), plan.head, traits).sigmoid()
            # A soft count of the points inside: finer than the raster.
            crossed = (0.5 - (inside - 0.5) * 800).clamp(0, 1).sum(2, keepdim=True)
            points.append((middle + side * crossed * (0.5 / (OUTLINE_STEPS - 1)), v[:, :, :1]))
    v = traits.chin_v + steps * 0.8
    u = traits.chin_u.expand_as(v)
    inside = head_distance(Frame(u, v, u, v, steps), plan.head, traits).sigmoid()
    crossed = (0.5 - (inside - 0.5) * 800).clamp(0, 1).sum(2, keepdim=True)
    points.append((traits.chin_u, traits.chin_v + crossed * (0.4 / (OUTLINE_STEPS - 1))))
    return points


def face_points(plan: Plan, size: int) -> Tensor:
    """All points [B,P,2] in pixels of a size×size picture."""
    traits, nose, mouth, head = plan.traits, plan.nose, plan.mouth, plan.head
    points = [point for eye in plan.eyes for point in eye_points(eye)] + outline_points(plan)
    tip = 0.5 * head.nose_width + 0.026 * head.tip
    points += [
        (traits.nose_u, traits.nose_v),
        (nose.base_u, nose.base_v),
        (nose.wings[0], nose.wings[1]),
        (nose.wings[2], nose.wings[3]),
        (traits.nose_u + tip, traits.nose_v),
        (nose.root_u + nose.bridge, nose.root_v),
        (traits.nose_u, nose.base_v + nose.nostril_height),
        (head.hump_u, head.hump_v + 0.03 * head.hump),
    ]
    for t in (-1.0, 1.0):
        points.append((mouth.u + t * mouth.half_width * mouth.foreshortening, mouth.v - mouth.curve * 0.65))
    upper = mouth.v + mouth.curve * 0.35 - mouth.opening * 0.30
    lower = mouth.v + mouth.curve * 0.35 + mouth.opening * 0.85
    points += [
        (mouth.u, upper - mouth.upper * (1 - 0.42 * mouth.bow)),
        (mouth.u + 0.3 * mouth.half_width, upper - mouth.upper * (1 + 0.12 * mouth.bow)),
        (mouth.u, lower + mouth.lower),
        (mouth.u, mouth.v + mouth.curve * 0.35),
    ]
    for ear in plan.far_ears:
        points += [(ear.u + ear.side * ear.radius_u, ear.v), (ear.u, ear.v + ear.radius_v + ear.lobe)]
    return torch.stack([to_pixels(plan.pose, u, v, size) for u, v in points], 1)


def aligned_points(plan: Plan, size: int = 256) -> Tensor:
    """face_points [B,P,2] moved, turned and scaled so that the five landmarks meet ArcFace's 112-px template."""
    points, marks = face_points(plan, size), landmarks(plan, size)
    template = torch.tensor(ARCFACE_TEMPLATE)
    middle, template_middle = marks.mean(1, keepdim=True), template.mean(0)
    a = torch.view_as_complex((marks - middle).contiguous())
    b = torch.view_as_complex((template - template_middle).contiguous())
    turn = (a.conj() * b).sum(1) / (a.abs() ** 2).sum(1)
    moved = torch.view_as_complex((points - middle).contiguous()) * turn[:, None]
    return torch.view_as_real(moved) + template_middle
