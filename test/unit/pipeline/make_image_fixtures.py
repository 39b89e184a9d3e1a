"""Writes test/fixtures/pipeline/images.json: alignment, warp and enlargement by scikit-image, torch and Pillow.

Run with scikit-image 0.26.0, torch 2.13.0, Pillow and numpy: `python test/unit/pipeline/make_image_fixtures.py`.
Pictures are formulas that the TypeScript test repeats, so that only results are stored.
"""

import json
from pathlib import Path

import numpy as np
import PIL
import skimage
import torch
import torch.nn.functional as F
from PIL import Image
from skimage.transform import SimilarityTransform

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def picture(width: int, height: int) -> np.ndarray:
    """[height, width, 3] uint8: smooth, different in every channel and place."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 3 + y) % 200 + 20, (x + y * 2) % 150 + 50, 255 - (x * 2 + y * 2) % 230], -1).astype(np.uint8)


def alignments() -> list[dict]:
    rng = np.random.default_rng(5)
    cases = []
    for _ in range(8):
        angle, scale = rng.uniform(-3, 3), rng.uniform(0.05, 8)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = TEMPLATE @ turn.T + rng.uniform(-50, 400, 2) + rng.normal(0, 3 * scale, (5, 2))
        matrix = SimilarityTransform.from_estimate(points, TEMPLATE).params
        cases.append({"points": points.tolist(), "matrix": matrix[:2].tolist()})
    return cases


def warped(a: float, b: float, tx: float, ty: float, size: int) -> list[int]:
    """Crop of picture(60, 40) through the similarity, zeros outside, pixel centres at +1/2, by grid_sample."""
    image = torch.from_numpy(picture(60, 40)).permute(2, 0, 1)[None].float()
    inverse = np.linalg.inv(np.array([[a, -b, tx], [b, a, ty], [0, 0, 1]]))
    centre = np.arange(size) + 0.5
    y, x = np.meshgrid(centre, centre, indexing="ij")
    source = np.stack([x, y, np.ones_like(x)], -1) @ inverse.T
    grid = torch.from_numpy(source[..., :2] / np.array([60, 40]) * 2 - 1)[None].float()
    out = F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return out[0].round().to(torch.uint8).permute(1, 2, 0).flatten().tolist()


def enlarged(box: tuple[float, float, float, float], width: int, height: int) -> list[int]:
    image = Image.fromarray(picture(24, 18))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box)).flatten().tolist()


if __name__ == "__main__":
    warps = [(0.9, 0.2, -5, 3, 12), (1.7, -0.6, 4, -8, 12), (0.7, 0.0, 2.5, 2.5, 10)]
    boxes = [((4.0, 5.0, 16.0, 13.0), 30, 20), ((3.25, 4.5, 18.25, 12.5), 33, 21)]
    fixture = {
        "madeWith": {"skimage": skimage.__version__, "torch": torch.__version__, "pillow": PIL.__version__},
        "alignments": alignments(),
        "warps": [dict(zip(("a", "b", "tx", "ty", "size"), w, strict=True), rgb=warped(*w)) for w in warps],
        "enlargements": [{"box": b, "width": w, "height": h, "rgb": enlarged(b, w, h)} for b, w, h in boxes],
    }
    path = Path(__file__).parents[2] / "fixtures" / "pipeline" / "images.json"
    path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)
