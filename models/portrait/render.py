"""Parameters → pictures: the order in which a portrait is drawn."""

import torch
from torch import Tensor

from . import (
    accessories,
    coverings,
    eyes,
    facial_hair,
    garments,
    gathered_hair,
    hair,
    head,
    headwear,
    lighting,
    mouth,
    nose,
)
from .background import draw_background
from .canvas import blank_canvas
from .frame import frame_of
from .plan import Params, Plan, extents, face_box, landmarks, members, plan_of, presence
from .stages import Painter, Window, spread, window_of, within
from .styles import apply_style


@torch.no_grad()
def render(
    params: Params, size: int = 256, style: bool = True, chunk: int = 1, compiled: bool = False
) -> dict[str, Tensor]:
    """Draw portraits from a dict of [B] tensors (sample_identity and sample_scene or canonical_scene, merged).

    Returns `image` [B,3,size,size] in [0,1]; `landmarks` [B,5,2] in pixels (x, y): eyes, nose tip, mouth corners,
    left before right in the image (the order of ArcFace's template); `box` [B,4] in pixels (left, top, right,
    bottom); without `style` also `mask` [B,1,size,size], 1 on the person, and the picture before its style.

    Pictures are drawn `chunk` at a time; 1 is fastest on a CPU. `compiled` draws through torch.compile: several times
    faster after some minutes of compilation, which stays cached on disk; meant for many pictures of few framings.
    """
    count = len(params["face_w"])
    if count == 0:
        raise ValueError("render: no pictures asked for; the parameter tensors are empty")
    plan = plan_of(params)
    present = {name: mask.tolist() for name, mask in presence(plan).items()}
    boxes = {name: box.tolist() for name, box in extents(plan, size).items()}
    images, masks = [], []
    for start in range(0, count, chunk):
        rows = slice(start, start + chunk)
        parts = {name for name, shown in present.items() if any(shown[rows])}
        windows = {name: window_of(box[rows], size) for name, box in boxes.items()}
        background = draw_background({name: params[name][rows] for name in ("bg", "bg_col", "seed")}, size)
        image, mask = draw_portraits(members(plan, rows), background, parts, windows, compiled)
        images.append(image)
        masks.append(mask)
    result = {"image": torch.cat(images), "landmarks": landmarks(plan, size), "box": face_box(plan, size)}
    if style:
        result["image"] = apply_style(result["image"], params["style"], params["seed"], torch.cat(masks))
    else:
        result["mask"] = torch.cat(masks)
    return result


def draw_portraits(
    plan: Plan, background: Tensor, parts: set[str], windows: dict[str, Window], compiled: bool
) -> tuple[Tensor, Tensor]:
    """Draw planned portraits on their backgrounds [B,3,S,S]: pictures [B,3,S,S] and masks [B,1,S,S], unstyled."""
    size = background.shape[-1]
    painter = Painter(blank_canvas(background), frame_of(plan.pose, size), compiled)
    volume = painter.call(hair.hair_volume, painter.frame, plan.hair, plan.traits.hair, plan.traits.part_side)
    draw_behind(painter, plan, parts, volume)
    painter.draw(garments.draw_torso, windows["torso"], plan.torso, plan.traits)
    if "ponytail" in parts:
        painter.draw(gathered_hair.draw_ponytail, None, plan.gathered, plan.traits)
    draw_ears(painter, plan.far_ears, "far ear", plan, parts, windows)
    planes = draw_head(painter, plan, windows["head"], size)
    draw_ears(painter, plan.near_ears, "near ear", plan, parts, windows)
    draw_face(painter, plan, parts, windows, planes)
    draw_front_hair(painter, plan, parts, volume, planes, size)
    draw_worn(painter, plan, parts, windows, planes, size)
    falloff = lighting.vignette(size, background.device)
    picture = painter.call(lighting.light_canvas, painter.canvas, plan.light, falloff)
    return picture, 1 - painter.canvas.unlit[:, None]


def draw_behind(painter: Painter, plan: Plan, parts: set[str], volume: hair.HairVolume) -> None:
    """Hair that hangs behind the head."""
    if "back hair" in parts:
        painter.draw(hair.draw_back_hair, None, plan.hair, volume, plan.traits)
    if "buns" in parts:
        painter.draw(gathered_hair.draw_buns, None, plan.gathered, plan.traits)


def draw_ears(
    painter: Painter,
    pair: tuple[head.EarAnchors, head.EarAnchors],
    name: str,
    plan: Plan,
    parts: set[str],
    windows: dict[str, Window],
) -> None:
    """The ears that lie behind the head, or the one in front of it."""
    for side, anchors in enumerate(pair):
        if f"{name} {side}" in parts:
            painter.draw(head.draw_ear, windows[f"ear {side}"], anchors, plan.traits)


