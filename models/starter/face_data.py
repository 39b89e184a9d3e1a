"""Pictures for the face networks: shards of rendered portraits, aligned crops, photo-like spoiling.

A shard is one .npz of uint8 pictures with their true landmarks, face box, person number and identity vector.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

ARCFACE_TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
"""Left eye, right eye, nose, left and right mouth corner (image order) in a 112-px crop: insightface, face_align.py."""


@dataclass
class Portraits:
    """Rendered portraits with their truth, all on the CPU."""

    image: Tensor
    """[N, 3, S, S] uint8 RGB."""
    landmarks: Tensor
    """[N, 5, 2] px in template order."""
    box: Tensor
    """[N, 4] px: left, top, right, bottom of the face."""
    person: Tensor
    """[N] numbers 0.. without gaps."""
    identity: Tensor
    """[N, 65] the renderer's ``id_vector``."""

    def __len__(self) -> int:
        return len(self.image)


def load_portraits(folder: Path, limit: int | None = None) -> Portraits:
    """All shards of a folder (the first ``limit``). Raises FileNotFoundError when there is none."""
    paths = sorted(folder.glob("[0-9]*.npz"))[:limit]
    if not paths:
        raise FileNotFoundError(f"No shards in {folder}: render some with `python -m models.train.face_render`.")
    shards = [np.load(path) for path in paths]

    def join(key: str) -> Tensor:
        return torch.from_numpy(np.concatenate([shard[key] for shard in shards]))

    person = torch.unique(join("person"), return_inverse=True)[1]
    return Portraits(join("image"), join("landmarks"), join("box"), person, join("id_vector"))


def join_portraits(a: Portraits, b: Portraits) -> Portraits:
    """Both sets as one; the smaller pictures are padded at the right and the bottom by repeating their edge."""
    side = max(a.image.shape[-1], b.image.shape[-1])

    def padded(image: Tensor) -> Tensor:
        more = side - image.shape[-1]
        parts = [F.pad(part.float(), (0, more, 0, more), mode="replicate").byte() for part in image.split(256)]
        return torch.cat(parts) if more else image

    return Portraits(
        torch.cat([padded(a.image), padded(b.image)]),
        torch.cat([a.landmarks, b.landmarks]),
        torch.cat([a.box, b.box]),
        torch.cat([a.person, b.person + int(a.person.max()) + 1]),
        torch.cat([a.identity, b.identity]),
    )


def similarity(landmarks: Tensor, size: int) -> Tensor:
    """Least-squares similarity from a ``size`` crop's pixels to the picture's: ``[B, 2, 3]``.

    ``landmarks [B, 5, 2]`` px. Closed form of the two-dimensional Procrustes problem without reflection
    (Umeyama 1991), solved from the template to the picture.
    """
    template = landmarks.new_tensor(ARCFACE_TEMPLATE) * (size / 112)
    centre, target = template.mean(0), landmarks.mean(1, keepdim=True)
    t, p = template - centre, landmarks - target
    norm = (t * t).sum()
    a = (t * p).sum((1, 2)) / norm
    b = (t[:, 0] * p[..., 1] - t[:, 1] * p[..., 0]).sum(1) / norm
    linear = torch.stack([torch.stack([a, -b], 1), torch.stack([b, a], 1)], 1)
    offset = target[:, 0] - torch.einsum("bij,j->bi", linear, centre)
    return torch.cat([linear, offset[:, :, None]], 2)


