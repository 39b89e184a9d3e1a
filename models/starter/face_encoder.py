"""Face encoder: an aligned 112-px crop in, a 512-number description of the person out.

A small residual network (He et al. 2016, arXiv:1512.03385) that ends as MobileFaceNet does (Chen et al. 2018,
arXiv:1804.07573): a global depthwise convolution instead of average pooling, so that the place of a feature in the
aligned crop counts. Dense 3x3 convolutions, because matrix units of CPUs and GPUs run them fastest. The embedding is
raw; whoever compares or conditions on it divides it by its length (:func:`unit`).
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

EMBEDDING = 512
"""Length of an embedding."""
CROP = 112
"""Side of the aligned crop in pixels ("arcface-112")."""
PIXEL_MEAN, PIXEL_STD = 127.5, 127.5
"""Input is RGB (x - 127.5) / 127.5, x in 0..255."""


@dataclass(frozen=True)
class FaceEncoderConfig:
    """Widths per level (56, 28, 14 and 7 px), residual blocks on the last three levels, width before pooling."""

    widths: tuple[int, int, int, int] = (16, 48, 96, 128)
    blocks: tuple[int, int, int] = (1, 2, 2)
    head: int = 256

    def to_json(self) -> dict:
        """Plain numbers for config.json."""
        return asdict(self)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: bool = True):
    """Convolution, batch norm and (when ``act``) ReLU; the padding keeps the size at stride 1."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if act else nn.Sequential(*layers)


class Residual(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(width, width, 3), convolution(width, width, 3, act=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class FaceEncoder(nn.Module):
    """``[B, 3, 112, 112]`` in [-1, 1] to raw embeddings ``[B, 512]``."""

    def __init__(self, config: FaceEncoderConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FaceEncoderConfig()
        widths = config.widths
        layers: list[nn.Module] = [convolution(3, widths[0], 3, 2)]
        for level, count in enumerate(config.blocks):
            layers.append(convolution(widths[level], widths[level + 1], 3, 2))
            layers += [Residual(widths[level + 1]) for _ in range(count)]
        self.trunk = nn.Sequential(*layers)
        self.widen = convolution(widths[3], config.head, 1)
        self.gather = nn.Sequential(
            nn.Conv2d(config.head, config.head, CROP // 16, groups=config.head, bias=False), nn.BatchNorm2d(config.head)
        )
        self.project = nn.Sequential(nn.Linear(config.head, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING))

    def forward(self, image: Tensor) -> Tensor:
        return self.project(self.gather(self.widen(self.trunk(image))).flatten(1))


def unit(embedding: Tensor) -> Tensor:
    """Embeddings ``[..., 512]`` scaled to length 1."""
    return nn.functional.normalize(embedding, dim=-1)


def pixels_to_input(image: Tensor) -> Tensor:
    """RGB in [0, 1] (as the renderer gives it) to the encoder's [-1, 1]."""
    return image * 2 - 1
