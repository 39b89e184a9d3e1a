"""The plan of a batch of portraits: every anchor, which parts are present, and where on the canvas each part lies.

Worked out for a whole batch at once: the numbers are few, but one picture at a time they cost more than the drawing.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from . import (
    accessories,
    coverings,
    eyes,
    facial_hair,
    gathered_hair,
    hair,
    head,
    headwear,
    lighting,
    mouth,
    nose,
    torso,
)
from .frame import Pose, pose_of, project, to_pixels
from .traits import Traits, traits_of

Params = dict[str, Tensor]


class Plan(NamedTuple):
    """Anchors of all parts; tensors [B,1,1]. Pairs are image left, image right."""

    pose: Pose
    traits: Traits
    hair: hair.HairAnchors
    gathered: gathered_hair.GatheredAnchors
    torso: torso.TorsoAnchors
    far_ears: tuple[head.EarAnchors, head.EarAnchors]  # drawn behind the head
    near_ears: tuple[head.EarAnchors, head.EarAnchors]  # drawn in front of it
    head: head.HeadAnchors
    nose: nose.NoseAnchors
    mouth: mouth.MouthAnchors
    facial_hair: facial_hair.FacialHairAnchors
    eyes: tuple[eyes.EyeAnchors, eyes.EyeAnchors]
    forehead: tuple[Tensor, ...]
    earrings: tuple[accessories.EarringAnchors, accessories.EarringAnchors]
    piercing: accessories.PiercingAnchors
    glasses: accessories.GlassesAnchors
    hat: headwear.HeadwearAnchors
    beanie: headwear.HeadwearAnchors
    cap: headwear.HeadwearAnchors
    beret: headwear.HeadwearAnchors
    headphones: headwear.HeadwearAnchors
    covering: coverings.CoveringAnchors
    light: lighting.Light


def plan_of(params: Params) -> Plan:
    """Place everything for the parameters (dict of [B] tensors)."""
    pose = pose_of(params)
    traits = traits_of(params, pose)
    sides = (-1.0, 1.0)
    head_at = head.head_anchors(params, pose, traits)
    eyes_at = tuple(eyes.eye_anchors(params, pose, traits, side) for side in sides)
    nose_at = nose.nose_anchors(params, pose, traits)
    return Plan(
        pose=pose,
        traits=traits,
        hair=hair.hair_anchors(params, pose, traits),
        gathered=gathered_hair.gathered_anchors(params, pose, traits),
        torso=torso.torso_anchors(params, pose, traits),
        far_ears=tuple(head.ear_anchors(params, pose, traits, side, in_front=False) for side in sides),
        near_ears=tuple(head.ear_anchors(params, pose, traits, side, in_front=True) for side in sides),
        head=head_at,
        nose=nose_at,
        mouth=mouth.mouth_anchors(params, pose, traits, head_at),
        facial_hair=facial_hair.facial_hair_anchors(params, pose, traits),
        eyes=eyes_at,
        forehead=nose.forehead_lines(pose),
        earrings=tuple(accessories.earring_anchors(params, pose, traits, side) for side in sides),
        glasses=accessories.glasses_anchors(params, pose, traits, *eyes_at),
        piercing=accessories.piercing_anchors(params, pose, traits, nose_at.wings, eyes_at[1]),
        hat=headwear.hat_anchors(params, pose, traits, "hat", "straw hat"),
        beanie=headwear.hat_anchors(params, pose, traits, "beanie"),
        cap=headwear.hat_anchors(params, pose, traits, "cap"),
        beret=headwear.hat_anchors(params, pose, traits, "beret"),
        headphones=headwear.headphone_anchors(params, pose, traits),
        covering=coverings.covering_anchors(params, pose, traits),
        light=lighting.light_of(params),
    )


def presence(plan: Plan) -> dict[str, Tensor]:
    """Which optional parts are to be seen, [B] booleans by name."""
    traits, at = plan.traits, plan.covering
    shown = {
        "back hair": (traits.hair.back_length > -1) & (traits.bald == 0),
        "buns": (traits.hair.bun_radius > 0) & (traits.bald == 0),
        "ponytail": (traits.hair.ponytail > 0) & (traits.bald == 0),
        "braids": (traits.hair.braids > 0) & (traits.bald == 0),
        "hair": traits.bald == 0,
        "bald": (traits.bald > 0) | (traits.hair.bare > 0),
        "freckles": plan.nose.freckles > 0,
        "mole": plan.nose.has_mole > 0,
        "scar": plan.nose.has_scar > 0,
        "facial hair": plan.facial_hair.any > 0,
        "forehead lines": (traits.age > 0.40) | (traits.surprised > 0) | (traits.angry > 0),
        "piercing": (plan.piercing.ring + plan.piercing.stud + plan.piercing.brow) > 0,
        "glasses": plan.glasses.worn > 0,
        "hat": plan.hat.worn > 0,
        "beanie": plan.beanie.worn > 0,
        "cap": plan.cap.worn > 0,
        "beret": plan.beret.worn > 0,
        "headphones": plan.headphones.worn > 0,
        "headband": at.headband > 0,
        "flowers": at.flowers > 0,
        "kippah": at.kippah > 0,
        "turban": at.turban > 0,
        "wrap": at.wrap > 0,
        "hijab": at.hijab > 0,
    }
    for name, pair in (("far ear", plan.far_ears), ("near ear", plan.near_ears), ("earring", plan.earrings)):
        for side, part in enumerate(pair):
            shown[f"{name} {side}"] = part.visible > 0
    return {name: mask.view(-1) for name, mask in shown.items()}


def extents(plan: Plan, size: int) -> dict[str, Tensor]:
    """The rectangle that each windowed part can reach: [B,4] pixels (left, top, right, bottom) by name."""
    pose, traits = plan.pose, plan.traits
    middle_v = plan.mouth.v

    def around(u: Tensor, v: Tensor, half_u: float, half_v: float) -> Tensor:
        """A box of the head frame, with room for the head's roll."""
        centre = to_pixels(pose, u, v, size)
        roll, scale = pose.sin_roll.abs(), pose.zoom * size / 2
        half = torch.cat([(half_u + half_v * roll) * scale, (half_v + half_u * roll) * scale], 2).view(-1, 2)
        return torch.cat([centre - half, centre + half], 1)

    body_top = (torso.BODY_TOP * pose.zoom + pose.shift_y + 1).view(-1) * size / 2
    zero, full = torch.zeros_like(body_top), torch.full_like(body_top, size)
    boxes = {
        "torso": torch.stack([zero, body_top, full, full], 1),
        "head": around(*project(pose, 0, 0.0, 0.05), 0.52, 0.62),
        "freckles": around(traits.nose_u, traits.nose_v, 0.60, 0.32),
        "mole": around(*plan.nose.mole, 0.03, 0.03),
        "scar": around(plan.nose.scar[0], (plan.nose.scar[1] + plan.nose.scar[3]) / 2, 0.06, 0.15),
        "piercing": around(traits.nose_u, traits.nose_v - 0.09, 0.32, 0.22),
        "nose": around(traits.nose_u, traits.nose_v - 0.05, 0.31, 0.19),
        "mouth": around(plan.mouth.u, middle_v - 0.02, 0.46, 0.22),
        "facial hair": around(plan.mouth.u, middle_v + 0.06, 0.60, 0.50),
        "forehead lines": around(*project(pose, 0, -0.21, 0.36), 0.24, 0.15),
    }
    for side in (0, 1):
        eye, earring = plan.eyes[side], plan.earrings[side]
        boxes[f"socket {side}"] = around(eye.u, eye.v - 0.012, 0.46, 0.24)
        boxes[f"eye {side}"] = around(eye.u, eye.v - 0.06, 0.19, 0.20)
        boxes[f"ear {side}"] = around(plan.far_ears[side].u, plan.far_ears[side].v, 0.14, 0.18)
        boxes[f"earring {side}"] = around(earring.u, earring.v - 0.03, 0.12, 0.20)
    return boxes