def align(image: Tensor, landmarks: Tensor, size: int = 112) -> Tensor:
    """Crops ``[B, 3, size, size]`` of ``image [B, 3, S, S]`` that put the landmarks on the template, bilinear.

    Pixel centres lie at integer + 0.5; outside the picture its border repeats.
    """
    step = torch.arange(size, dtype=landmarks.dtype) + 0.5
    y, x = torch.meshgrid(step, step, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1)
    grid = torch.einsum("bij,hwj->bhwi", similarity(landmarks, size), points) / image.shape[-1] * 2 - 1
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def jitter(landmarks: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Landmarks moved as a detector's would be: normal noise of ``amount`` times the distance between the eyes."""
    eyes = (landmarks[:, 1] - landmarks[:, 0]).norm(dim=1).view(-1, 1, 1)
    return landmarks + torch.randn(landmarks.shape, generator=generator) * amount * eyes


def spoil(image: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """What cameras and files do to a picture ``[B, 3, H, W]`` in [0, 1]: colour, gamma, blur, noise, blocks, occlusion.

    ``strength`` 0 leaves it alone, 1 is the training's usual amount.
    """
    count, _, height, width = image.shape

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *(shape or (1, 1, 1)), generator=generator) * (high - low) + low

    def some(chance: float) -> Tensor:
        return torch.rand(count, generator=generator) < chance * strength

    saturation = torch.where(some(0.06).view(-1, 1, 1), -1.0, uniform(-0.35, 0.3, 1, 1) * strength) + 1
    gain = (1 + uniform(-0.12, 0.12, 3, 1) * strength) * (1 + uniform(-0.25, 0.2, 1, 1) * strength)
    mixing = gain * (saturation * torch.eye(3) + (1 - saturation) / 3)
    contrast = 1 + uniform(-0.3, 0.25, 1, 1) * strength
    offset = 0.45 * (1 - contrast) + uniform(-0.08, 0.08, 1, 1) * strength
    image = image.clamp(1e-3, 1).log_().mul_(torch.exp(uniform(-0.35, 0.35) * strength)).exp_()
    image = torch.baddbmm(offset, contrast * mixing, image.flatten(2)).view(image.shape)
    for factor, chance in ((2, 0.12), (3, 0.06)):
        chosen = some(chance)
        if chosen.any():
            small = F.interpolate(image[chosen], scale_factor=1 / factor, mode="area")
            image[chosen] = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
    chosen = some(0.15)
    if chosen.any():
        image[chosen] = block_noise(image[chosen], generator)
    chosen = some(0.5)
    if chosen.any():
        part = image[chosen]
        deviation = torch.rand(len(part), 1, 1, 1, generator=generator) * 0.06
        image[chosen] = part + torch.randn(part.shape, generator=generator) * deviation
    for index in some(0.12).nonzero()[:, 0].tolist():
        occlude(image[index], generator)
    return image.clamp_(0, 1)


def block_noise(image: Tensor, generator: torch.Generator) -> Tensor:
    """JPEG's look without its bit stream: 8x8 cosine transform, coarse rounding of the higher frequencies, and back."""
    order = torch.arange(8, dtype=image.dtype)
    basis = torch.cos((2 * order[None] + 1) * order[:, None] * torch.pi / 16) * 0.5
    basis[0] /= 2**0.5
    step = (1 + order[None] + order[:, None]) * (
        0.01 + 0.05 * torch.rand(len(image), 1, 1, 1, 1, 1, generator=generator)
    )
    height, width = image.shape[2] // 8 * 8, image.shape[3] // 8 * 8
    blocks = image[:, :, :height, :width].unfold(2, 8, 8).unfold(3, 8, 8)
    cosine = basis @ blocks @ basis.T
    cosine = (cosine / step).round() * step
    out = image.clone()
    out[:, :, :height, :width] = (
        (basis.T @ cosine @ basis).permute(0, 1, 2, 4, 3, 5).reshape(len(image), -1, height, width)
    )
    return out


def occlude(image: Tensor, generator: torch.Generator) -> None:
    """A rectangle of one colour or of noise over up to a third of each side, in place. ``image [3, H, W]``."""
    _, height, width = image.shape
    a = torch.rand(4, generator=generator)
    h, w = int(height * (0.1 + 0.25 * a[0])), int(width * (0.1 + 0.25 * a[1]))
    top, left = int((height - h) * a[2]), int((width - w) * a[3])
    colour = torch.rand(3, 1, 1, generator=generator)
    image[:, top : top + h, left : left + w] = colour + 0.1 * torch.randn(3, h, w, generator=generator)
