"""Eyes with lids, lashes, brows and crow's feet."""

from typing import NamedTuple

import torch
from torch import Tensor

from .canvas import Canvas, Colour, blend, constant, paint, shade, tint
from .distance import bump, lerp, ridge, segment, smoothstep
from .frame import Frame, Pose, project
from .traits import Traits, column, flag

# Half sizes of an eye of size 1: half width, heights of the lids above and below its line, radius of the iris.
HALF_WIDTH, UPPER, LOWER, IRIS = 0.088, 0.058, 0.037, 0.0535


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
    skew: Tensor  # where the opening is highest: positive towards the temple
    shut: Tensor  # 1 = closed
    fold: Tensor  # strength of the lid's fold
    fold_height: Tensor
    epicanthus: Tensor  # 0–1
    hood: Tensor  # 0–1
    bags: Tensor  # 0–1
    iris_radius: Tensor
    gaze_u: Tensor
    gaze_v: Tensor
    brow_u: Tensor
    brow_v: Tensor
    brow_length: Tensor
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
    u, v = project(pose, offset, traits.eye_v, 0.335)
    slope = -(offset / traits.face**2) * 0.38**2 / 0.335  # how fast the face falls away beside the eye
    size = column(params, "eye_size") * (1 + 0.06 * traits.surprised)
    mood = 1 - 0.16 * traits.smile - 0.14 * traits.sad + 0.22 * traits.surprised - 0.16 * traits.angry
    openness = column(params, "eye_h") * mood * (1 - 0.10 * smoothstep(0.4, 1.0, traits.age))
    openness = openness * (1 - 0.25 * (pose.pitch < -0.15).float())
    tilt = -column(params, "eye_tilt") * 0.8 + 0.05 * smoothstep(0.5, 1.0, traits.age)
    lift = 0.026 * traits.surprised + 0.006 * traits.big_smile - 0.014 * traits.angry
    brow_y = traits.eye_v - 0.118 - 0.030 * (size - 1) - lift - column(params, "brow_y")
    brow_u, brow_v = project(pose, offset * 1.05 + side * column(params, "brow_gap"), brow_y, 0.34)
    dark_brow = blend(shade(traits.body_hair, 0.78), traits.black, 0.12)
    pale_brow = blend(shade(traits.body_hair, 0.70), shade(traits.skin, 0.5), 0.2)
    pale = (traits.body_hair[0] > 0.75).float()
    shut = traits.wink * (1.0 if side > 0 else 0.0) + flag(params, "expr", "closed eyes")
    lid = column(params, "lid")
    return EyeAnchors(
        u=u,
        v=v,
        side=torch.full_like(u, side),
        foreshortening=(pose.cos_yaw + slope * pose.sin_yaw).clamp(0.45, 1.15),
        squash=1 - 0.3 * pose.sin_pitch.abs(),
        tilt_cos=tilt.cos(),
        tilt_sin=tilt.sin(),
        size=size,
        half_width=HALF_WIDTH * size,
        upper=UPPER * size * openness,
        lower=LOWER * size * openness * (1 - 0.34 * traits.smile),
        skew=column(params, "eye_skew"),
        shut=shut,
        fold=0.10 + 0.75 * lid,
        fold_height=(0.014 + 0.016 * lid) * size,
        epicanthus=column(params, "epicanthus").clamp(min=0),
        hood=(column(params, "hood").clamp(min=0) + 0.4 * smoothstep(0.5, 1.0, traits.age)).clamp(max=1),
        bags=(column(params, "bags").clamp(min=0) * 0.5 + smoothstep(0.25, 1.0, traits.age)).clamp(max=1),
        iris_radius=IRIS * (0.4 + 0.6 * size) * column(params, "iris_r"),
        gaze_u=pose.sin_yaw * 0.022,
        gaze_v=-pose.sin_pitch * 0.035,
        brow_u=brow_u,
        brow_v=brow_v,
        brow_length=0.090 * column(params, "brow_len"),
        brow_arch=column(params, "brow_arch"),
        brow_tilt=column(params, "brow_tilt") + 0.024 * traits.angry - 0.026 * traits.sad + 0 * u,
        brow_thickness=column(params, "brow_th"),
        brow_colour=tuple(torch.where(pale > 0, a, b) for a, b in zip(pale_brow, dark_brow, strict=True)),
    )


