"""Pictures to learn face detection from: rendered portraits placed on made-up backgrounds, and faceless ones."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.starter.face_data import Portraits, spoil

MAX_FACES = 3


@dataclass
class Scenes:
    """A batch of composed pictures."""

    image: Tensor
    """[B, 3, S, S] in [0, 1]."""
    box: Tensor
    """[B, 3, 4] px."""
    landmarks: Tensor
    """[B, 3, 5, 2] px."""
    present: Tensor
    """[B, 3] bool: this slot holds a face that counts."""


def smooth_noise(count: int, side: int, cells: int, generator: torch.Generator) -> Tensor:
    """Colour noise of ``cells`` patches per side, ``[count, 3, side, side]``."""
    noise = torch.rand(count, 3, cells, cells, generator=generator)
    return F.interpolate(noise, size=(side, side), mode="bilinear", align_corners=False)


def backgrounds(portraits: Portraits, count: int, side: int, generator: torch.Generator) -> Tensor:
    """Faceless pictures ``[count, 3, side, side]``: plain, gradient, noise, shapes, parts of portraits."""
    image = torch.rand(count, 3, 1, 1, generator=generator).expand(-1, -1, side, side).clone()
    kind = torch.rand(count, generator=generator)
    for low, high, cells in ((0.2, 0.4, 2), (0.4, 0.5, 6), (0.5, 0.55, 40)):
        chosen = (kind >= low) & (kind < high)
        if chosen.any():
            image[chosen] = smooth_noise(int(chosen.sum()), side, cells, generator)
    for index in ((kind >= 0.3) & (kind < 0.75)).nonzero()[:, 0].tolist():
        draw_shapes(image[index], generator)
    for index in (kind >= 0.7).nonzero()[:, 0].tolist():
        row = int(torch.randint(len(portraits), (1,), generator=generator))
        part = faceless_part(portraits.image[row].float() / 255, portraits.box[row], generator)
        image[index] = F.interpolate(part[None], size=(side, side), mode="bilinear", align_corners=False)[0]
    return image


def draw_shapes(image: Tensor, generator: torch.Generator) -> None:
    """Up to eight ellipses and rectangles, in place; some in the colours of skin, some with two dots like eyes."""
    side = image.shape[-1]
    y, x = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    for _ in range(int(torch.randint(1, 9, (1,), generator=generator))):
        a = torch.rand(10, generator=generator)
        u, v = (x - a[0] * side) / ((0.03 + 0.3 * a[2]) * side), (y - a[1] * side) / ((0.03 + 0.3 * a[3]) * side)
        inside = (u * u + v * v < 1) if a[4] < 0.6 else (u.abs().maximum(v.abs()) < 1)
        skin = torch.stack([0.35 + 0.6 * a[5], 0.25 + 0.5 * a[5], 0.18 + 0.42 * a[5]])
        colour = skin if a[6] < 0.4 else a[7:10]
        image[:, inside] = colour[:, None]
        if a[6] < 0.15:
            for place in (-0.4, 0.4):
                image[:, (u - place) ** 2 + (v + 0.1) ** 2 < 0.02] = 0.1


def faceless_part(image: Tensor, box: Tensor, generator: torch.Generator) -> Tensor:
    """A window of ``image [3, S, S]`` without its face: clothes, hair and background, or the face in shuffled tiles
    or blurred beyond recognition."""
    side = image.shape[-1]
    left, top, right, bottom = (int(v) for v in box.clamp(0, side))
    a = torch.rand(3, generator=generator)
    if a[0] < 0.30:
        tiles = (
            image.unfold(1, side // 4, side // 4).unfold(2, side // 4, side // 4).reshape(3, 16, side // 4, side // 4)
        )
        tiles = tiles[:, torch.randperm(16, generator=generator)].reshape(3, 4, 4, side // 4, side // 4)
        return tiles.permute(0, 1, 3, 2, 4).reshape(3, side, side)
    if a[0] < 0.45:
        small = F.interpolate(image[None], size=(5, 5), mode="area")
        return F.interpolate(small, size=(side, side), mode="bilinear", align_corners=False)[0]
    brow = top + (bottom - top) // 4
    windows = [
        image[:, min(bottom, side - 8) :, :],
        image[:, : max(8, brow - (bottom - top) // 8), :],
        image[:, :, : max(8, left)],
        image[:, :, min(right, side - 8) :],
    ]
    return windows[int(a[1] * 4)]


def compose(portraits: Portraits, count: int, side: int, generator: torch.Generator, faceless: float = 0.25) -> Scenes:
    """A batch: ``faceless`` of it without people, half with one portrait over the whole picture, the rest with 1-3.

    The largest side of a face is 25 to 140 px of 160; portraits are turned by up to a quarter radian.
    """
    image = backgrounds(portraits, count, side, generator)
    boxes, points = torch.zeros(count, MAX_FACES, 4), torch.zeros(count, MAX_FACES, 5, 2)
    present = torch.zeros(count, MAX_FACES, dtype=torch.bool)
    draw = torch.rand(count, generator=generator)
    kind = torch.where(draw < faceless, 0, torch.where(draw < faceless + (1 - faceless) * 0.5, 1, 2))
    for slot in range(MAX_FACES):
        chance = torch.rand(count, generator=generator)
        used = (kind == 1) & (slot == 0) | (kind == 2) & (chance < (1.0, 0.5, 0.3)[slot])
        rows = used.nonzero()[:, 0]
        if len(rows) == 0:
            continue
        pick = torch.randint(len(portraits), (len(rows),), generator=generator)
        source, box, marks = portraits.image[pick].float() / 255, portraits.box[pick], portraits.landmarks[pick]
        size = (box[:, 2:] - box[:, :2]).amax(1)
        whole = (kind[rows] == 1).float()
        a = torch.rand(len(rows), 4, generator=generator)
        target = torch.exp(
            torch.log(torch.tensor(25.0)) + a[:, 0] * torch.log(torch.tensor((120.0 if slot == 0 else 70.0) / 25))
        )
        filling = side / source.shape[-1] * size * (0.95 + 0.35 * a[:, 0])
        scale = torch.where(whole > 0, filling.clamp(25, 140), target) * side / 160 / size
        centre = (box[:, :2] + box[:, 2:]) / 2
        spread = torch.where(whole[:, None] > 0, 0.06, 0.42) * side
        place = side / 2 + (a[:, 1:3] * 2 - 1) * spread
        place = torch.where(whole[:, None] > 0, place + (centre - source.shape[-1] / 2) * scale[:, None], place)
        angle = (a[:, 3] * 2 - 1) * 0.25 * (torch.rand(len(rows), generator=generator) < 0.5)
        cover, pasted = paste(source, centre, place, scale, angle, side, full=whole > 0)
        image[rows] = image[rows] * (1 - cover) + pasted * cover
        turn = torch.stack([torch.stack([angle.cos(), -angle.sin()], 1), torch.stack([angle.sin(), angle.cos()], 1)], 1)
        half = (box[:, 2:] - box[:, :2]) / 2 * scale[:, None]
        boxes[rows, slot] = torch.cat([place - half, place + half], 1)
        points[rows, slot] = (
            torch.einsum("bij,bkj->bki", turn, marks - centre[:, None]) * scale[:, None, None] + place[:, None]
        )
        hide_covered(boxes, present, rows, slot, cover)
        seen = points[rows, slot]
        present[rows, slot] = ((seen > 1) & (seen < side - 1)).flatten(1).all(1)
    image = spoil(image, generator, 0.8)
    letterbox(image, points, present, generator)
    return Scenes(image, boxes, points, present)


MIRRORED = (1, 0, 2, 4, 3)
"""Landmarks of a mirrored face in template order."""


def mirror(scenes: Scenes) -> Scenes:
    """The same pictures seen in a mirror."""
    side = scenes.image.shape[-1]
    box = scenes.box[..., [2, 1, 0, 3]].clone()
    box[..., [0, 2]] = side - box[..., [0, 2]]
    points = scenes.landmarks[..., MIRRORED, :].clone()
    points[..., 0] = side - points[..., 0]
    return Scenes(scenes.image.flip(3), box, points, scenes.present)


class ScenePool:
    """Composing costs more than learning from a picture: each batch is used about three times, at random mirrored."""

    def __init__(self, portraits: Portraits, batch: int, side: int, generator: torch.Generator, size: int = 99) -> None:
        self.portraits, self.batch, self.side, self.generator, self.size = portraits, batch, side, generator, size
        self.kept: list[Scenes] = []
        self.asked = 0

    def next(self) -> Scenes:
        """A new batch every third time (and in the beginning), else an earlier one."""
        self.asked += 1
        if self.asked % 3 == 1 or self.asked < 10:
            scenes = compose(self.portraits, self.batch, self.side, self.generator)
            self.kept = [*self.kept[-self.size + 1 :], scenes]
            return scenes
        scenes = self.kept[int(torch.randint(len(self.kept), (1,), generator=self.generator))]
        return mirror(scenes) if torch.rand(1, generator=self.generator) < 0.5 else scenes


def letterbox(image: Tensor, points: Tensor, present: Tensor, generator: torch.Generator) -> None:
    """Every fifth picture gets the detector's padding (mid grey) at its right or its bottom, in place."""
    count, _, side, _ = image.shape
    for index in (torch.rand(count, generator=generator) < 0.2).nonzero()[:, 0].tolist():
        a = torch.rand(2, generator=generator)
        edge, axis = int(side * (0.55 + 0.4 * a[0])), int(a[1] < 0.5)
        image[index].transpose(1, 2 - axis)[:, edge:] = 0.5
        present[index] &= (points[index, :, :, axis] < edge - 1).all(1)


