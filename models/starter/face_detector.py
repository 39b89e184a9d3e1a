"""Face detector: where faces are in a 160-px picture, and their five landmarks.

One output cell per 8x8 pixels (the idea of CenterNet, Zhou et al. 2019, arXiv:1904.07850): a score, the distances
from the cell's centre to the face's four sides, and the offsets of the landmarks, all in units of 8 px. A picture of
any size is scaled to fit 160x160, placed at the top left and padded with 0 *after* normalisation (mid grey).
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.starter.face_encoder import Residual, convolution

SIDE = 160
"""Side of the input in pixels."""
STRIDE = 8
"""Pixels per cell, and the unit of box and landmark outputs."""
GRID = SIDE // STRIDE
SCORE, OVERLAP = 0.5, 0.3
"""A cell counts from this score on; of two boxes that overlap by more, the weaker is dropped."""


@dataclass(frozen=True)
class FaceDetectorConfig:
    """Widths at 80, 40, 20, 10 and 5 px."""

    widths: tuple[int, int, int, int, int] = (12, 24, 48, 64, 64)

    def to_json(self) -> dict:
        """Plain numbers for config.json."""
        return asdict(self)


class FaceDetector(nn.Module):
    """``[B, 3, 160, 160]`` in [-1, 1] to ``heatmap [B, 1, 20, 20]`` logits, ``box [B, 4, 20, 20]`` >= 0 (left, top,
    right, bottom), ``landmarks [B, 10, 20, 20]`` (x, y pairs in the crop template's order)."""

    def __init__(self, config: FaceDetectorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FaceDetectorConfig()
        a, b, c, d, e = config.widths
        self.fine = nn.Sequential(
            convolution(3, a, 3, 2), convolution(a, b, 3, 2), convolution(b, c, 3, 2), Residual(c)
        )
        self.middle = nn.Sequential(convolution(c, d, 3, 2), Residual(d))
        self.coarse = nn.Sequential(convolution(d, e, 3, 2), Residual(e))
        self.coarse_up = convolution(e, d, 1, act=False)
        self.middle_up = convolution(d, c, 1, act=False)
        self.merge = convolution(c, c, 3)
        self.heads = nn.Conv2d(c, 15, 1)
        nn.init.constant_(self.heads.bias[:1], -4.0)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.fine(image)
        middle = self.middle(fine)
        middle = torch.relu(
            middle + F.interpolate(self.coarse_up(self.coarse(middle)), scale_factor=2.0, mode="nearest")
        )
        fine = torch.relu(fine + F.interpolate(self.middle_up(middle), scale_factor=2.0, mode="nearest"))
        out = self.heads(self.merge(fine))
        return out[:, :1], F.softplus(out[:, 1:5]), out[:, 5:]


def cell_centres() -> Tensor:
    """Pixel coordinates of the cells' centres ``[2, 20, 20]`` (x, then y): (i + 0.5) * 8."""
    step = (torch.arange(GRID) + 0.5) * STRIDE
    y, x = torch.meshgrid(step, step, indexing="ij")
    return torch.stack([x, y])


def overlap(box: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of ``box [4]`` with ``others [N, 4]`` (left, top, right, bottom)."""
    low, high = torch.maximum(box[:2], others[:, :2]), torch.minimum(box[2:], others[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    area = lambda b: (b[..., 2:] - b[..., :2]).prod(-1)  # noqa: E731
    return shared / (area(box) + area(others) - shared + 1e-9)


@dataclass
class Face:
    """One detection in input pixels."""

    score: float
    box: Tensor
    landmarks: Tensor


def decode(heatmap: Tensor, box: Tensor, landmarks: Tensor, threshold: float = SCORE) -> list[Face]:
    """Faces of ONE picture (outputs without batch axis), best first.

    Cells that are the maximum of their 3x3 neighbourhood and score at least ``threshold``, then non-maximum
    suppression at :data:`OVERLAP`.
    """
    score = heatmap[0].sigmoid()
    peak = score == F.max_pool2d(score[None, None], 3, 1, 1)[0, 0]
    rows, columns = ((score >= threshold) & peak).nonzero(as_tuple=True)
    order = score[rows, columns].argsort(descending=True, stable=True)
    centres = cell_centres().to(score)
    faces: list[Face] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        centre = centres[:, row, column]
        distance = box[:, row, column] * STRIDE
        place = torch.cat([centre - distance[:2], centre + distance[2:]])
        if any(overlap(place, face.box[None])[0] > OVERLAP for face in faces):
            continue
        points = centre + landmarks[:, row, column].view(5, 2) * STRIDE
        faces.append(Face(float(score[row, column]), place, points))
    return faces