def eye_planes(frame: Frame, eye: EyeAnchors) -> EyePlanes:
    """Coordinates of the eye and its lids."""
    x = (frame.u - eye.u) / eye.foreshortening * eye.side
    y = (frame.v - eye.v) / eye.squash
    along = x * eye.tilt_cos + y * eye.tilt_sin
    down = -x * eye.tilt_sin + y * eye.tilt_cos
    share = along / eye.half_width
    profile = (1 - share**2).clamp(min=0)
    # The fold of the inner corner pulls the upper lid down there; a hood does so at the outer corner.
    drawn = 1 - 0.45 * eye.epicanthus * smoothstep(-0.35, -0.95, share) - 0.30 * eye.hood * smoothstep(0.2, 0.95, share)
    upper = eye.upper * profile**0.70 * (1 + eye.skew * share) * drawn
    upper_lid = lerp(-upper, eye.lower * 0.75 * profile, eye.shut)
    return EyePlanes(x, y, along, down, profile, upper_lid, eye.lower * profile**0.85 * (1 + 0.25 * share))


def draw_socket(canvas: Canvas, frame: Frame, eye: EyeAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """The soft shadow around an eye."""
    x = (frame.u - eye.u) / eye.foreshortening * eye.side
    y = (frame.v - eye.v) / eye.squash
    shadow = bump(x + 0.01, y + 0.014, 0.112 * eye.size, 0.060 * eye.size)
    canvas = paint(canvas, shadow * in_head, traits.skin_shadow, 0.20 + 0.10 * traits.feminine)
    inner = bump(x + 0.085, y + 0.01, 0.035, 0.045)  # between the eye and the bridge of the nose
    return paint(canvas, inner * in_head, traits.skin_shadow, 0.22)


def draw_eye(canvas: Canvas, frame: Frame, eye: EyeAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """One eye: fold, eyeball, lashes, lower lid, brow, crow's feet; all within the head's outline."""
    planes = eye_planes(frame, eye)
    root = planes.profile.sqrt()
    above = planes.down - planes.upper_lid + eye.fold_height
    fold = ridge(above, 0.0068) * root * eye.fold
    lid = smoothstep(-0.004, 0.004, above) * smoothstep(0.006, -0.002, planes.down - planes.upper_lid) * root
    canvas = paint(canvas, lid * in_head, tint(traits.skin, 0.86, 0.72, 0.70), 0.35 + 0.25 * traits.feminine)
    canvas = paint(canvas, fold * in_head, traits.skin_shadow, 0.62)
    swell = bump(planes.along - 0.02, planes.down - planes.upper_lid + 0.030, 0.07, 0.014)
    canvas = paint(canvas, swell * in_head, tint(traits.skin, 1.06, 1.04, 1.02), 0.30 * eye.hood)
    canvas = draw_eyeball(canvas, frame, eye, planes, traits, in_head)
    canvas = draw_lashes(canvas, frame, eye, planes, traits, in_head)
    below = planes.down - planes.lower_lid
    lid_line = ridge(below - 0.002, 0.0045) * root
    canvas = paint(canvas, lid_line * in_head, shade(traits.skin_shadow, 0.8), 0.40)
    bag = ridge(below - 0.024, 0.008) * planes.profile
    canvas = paint(canvas, bag * in_head, traits.skin_shadow, 0.42 * eye.bags)
    corner = bump(planes.along + eye.half_width * 0.96, planes.down - 0.002, 0.012, 0.009) * (1 - eye.epicanthus)
    canvas = paint(canvas, corner * in_head, blend(traits.skin, constant(below, 0.80, 0.30, 0.28), 0.45), 0.5)
    canvas = draw_brow(canvas, frame, eye, traits, in_head)
    for lift in (-0.03, 0.0, 0.03):
        width = eye.half_width
        distance, _ = segment(planes.x, planes.y, width * 1.22, lift * 0.5, width * 1.62, lift * 1.5 - 0.004)
        feet = ridge(distance, 0.005) * in_head
        canvas = paint(canvas, feet, traits.skin_shadow, 0.5 * smoothstep(0.45, 0.9, traits.age))
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
    shading = 1 - 0.24 * smoothstep(0.030, 0.0, under_lid) - 0.12 * smoothstep(0.55, 1.0, ratio)
    canvas = paint(canvas, seen, shade(traits.white, shading))
    canvas = canvas._replace(gloss=canvas.gloss + ball * 0.2)

    radius = eye.iris_radius
    x = planes.x - eye.gaze_u * eye.side
    y = planes.y + 0.006 - eye.gaze_v
    distance = (x * x + y * y).sqrt()
    share = (distance / radius).clamp(0, 1)
    tone = 0.80 + 0.85 * smoothstep(-0.4, 1.0, y / radius) * smoothstep(1.0, 0.45, share)
    iris = shade(shade(traits.iris, tone), 1 - 0.62 * smoothstep(0.78, 1.0, share))
    spokes = 1 + 0.10 * torch.sin(torch.atan2(y, x) * 18) * smoothstep(0.4, 0.7, share)
    iris = shade(shade(iris, spokes), 1 - 0.30 * smoothstep(0.026, 0.0, under_lid))
    canvas = paint(canvas, frame.coverage(distance - radius) * seen, iris)
    pupil = frame.coverage(distance - radius * (0.45 + 0.06 * traits.surprised))
    canvas = paint(canvas, pupil * seen, traits.black)
    gaze_x = frame.u - eye.u - eye.gaze_u * eye.foreshortening
    gaze_y = frame.v - eye.v - eye.gaze_v
    spark = ((gaze_x + 0.30 * radius) ** 2 + (gaze_y + 0.36 * radius) ** 2).sqrt() - radius * 0.29
    canvas = paint(canvas, frame.coverage(spark) * seen, traits.pure_white)
    spark = ((gaze_x - 0.34 * radius) ** 2 + (gaze_y - 0.32 * radius) ** 2).sqrt() - radius * 0.15
    return paint(canvas, frame.coverage(spark) * seen, traits.white, 0.75)


def draw_lashes(
    canvas: Canvas, frame: Frame, eye: EyeAnchors, planes: EyePlanes, traits: Traits, in_head: Tensor
) -> Canvas:
    """The dark line of the upper lid, and feminine wings at its outer end."""
    feminine, width = traits.feminine, eye.half_width
    wing = smoothstep(0.0, 1.0, planes.along / width)
    thickness = 0.0058 + 0.0040 * feminine + (0.0015 + 0.004 * feminine) * wing + 0.003 * eye.shut
    distance = (planes.down - planes.upper_lid).abs() - thickness * (0.30 + 0.70 * planes.profile.sqrt())
    line = frame.coverage((distance - 0.003 * wing * feminine) * 0.9)
    line = line * smoothstep(1.14, 1.0, (planes.along / width).abs())
    canvas = paint(canvas, line * in_head, traits.lash, 0.92)
    start_y = -eye.upper * 0.15 + eye.shut * eye.upper * 0.2
    end_y = -eye.upper * 0.55 + eye.shut * eye.upper * 0.6
    distance, t = segment(planes.along, planes.down, width * 0.86, start_y, width * 1.22, end_y)
    tip = frame.coverage(distance - 0.0080 * (1 - t)) * smoothstep(0.3, 0.6, feminine)
    return paint(canvas, tip * in_head, traits.lash, 0.9)


def draw_brow(canvas: Canvas, frame: Frame, eye: EyeAnchors, traits: Traits, in_head: Tensor) -> Canvas:
    """The eyebrow: soft hairs that thin out towards both ends."""
    x = (frame.u - eye.brow_u) / eye.foreshortening * eye.side
    y = frame.v - eye.brow_v
    t = x / eye.brow_length
    bow = 1 - ((t - 0.20) / 1.20) ** 2
    line = -eye.brow_arch * bow - eye.brow_tilt * t + 0.020 * (t - 0.2).clamp(min=0) ** 2
    thickness = eye.brow_thickness * (0.50 + 0.50 * smoothstep(1.0, -0.2, t))
    thickness = thickness * smoothstep(-1.25, -0.65, t) * smoothstep(1.08, 0.35, t).clamp(min=0.12)
    hairs = torch.sin(x * 250 + y * 330 + 3 * torch.sin(x * 60))
    edge = (y - line).abs() - thickness * (1 + 0.05 * hairs)
    coverage = smoothstep(0.008, -0.007, edge) * smoothstep(1.08, 0.95, t.abs())
    return paint(canvas, coverage * in_head, shade(eye.brow_colour, 1 + 0.09 * hairs), 0.90)
