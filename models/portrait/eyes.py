"""Eyes with lids, lashes, brows and crow's feet."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, darken, paint, shade
from .distance import bump, lerp, ridge, segment, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, column, flag


class EyeAnchors(NamedTuple):
    """One eye; all [B,1,1]."""

    u: Tensor
    v: Tensor
    side: Tensor  # -1 image left, +1 image right
    foreshortening: Tensor
    squash: Tensor  # vertical, by pitch
    tilt_cos: Tensor
    tilt_sin: Tensor
    size: Tensor
    half_width: Tensor
    upper: Tensor  # height of the upper and of the lower lid
    lower: Tensor
    shut: Tensor  # 1 = closed (winking)
    gaze_u: Tensor
    gaze_v: Tensor
    brow_u: Tensor
    brow_v: Tensor
    brow_arch: Tensor
    brow_tilt: Tensor
    brow_thickness: Tensor
    brow_colour: Colour


class EyePlanes(NamedTuple):
    """Coordinates [B,H,W] of one eye: x towards the temple, y down."""

    x: Tensor
    y: Tensor
    along: Tensor  # the same, turned with the eye's tilt
    down: Tensor
    profile: Tensor  # 1 in the middle, 0 at the corners
    upper_lid: Tensor
    lower_lid: Tensor


def eye_anchors(params: dict[str, Tensor], pose: Pose, traits: Traits, side: float) -> EyeAnchors:
    """Anchors of the eye and the brow on one side."""
    offset = column(params, "eye_sp") * side
    u, v = project(pose, offset, -0.048 + traits.length * 0.2, 0.335)
    slope = -(offset / traits.face**2) * 0.38**2 / 0.335  # how fast the face falls away beside the eye
    size = column(params, "eye_size") * (1 + 0.10 * traits.surprised)
    openness = column(params, "eye_h") * (1 - 0.20 * traits.smile - 0.14 * traits.sad + 0.22 * traits.surprised)
    openness = openness * (1 - 0.25 * (pose.pitch < -0.15).float())
    tilt = -column(params, "eye_tilt") * 0.8
    brow_y = -0.150 - 0.008 * (size - 1) - 0.030 * traits.surprised - 0.010 * traits.big_smile + traits.length * 0.2
    brow_u, brow_v = project(pose, offset * 1.06, brow_y, 0.34)
    dark_brow = blend(shade(traits.hair_colour, 0.72), traits.black, 0.15)
    bald_brow = blend(shade(traits.hair_colour, 0.7), shade(traits.skin, 0.4), 0.3)
    bald = flag(params, "hair", "bald")
    return EyeAnchors(
        u=u,
        v=v,
        side=torch.full_like(u, side),
        foreshortening=(pose.cos_yaw + slope * pose.sin_yaw).clamp(0.45, 1.15),
        squash=1 - 0.3 * pose.sin_pitch.abs(),
        tilt_cos=tilt.cos(),
        tilt_sin=tilt.sin(),
        size=size,
        half_width=0.077 * size,
        upper=0.052 * size * openness,
        lower=0.030 * size * openness * (1 - 0.30 * traits.smile),
        shut=traits.wink * (1.0 if side > 0 else 0.0),
        gaze_u=pose.sin_yaw * 0.022,
        gaze_v=-pose.sin_pitch * 0.02,
        brow_u=brow_u,
        brow_v=brow_v,
        brow_arch=column(params, "brow_arch"),
        brow_tilt=column(params, "brow_tilt") + 0 * u,
        brow_thickness=column(params, "brow_th"),
        brow_colour=tuple(torch.where(bald > 0, bare, dark) for bare, dark in zip(bald_brow, dark_brow, strict=True)),
    )


def eye_planes(frame: Frame, eye: EyeAnchors) -> EyePlanes:
    """Coordinates of the eye and its lids."""
    x = (frame.u - eye.u) / eye.foreshortening * eye.side
    y = (frame.v - eye.v) / eye.squash
    along = x * eye.tilt_cos + y * eye.tilt_sin
    down = -x * eye.tilt_sin + y * eye.tilt_cos
    profile = (1 - (along / eye.half_width) ** 2).clamp(min=0)
    upper_lid = lerp(-eye.upper * profile**0.8, (eye.lower * 0.75) * profile, eye.shut)
    return EyePlanes(x, y, along, down, profile, upper_lid, eye.lower * profile)


def draw_socket(canvas: Canvas, frame: Frame, eye: EyeAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """The soft shadow around an eye."""
    x = (frame.u - eye.u) / eye.foreshortening * eye.side
    y = (frame.v - eye.v) / eye.squash
    shadow = bump(x, y + 0.012, 0.105 * eye.size, 0.058 * eye.size)
    return darken(canvas, shadow * in_head * (0.30 + 0.12 * traits.feminine), 0.80)


def draw_eye(canvas: Canvas, frame: Frame, eye: EyeAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """One eye: crease, eyeball, lashes, lower lid, brow, crow's feet; all within the head's outline."""
    planes = eye_planes(frame, eye)
    root = planes.profile.sqrt()
    crease = ridge(planes.down - planes.upper_lid + 0.021 * eye.size, 0.0075) * root * in_head
    canvas = paint(canvas, crease * in_head, traits.skin_shadow, 0.50)
    canvas = draw_eyeball(canvas, frame, eye, planes, traits, in_head)
    canvas = draw_lashes(canvas, frame, eye, planes, traits, in_head)
    below = planes.down - planes.lower_lid
    lid_line = ridge(below - 0.002, 0.0045) * root
    canvas = paint(canvas, lid_line * in_head, shade(traits.skin_shadow, 0.7), 0.42)
    bag = ridge(below - 0.026, 0.008) * planes.profile * smoothstep(0.2, 1.0, traits.age)
    canvas = paint(canvas, bag * in_head, traits.skin_shadow, 0.42)
    corner = bump(planes.along + eye.half_width * 0.98, planes.down - 0.002, 0.012, 0.009)
    canvas = paint(canvas, corner * in_head, blend(traits.skin, constant(below, 0.80, 0.30, 0.28), 0.45), 0.5)
    canvas = draw_brow(canvas, frame, eye, traits, in_head)
    for lift in (-0.03, 0.0, 0.03):
        width = eye.half_width
        distance, _ = segment(planes.x, planes.y, width * 1.22, lift * 0.5, width * 1.62, lift * 1.5 - 0.004)
        feet = ridge(distance, 0.005) * in_head
        canvas = paint(canvas, feet * in_head, traits.skin_shadow, 0.5 * smoothstep(0.45, 0.9, traits.age))
    return canvas


def draw_eyeball(
    canvas: Canvas, frame: Frame, eye: EyeAnchors, planes: EyePlanes, traits: Traits, in_head: Tensor
) -> Canvas:
    """White, iris, pupil and reflections between the lids."""
    ratio = (planes.along / eye.half_width).abs()
    under_lid = planes.down - planes.upper_lid
    ball = frame.coverage(torch.maximum(-under_lid, planes.down - planes.lower_lid))
    ball = ball * smoothstep(1.01, 0.97, ratio) * (1 - eye.shut)
    seen = ball * in_head
    shading = 1 - 0.26 * smoothstep(0.030, 0.0, under_lid) - 0.10 * smoothstep(0.6, 1.0, ratio)
    canvas = paint(canvas, seen, shade(traits.white, shading))
    canvas = canvas._replace(gloss=canvas.gloss + ball * 0.3)

    radius = 0.0435 * eye.size
    x = planes.x - eye.gaze_u * eye.side
    y = planes.y + 0.004 - eye.gaze_v + 0.004
    distance = (x * x + y * y).sqrt()
    share = (distance / radius).clamp(0, 1)
    tone = 0.78 + 0.75 * smoothstep(-0.3, 1.0, y / radius) * smoothstep(1.0, 0.5, share)
    iris = shade(shade(traits.iris, tone), 1 - 0.60 * smoothstep(0.80, 1.0, share))
    spokes = 1 + 0.12 * torch.sin(torch.atan2(y, x) * 18) * smoothstep(0.4, 0.7, share)
    iris = shade(shade(iris, spokes), 1 - 0.35 * smoothstep(0.028, 0.0, under_lid))
    canvas = paint(canvas, frame.coverage(distance - radius) * seen, iris)
    pupil = frame.coverage(distance - radius * (0.46 + 0.06 * traits.surprised))
    canvas = paint(canvas, pupil * seen, traits.black)
    gaze_x = frame.u - eye.u - eye.gaze_u * eye.foreshortening
    spark = ((gaze_x + 0.30 * radius) ** 2 + (frame.v - eye.v + 0.38 * radius) ** 2).sqrt() - radius * 0.27
    canvas = paint(canvas, frame.coverage(spark) * seen, traits.pure_white)
    spark = ((gaze_x - 0.32 * radius) ** 2 + (frame.v - eye.v - 0.36 * radius) ** 2).sqrt() - radius * 0.14
    return paint(canvas, frame.coverage(spark) * seen, traits.white, 0.75)


def draw_lashes(
    canvas: Canvas, frame: Frame, eye: EyeAnchors, planes: EyePlanes, traits: Traits, in_head: Tensor
) -> Canvas:
    """The dark line of the upper lid, and feminine wings at its outer end."""
    feminine, width = traits.feminine, eye.half_width
    wing = smoothstep(0.2, 1.0, planes.along / width)
    thickness = 0.0060 + 0.0045 * feminine + 0.004 * wing * feminine + 0.003 * eye.shut
    distance = (planes.down - planes.upper_lid).abs() - thickness * (0.35 + 0.65 * planes.profile.sqrt())
    line = frame.coverage((distance - 0.003 * wing * feminine) * 0.9)
    line = line * smoothstep(1.16, 1.0, (planes.along / width).abs())
    canvas = paint(canvas, line * in_head, traits.lash, 0.92)
    start_y = -eye.upper * 0.15 + eye.shut * eye.upper * 0.2
    end_y = -eye.upper * 0.62 + eye.shut * eye.upper * 0.6
    distance, t = segment(planes.along, planes.down, width * 0.88, start_y, width * 1.28, end_y)
    tip = frame.coverage(distance - 0.0085 * (1 - t)) * smoothstep(0.3, 0.6, feminine)
    return paint(canvas, tip * in_head, traits.lash, 0.9)


def draw_brow(canvas: Canvas, frame: Frame, eye: EyeAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """The eyebrow."""
    x = (frame.u - eye.brow_u) / eye.foreshortening * eye.side
    y = frame.v - eye.brow_v
    t = x / 0.092
    line = -eye.brow_arch * (1 - t**2) - eye.brow_tilt * t - 0.030 * (-t) * traits.sad + 0.012 * t * t
    thickness = eye.brow_thickness * (0.55 + 0.45 * smoothstep(1.0, -0.1, t))
    thickness = thickness * smoothstep(-1.12, -0.7, t) * smoothstep(1.05, 0.4, t).clamp(min=0.15)
    coverage = frame.coverage((y - line).abs() - thickness) * smoothstep(1.05, 0.95, t.abs())
    hairs = 1 + 0.18 * torch.sin(x * 330 + y * 260)
    return paint(canvas, coverage * in_head, shade(eye.brow_colour, hairs), 0.90)
