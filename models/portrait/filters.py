"""Image filters that the styles are made of; pictures are [B,C,S,S]."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def luma(picture: Tensor) -> Tensor:
    """Brightness [B,1,S,S] of an RGB picture (weights .30 .59 .11, ITU-R BT.601 rounded)."""
    weights = picture.new_tensor([0.30, 0.59, 0.11]).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)


def blur(picture: Tensor, deviation: float) -> Tensor:
    """Gaussian blur with a standard deviation in pixels, edges repeated."""
    radius = max(1, math.ceil(2.2 * deviation))
    taps = torch.arange(-radius, radius + 1, device=picture.device, dtype=picture.dtype)
    kernel = torch.exp(-0.5 * (taps / deviation) ** 2)
    kernel = kernel / kernel.sum()
    channels = picture.shape[1]
    rows = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    columns = kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    picture = F.conv2d(F.pad(picture, (radius, radius, 0, 0), mode="replicate"), rows, groups=channels)
    return F.conv2d(F.pad(picture, (0, 0, radius, radius), mode="replicate"), columns, groups=channels)


def sobel(grey: Tensor) -> Tensor:
    """Strength of edges [B,1,S,S] (Sobel's kernels, a quarter)."""
    kernel = grey.new_tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).view(1, 1, 3, 3) / 4
    padded = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    return (F.conv2d(padded, kernel) ** 2 + F.conv2d(padded, kernel.transpose(2, 3)) ** 2 + 1e-9).sqrt()


def value_noise(size: int, cells: int, seed: int, device: torch.device) -> Tensor:
    """Smooth noise [1,1,size,size] in [0,1] from a random grid of cells×cells."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.rand(1, 1, cells, cells, generator=generator).to(device)
    return F.interpolate(grid, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)


def kuwahara(picture: Tensor, radius: int) -> Tensor:
    """Painterly smoothing that keeps edges: each pixel takes the calmest of its four quadrants (soft choice).

    Kuwahara et al. 1976; the soft choice by variance is a softmax instead of a minimum.
    """
    padded = F.pad(picture, (radius, radius, radius, radius), mode="replicate")
    mean = F.avg_pool2d(padded, radius + 1, 1)
    grey = luma(padded)
    variance = F.avg_pool2d(grey * grey, radius + 1, 1) - F.avg_pool2d(grey, radius + 1, 1) ** 2
    size = picture.shape[-1]
    corners = [(slice(row, row + size), slice(column, column + size)) for row in (0, radius) for column in (0, radius)]
    variances = torch.stack([variance[:, 0, rows, columns] for rows, columns in corners])
    means = torch.stack([mean[:, :, rows, columns] for rows, columns in corners])
    weights = torch.softmax(-variances * 900, 0)
    return (means * weights[:, :, None]).sum(0)


def wobble(picture: Tensor, amount: float, cells: int, seed: int) -> Tensor:
    """Bend a picture by smooth noise; `amount` in half picture widths."""
    size = picture.shape[-1]
    centres = torch.linspace(-1 + 1 / size, 1 - 1 / size, size, device=picture.device)
    grid_y, grid_x = torch.meshgrid(centres, centres, indexing="ij")
    shift_x = value_noise(size, cells, seed, picture.device)[0, 0] - 0.5
    shift_y = value_noise(size, cells, seed + 1, picture.device)[0, 0] - 0.5
    grid = torch.stack([grid_x + shift_x * amount, grid_y + shift_y * amount], -1)[None]
    return F.grid_sample(
        picture, grid.expand(len(picture), -1, -1, -1), mode="bilinear", padding_mode="border", align_corners=False
    )
