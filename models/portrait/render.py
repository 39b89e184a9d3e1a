"""Parameters → pictures: the order in which a portrait is drawn."""

import torch
from torch import Tensor

from . import accessories, eyes, facial_hair, hair, head, headwear, lighting, mouth, nose, torso
from .background import draw_background
from .canvas import blank_canvas
from .frame import Pose, frame_of, pose_of, project, to_pixels
from .stages import Painter, Window, fit, head_window
from .styles import apply_style
from .traits import Traits, traits_of

Params = dict[str, Tensor]


@torch.no_grad()
def render(
    params: Params, size: int = 256, style: bool = True, chunk: int = 1, compiled: bool = False
) -> dict[str, Tensor]:
    """Draw portraits from a dict of [B] tensors (sample_identity and sample_scene or canonical_scene, merged).

    Returns `image` [B,3,size,size] in [0,1]; `landmarks` [B,5,2] in pixels (x, y): eyes, nose tip, mouth corners,
    left before right in the image (the order of ArcFace's template); `box` [B,4] in pixels (left, top, right,
    bottom); without `style` also `mask` [B,1,size,size], 1 on the person, and the picture before its style.

    Pictures are drawn `chunk` at a time; 1 is fastest on a CPU. `compiled` draws through torch.compile: several times
    faster, after about a minute of compilation that is cached on disk; meant for many pictures of few framings.
    """
    count = len(params["face_w"])
    if count == 0:
        raise ValueError("render: no pictures asked for; the parameter tensors are empty")
    drawn = [
        render_batch({name: values[start : start + chunk] for name, values in params.items()}, size, compiled)
        for start in range(0, count, chunk)
    ]
    result = {name: torch.cat([part[name] for part in drawn]) for name in drawn[0]}
    if style:
        mask = result.pop("mask")
        result["image"] = apply_style(result["image"], params["style"], params["seed"], mask)
    return result


def render_batch(params: Params, size: int, compiled: bool) -> dict[str, Tensor]:
    """Draw all portraits of a batch together, unstyled."""
    pose = pose_of(params)
    traits = traits_of(params, pose)
    frame = frame_of(pose, size)
    painter = Painter(blank_canvas(draw_background(params, size)), frame, compiled)

    hair_at = hair.hair_anchors(params, pose, traits)
    volume = painter.call(hair.hair_volume, frame, hair_at, traits.hair)
    draw_behind(painter, traits, hair_at, volume)
    painter.draw(torso.draw_torso, body_window(pose, size), torso.torso_anchors(params, pose, traits), traits)
    draw_ears(painter, params, pose, traits, size, in_front=False)
    head_at = head.head_anchors(params, pose, traits)
    planes = draw_head(painter, pose, traits, head_at, size)
    draw_ears(painter, params, pose, traits, size, in_front=True)
    draw_nose(painter, params, pose, traits, planes, size)
    mouth_at = draw_mouth(painter, params, pose, traits, head_at, planes, size)
    eyes_at = [draw_eye(painter, params, pose, traits, planes, size, side) for side in (-1.0, 1.0)]
    if (traits.age > 0.45).any() or traits.surprised.any():
        window = head_window(pose, *project(pose, 0, -0.25, 0.36), 0.24, 0.10, size)
        painter.draw(nose.draw_forehead_lines, window, nose.forehead_lines(pose), traits, within(planes.inside, window))
    draw_front_hair(painter, traits, hair_at, volume, planes, size)
    draw_worn(painter, params, pose, traits, planes, eyes_at, size)

    light = lighting.light_of(params)
    image = painter.call(lighting.light_canvas, painter.canvas, light, lighting.vignette(size, frame.x.device))
    return {
        "image": image,
        "landmarks": landmarks(pose, traits, mouth_at, eyes_at, size),
        "box": face_box(pose, traits, head_at, size),
        "mask": 1 - painter.canvas.unlit[:, None],
    }


def within(plane: Tensor, window: Window | None) -> Tensor:
    """The part of a full plane that a window shows."""
    return plane if window is None else plane[:, window[0], window[1]]