def members(tree, rows: slice):
    """The same nested tuples with some pictures of the batch; tensors [1,…] are shared by all pictures."""
    if isinstance(tree, Tensor):
        return tree if len(tree) == 1 else tree[rows]
    parts = [members(part, rows) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def landmarks(plan: Plan, size: int) -> Tensor:
    """Five landmarks [B,5,2] in pixels: eyes, nose tip, mouth corners, left before right in the image."""
    pose, at = plan.pose, plan.mouth
    corners = [project(pose, side * at.half_width * 0.98, at.height - at.curve * 0.6, 0.325) for side in (-1.0, 1.0)]
    places = [(eye.u, eye.v) for eye in plan.eyes] + [(plan.traits.nose_u, plan.traits.nose_v)] + corners
    return torch.stack([to_pixels(pose, u, v, size) for u, v in places], 1)


def face_box(plan: Plan, size: int) -> Tensor:
    """The face's box [B,4] in pixels, from ear to ear and from the hairline to the chin."""
    pose, traits = plan.pose, plan.traits
    centre_v = (plan.head.skull_v - 0.40 + traits.chin_v + traits.chin_radius) / 2 + 0.03
    centre = to_pixels(pose, (plan.head.skull_u + traits.chin_u) / 2, centre_v, size)
    half = torch.cat([traits.face * pose.zoom, 0.50 * pose.zoom], 2).view(-1, 2) * size / 2
    return torch.cat([centre - half, centre + half], 1)
