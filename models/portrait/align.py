"""Face crops aligned to five landmarks."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Landmark places of ArcFace's 112×112 template (insightface, recognition/arcface_torch alignment): eyes, nose, mouth.
ARCFACE_TEMPLATE = [
    [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041],
]  # fmt: skip


def align_crop(image: Tensor, landmarks: Tensor, size: int = 112) -> Tensor:
    """Crop faces by the least-squares similarity transform from landmarks to the ArcFace template.

    image [B,C,S,S] (square), landmarks [B,5,2] in pixels → [B,C,size,size], sampled bilinearly, borders repeated.
    """
    if image.shape[-1] != image.shape[-2]:
        raise ValueError(f"align_crop: the picture must be square, got {image.shape[-2]}×{image.shape[-1]}")
    batch, _, source, _ = image.shape
    template = (torch.tensor(ARCFACE_TEMPLATE, device=image.device) * size / 112).expand(batch, 5, 2)
    middle, template_middle = landmarks.mean(1, keepdim=True), template.mean(1, keepdim=True)
    points, targets = landmarks - middle, template - template_middle
    # Inverse similarity (template → picture): rotation and scale as the complex number a + bi.
    norm = (targets * targets).sum((1, 2))
    a = ((points * targets).sum((1, 2)) / norm).view(batch, 1, 1)
    cross = (targets[..., 0] * points[..., 1] - targets[..., 1] * points[..., 0]).sum(1)
    b = (cross / norm).view(batch, 1, 1)
    centres = torch.arange(size, device=image.device) + 0.5
    grid_y, grid_x = torch.meshgrid(centres, centres, indexing="ij")
    x = grid_x[None] - template_middle[:, :, 0:1]
    y = grid_y[None] - template_middle[:, :, 1:2]
    source_x = a * x - b * y + middle[:, :, 0:1]
    source_y = b * x + a * y + middle[:, :, 1:2]
    grid = torch.stack([source_x, source_y], -1) / source * 2 - 1
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