def body_window(pose: Pose, size: int) -> Window:
    """Everything below the chin: the rows that neck and garments can reach."""
    top = ((torso.BODY_TOP * pose.zoom + pose.shift_y + 1) * size / 2).min().item()
    rows = fit(top, size, size)
    return slice(size - (rows.stop - rows.start), size), slice(0, size)


def draw_behind(painter: Painter, traits: Traits, hair_at: hair.HairAnchors, volume: hair.HairVolume) -> None:
    """Hair that hangs behind the head."""
    if (traits.hair.back_length > -1).any():
        painter.draw(hair.draw_back_hair, None, hair_at, volume, traits)
    if (traits.hair.bun_radius > 0).any():
        painter.draw(hair.draw_bun, None, hair_at, traits)
    if traits.hair.ponytail.any():
        painter.draw(hair.draw_ponytail, None, hair_at, traits)


def draw_ears(painter: Painter, params: Params, pose: Pose, traits: Traits, size: int, in_front: bool) -> None:
    """The ears that lie behind the head, or the one in front of it."""
    for side in (-1.0, 1.0):
        anchors = head.ear_anchors(params, pose, traits, side, in_front)
        if anchors.visible.any():
            window = head_window(pose, anchors.u, anchors.v, 0.12, 0.15, size)
            painter.draw(head.draw_ear, window, anchors, traits)


def draw_head(
    painter: Painter, pose: Pose, traits: Traits, anchors: head.HeadAnchors, size: int
) -> head.HeadPlanes:
    """The head; returns its planes for the whole picture."""
    window = head_window(pose, *project(pose, 0, 0.0, 0.05), 0.52, 0.62, size)
    height = painter.call(head.head_relief, painter.frame.window(*window), anchors, traits)
    planes = painter.draw(head.draw_head, window, pose, anchors, traits, height)
    return head.HeadPlanes(
        *(spread(plane, window, size, outside) for plane, outside in zip(planes, (1.0, 0.0, 0.0, 0.0), strict=True))
    )


def spread(plane: Tensor, window: Window, size: int, outside: float) -> Tensor:
    """A window's plane on a full one that is `outside` elsewhere."""
    full = plane.new_full((len(plane), size, size), outside)
    full[:, window[0], window[1]] = plane
    return full


def draw_nose(
    painter: Painter, params: Params, pose: Pose, traits: Traits, planes: head.HeadPlanes, size: int
) -> None:
    """Freckles, mole and nose."""
    anchors = nose.nose_anchors(params, pose, traits)
    if anchors.freckles.any():
        window = head_window(pose, traits.nose_u, traits.nose_v, 0.60, 0.32, size)
        noise = nose.freckle_noise(painter.frame.window(*window), traits)
        painter.draw(nose.draw_freckles, window, anchors, traits, within(planes.inside, window), noise)
    if anchors.has_mole.any():
        window = head_window(pose, *anchors.mole, 0.03, 0.03, size)
        painter.draw(nose.draw_mole, window, anchors, traits)
    window = head_window(pose, traits.nose_u, traits.nose_v, 0.31, 0.11, size)
    painter.draw(nose.draw_nose, window, anchors, traits, within(planes.inside, window))


def draw_mouth(
    painter: Painter,
    params: Params,
    pose: Pose,
    traits: Traits,
    head_at: head.HeadAnchors,
    planes: head.HeadPlanes,
    size: int,
) -> mouth.MouthAnchors:
    """Mouth, then facial hair."""
    anchors = mouth.mouth_anchors(params, pose, traits, head_at)
    window = head_window(pose, anchors.u, anchors.v - 0.02, 0.46, 0.22, size)
    painter.draw(mouth.draw_mouth, window, anchors, traits, within(planes.inside, window))
    beard = facial_hair.facial_hair_anchors(params, pose, traits)
    if beard.any.any():
        window = head_window(pose, anchors.u, anchors.v + 0.02, 0.60, 0.46, size)
        mouth_planes = painter.call(mouth.mouth_planes, painter.frame.window(*window), anchors)
        local = head.HeadPlanes(*(within(plane, window) for plane in planes))
        painter.draw(facial_hair.draw_facial_hair, window, beard, anchors, mouth_planes, traits, local)
    return anchors