def draw_head(painter: Painter, plan: Plan, window: Window, size: int) -> head.HeadPlanes:
    """The head; returns its planes for the whole picture."""
    height = painter.call(head.head_relief, painter.frame.window(*window), plan.head, plan.traits)
    planes = painter.draw(head.draw_head, window, plan.pose, plan.head, plan.traits, height)
    outside = head.HeadPlanes(distance=1.0, inside=0.0, coverage=0.0, normal_x=0.0)
    return head.HeadPlanes(*(spread(plane, window, size, value) for plane, value in zip(planes, outside, strict=True)))


def draw_face(
    painter: Painter, plan: Plan, parts: set[str], windows: dict[str, Window], planes: head.HeadPlanes
) -> None:
    """Skin marks, nose, mouth, facial hair, eyes, lines on the forehead."""
    traits = plan.traits

    def draw(part, name: str, *arguments) -> None:
        painter.draw(part, windows[name], *arguments, traits, within(planes.inside, windows[name]))

    if "freckles" in parts:
        window = windows["freckles"]
        noise = nose.freckle_noise(painter.frame.window(*window), traits)
        painter.draw(nose.draw_freckles, window, plan.nose, traits, within(planes.inside, window), noise)
    if "mole" in parts:
        painter.draw(nose.draw_mole, windows["mole"], plan.nose, traits)
    if "scar" in parts:
        draw(nose.draw_scar, "scar", plan.nose)
    draw(nose.draw_nose, "nose", plan.nose)
    draw(mouth.draw_mouth, "mouth", plan.mouth)
    if "facial hair" in parts:
        window = windows["facial hair"]
        local = head.HeadPlanes(*(within(plane, window) for plane in planes))
        painter.draw(facial_hair.draw_facial_hair, window, plan.facial_hair, plan.mouth, traits, local)
    for side, eye in enumerate(plan.eyes):
        draw(eyes.draw_socket, f"socket {side}", eye)
        draw(eyes.draw_eye, f"eye {side}", eye)
    if "forehead lines" in parts:
        draw(nose.draw_forehead_lines, "forehead lines", plan.forehead)
    if "piercing" in parts:
        painter.draw(accessories.draw_piercing, windows["piercing"], plan.piercing, traits)


def draw_front_hair(
    painter: Painter, plan: Plan, parts: set[str], volume: hair.HairVolume, planes: head.HeadPlanes, size: int
) -> None:
    """Hair in front of the head, or the shine on a bald one."""
    if "braids" in parts:
        painter.draw(gathered_hair.draw_braids, None, plan.gathered, plan.traits)
    if "hair" in parts:
        front = painter.call(hair.front_hair, painter.frame, plan.hair, volume, plan.traits)
        fallen = torch.roll(front.distance, hair.shadow_rows(size), 1)
        painter.draw(hair.draw_front_hair, None, plan.hair, volume, plan.traits, front, planes.inside, fallen)
    if "bald" in parts:
        painter.draw(hair.draw_bald_shine, None, plan.hair, plan.traits)


def draw_worn(
    painter: Painter,
    plan: Plan,
    parts: set[str],
    windows: dict[str, Window],
    planes: head.HeadPlanes,
    size: int,
) -> None:
    """Earrings, eyewear, headwear."""
    for side, earring in enumerate(plan.earrings):
        if f"earring {side}" in parts:
            painter.draw(accessories.draw_earring, windows[f"earring {side}"], earring, plan.traits)
    if "glasses" in parts:
        outline = painter.call(accessories.glasses_outline, painter.frame, plan.glasses)
        fallen = torch.roll(outline, accessories.shadow_rows(size), 1)
        painter.draw(accessories.draw_glasses, None, plan.glasses, plan.traits, planes.inside, fallen)
    hats = {
        "hat": (headwear.draw_hat, plan.hat),
        "beanie": (headwear.draw_beanie, plan.beanie),
        "cap": (headwear.draw_cap, plan.cap),
        "beret": (headwear.draw_beret, plan.beret),
        "headband": (coverings.draw_headband, plan.covering),
        "flowers": (coverings.draw_flowers, plan.covering),
        "kippah": (coverings.draw_kippah, plan.covering),
        "turban": (coverings.draw_turban, plan.covering),
        "wrap": (coverings.draw_wrap, plan.covering),
        "hijab": (coverings.draw_hijab, plan.covering),
    }
    for name, (part, anchors) in hats.items():
        if name in parts:
            painter.draw(part, None, anchors, plan.traits, planes.inside)
    if "headphones" in parts:
        painter.draw(headwear.draw_headphones, None, plan.headphones, plan.traits)
