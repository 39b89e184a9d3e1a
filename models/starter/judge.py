"""The judge: a second face encoder that no training of the product ever sees, to tell whether faces are the same.

Another architecture (patches, then blocks at one resolution, after ConvMixer, Trockman & Kolter 2022,
arXiv:2201.09792, with dense instead of depthwise filters), input size (96 px), loss and seed than the face encoder.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

SIDE = 96
"""Side of the aligned crop: the ArcFace template scaled by 96 / 112."""
EMBEDDING = 256


@dataclass(frozen=True)
class JudgeConfig:
    """Channels of the two patch convolutions, and the number of blocks."""

    patch: int = 48
    width: int = 112
    depth: int = 4

    def to_json(self) -> dict:
        """Plain numbers for config.json."""
        return asdict(self)


class Mix(nn.Module):
    """Neighbours mixed by 3x3, then channels by 1x1; with a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.SiLU(),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Judge(nn.Module):
    """``[B, 3, 96, 96]`` in [-1, 1] to raw embeddings ``[B, 256]``; compare them by cosine."""

    def __init__(self, config: JudgeConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or JudgeConfig()
        self.patches = nn.Sequential(
            nn.Conv2d(3, config.patch, 7, 4, 3, bias=False),
            nn.BatchNorm2d(config.patch),
            nn.SiLU(),
            nn.Conv2d(config.patch, config.width, 3, 2, 1, bias=False),
            nn.BatchNorm2d(config.width),
        )
        self.mix = nn.Sequential(*(Mix(config.width) for _ in range(config.depth)))
        self.gather = nn.Sequential(
            nn.Conv2d(config.width, config.width, SIDE // 8, groups=config.width, bias=False),
            nn.BatchNorm2d(config.width),
            nn.SiLU(),
        )
        self.project = nn.Linear(config.width, EMBEDDING)

    def forward(self, image: Tensor) -> Tensor:
        return self.project(self.gather(self.mix(self.patches(image))).flatten(1))


def similarity_matrix(a: Tensor, b: Tensor) -> Tensor:
    """Cosines ``[N, M]`` of raw embeddings ``[N, d]`` and ``[M, d]``."""
    return nn.functional.normalize(a, dim=-1) @ nn.functional.normalize(b, dim=-1).T


def alike_loss(embedding: Tensor, person: Tensor, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, arXiv:2004.11362) over one batch with several pictures each."""
    cosine = similarity_matrix(embedding, embedding) / temperature
    itself = torch.eye(len(cosine), dtype=torch.bool)
    log_share = cosine - cosine.masked_fill(itself, -torch.inf).logsumexp(1, keepdim=True)
    same = (person[:, None] == person[None]) & ~itself
    return -(log_share.masked_fill(~same, 0).sum(1) / same.sum(1).clamp(min=1)).mean()