def draw_eye(
    painter: Painter, params: Params, pose: Pose, traits: Traits, planes: head.HeadPlanes, size: int, side: float
) -> eyes.EyeAnchors:
    """One eye."""
    anchors = eyes.eye_anchors(params, pose, traits, side)
    window = head_window(pose, anchors.u, anchors.v - 0.012, 0.46, 0.24, size)
    painter.draw(eyes.draw_socket, window, anchors, traits, within(planes.inside, window))
    window = head_window(pose, anchors.u, anchors.v - 0.06, 0.19, 0.20, size)
    painter.draw(eyes.draw_eye, window, anchors, traits, within(planes.inside, window))
    return anchors


def draw_front_hair(
    painter: Painter,
    traits: Traits,
    anchors: hair.HairAnchors,
    volume: hair.HairVolume,
    planes: head.HeadPlanes,
    size: int,
) -> None:
    """Hair in front of the head, or the shine on a bald one."""
    if traits.hair.bald.all():
        painter.draw(hair.draw_bald_shine, None, anchors, traits)
        return
    front = painter.call(hair.front_hair, painter.frame, anchors, volume, traits)
    fallen = torch.roll(front.distance, hair.shadow_rows(size), 1)
    painter.draw(hair.draw_front_hair, None, anchors, volume, traits, front, planes.inside, fallen)
    if traits.hair.bald.any():
        painter.draw(hair.draw_bald_shine, None, anchors, traits)


def draw_worn(
    painter: Painter,
    params: Params,
    pose: Pose,
    traits: Traits,
    planes: head.HeadPlanes,
    eyes_at: list[eyes.EyeAnchors],
    size: int,
) -> None:
    """Earrings, eyewear, headwear."""
    if (params["earrings"] > 0).any():
        for side in (-1.0, 1.0):
            earring = accessories.earring_anchors(pose, traits, params, side)
            window = head_window(pose, earring.u, earring.v + 0.04, 0.06, 0.09, size)
            painter.draw(accessories.draw_earring, window, earring, traits)
    glasses = accessories.glasses_anchors(params, pose, traits, *eyes_at)
    if (glasses.clear + glasses.dark).any():
        outline = painter.call(accessories.glasses_outline, painter.frame, glasses)
        fallen = torch.roll(outline, int(size * 0.012) + 1, 1)
        painter.draw(accessories.draw_glasses, None, glasses, traits, planes.inside, fallen)
    for kind, part in (("hat", headwear.draw_hat), ("beanie", headwear.draw_beanie)):
        anchors = headwear.hat_anchors(params, pose, traits, kind)
        if anchors.worn.any():
            painter.draw(part, None, anchors, traits, planes.inside)
    anchors = headwear.headphone_anchors(params, pose, traits)
    if anchors.worn.any():
        painter.draw(headwear.draw_headphones, None, anchors, traits)


def landmarks(
    pose: Pose, traits: Traits, mouth_at: mouth.MouthAnchors, eyes_at: list[eyes.EyeAnchors], size: int
) -> Tensor:
    """Five landmarks [B,5,2] in pixels."""
    corners = [
        project(pose, side * mouth_at.half_width * 0.98, mouth_at.height - mouth_at.curve * 0.6, 0.325)
        for side in (-1.0, 1.0)
    ]
    places = [(eye.u, eye.v) for eye in eyes_at] + [(traits.nose_u, traits.nose_v)] + corners
    return torch.stack([to_pixels(pose, u, v, size) for u, v in places], 1)


def face_box(pose: Pose, traits: Traits, head_at: head.HeadAnchors, size: int) -> Tensor:
    """The face's box [B,4] in pixels, from ear to ear and from the hairline to the chin."""
    centre_v = (head_at.skull_v - 0.40 + traits.chin_v + 0.13) / 2 + 0.03
    centre = to_pixels(pose, (head_at.skull_u + traits.chin_u) / 2, centre_v, size)
    half = torch.cat([traits.face * pose.zoom, 0.50 * pose.zoom], 2).view(-1, 2) * size / 2
    return torch.cat([centre - half, centre + half], 1)