def paste(source: Tensor, centre: Tensor, place: Tensor, scale: Tensor, angle: Tensor, side: int, full: Tensor):
    """The source pictures moved so that ``centre`` lies at ``place``: (cover ``[B, 1, side, side]``, picture)."""
    span = source.shape[-1]
    step = torch.arange(side) + 0.5
    y, x = torch.meshgrid(step, step, indexing="ij")
    dx, dy = (
        (x - place[:, 0].view(-1, 1, 1)) / scale.view(-1, 1, 1),
        (y - place[:, 1].view(-1, 1, 1)) / scale.view(-1, 1, 1),
    )
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    grid = torch.stack(
        [cos * dx + sin * dy + centre[:, 0].view(-1, 1, 1), -sin * dx + cos * dy + centre[:, 1].view(-1, 1, 1)], -1
    )
    grid = grid / span * 2 - 1
    small = scale < 0.6
    if small.any():
        halved = F.interpolate(source[small], scale_factor=0.5, mode="area")
        source = source.clone()
        source[small] = F.interpolate(halved, size=(span, span), mode="bilinear", align_corners=False)
    picture = F.grid_sample(source, grid, mode="bilinear", padding_mode="border", align_corners=False)
    cover = ((grid.abs() < 1).all(-1) | full.view(-1, 1, 1)).float()[:, None]
    return cover, picture


def hide_covered(boxes: Tensor, present: Tensor, rows: Tensor, slot: int, cover: Tensor) -> None:
    """Faces of earlier slots that the new picture covers by more than a third no longer count, in place."""
    side = cover.shape[-1]
    for k, row in enumerate(rows.tolist()):
        for earlier in range(slot):
            left, top, right, bottom = (int(v) for v in boxes[row, earlier].clamp(0, side))
            if present[row, earlier] and cover[k, 0, top:bottom, left:right].mean() > 0.33:
                present[row, earlier] = False
