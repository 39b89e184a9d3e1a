"""Writes test/fixtures/pipeline/images.json: alignment and warp by scikit-image, enlargement by Pillow.

Run with scikit-image 0.26.0, Pillow and numpy: `python test/unit/pipeline/make_image_fixtures.py`. Pictures are formulas,
and points and transforms hash numbers, that the TypeScript test repeats, so that only results are stored.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np
import PIL
import skimage
from PIL import Image
from skimage.transform import SimilarityTransform, downscale_local_mean, warp

sys.path.insert(0, str(Path(__file__).parents[2] / "parity"))
from hash_weights import hash_uniform

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def picture(width: int, height: int) -> np.ndarray:
    """[height, width, 3] uint8: smooth, different in every channel and place."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([(x * 3 + y) % 200 + 20, (x + y * 2) % 150 + 50, 255 - (x * 2 + y * 2) % 230], -1).astype(np.uint8)


def alignments(count: int) -> list[list[float]]:
    """Similarities [a, b, tx, ty] from five points to the template: turned, scaled 1/20 to 20 times, moved, each point off."""
    numbers = hash_uniform("alignments", count * 14).reshape(count, 14)
    fits = []
    for angle, scale, x, y, *noise in numbers:
        angle, scale = angle * np.pi, 20**scale
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = TEMPLATE @ turn.T + 2000 * np.array([x, y]) + 8 * scale * np.array(noise).reshape(5, 2)
        matrix = SimilarityTransform.from_estimate(points, TEMPLATE).params
        fits.append([matrix[0, 0], matrix[1, 0], matrix[0, 2], matrix[1, 2]])
    return fits


def warped(numbers: np.ndarray, width: int, height: int, largest: float, smallest: float) -> dict:
    """A 16 x 16 crop of `picture` through a similarity, bilinear, zeros outside; pixel centres at +1/2.

    A point of the picture, up to a fifth of it outside, goes near the crop's middle, so that many crops reach over the edge.
    Where the crop is smaller by two or more, whole blocks of the picture are averaged first.
    """
    angle, scale, x, y = numbers
    size, scale = 16, np.exp(np.log(smallest) + (scale + 1) / 2 * np.log(largest / smallest))
    a, b = scale * np.cos(angle * np.pi), scale * np.sin(angle * np.pi)
    x, y = width * (0.5 + 0.7 * x), height * (0.5 + 0.7 * y)
    tx, ty = size / 2 - (a * x - b * y), size / 2 - (b * x + a * y)
    block = max(1, int(1 / np.hypot(a, b)))
    image = picture(width, height)[: height // block * block, : width // block * block].astype(np.float64)
    image = downscale_local_mean(image, (block, block, 1))
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    to_block = np.diag([1 / block, 1 / block, 1])
    forward = np.array([[a, -b, tx], [b, a, ty], [0, 0, 1]]) @ np.linalg.inv(to_block)
    inverse = np.linalg.inv(np.linalg.inv(half) @ forward @ half)
    out = warp(image, inverse, output_shape=(size, size), order=1, cval=0, preserve_range=True, clip=False)
    rgb = base64.b64encode(np.rint(out).astype(np.uint8).tobytes()).decode()
    return {"a": a, "b": b, "tx": tx, "ty": ty, "size": size, "width": width, "height": height, "rgb": rgb}


def warps(count: int) -> list[dict]:
    numbers = hash_uniform("warps", count * 4).reshape(count, 4)
    halves = [(60, 40, 6.0, 0.51), (420, 300, 0.5, 0.03)]
    return [warped(numbers[i], *halves[i % 2]) for i in range(count)]


def enlarged(box: tuple[float, float, float, float], width: int, height: int) -> list[int]:
    image = Image.fromarray(picture(24, 18))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box)).flatten().tolist()


if __name__ == "__main__":
    boxes = [((4.0, 5.0, 16.0, 13.0), 30, 20), ((3.25, 4.5, 18.25, 12.5), 33, 21)]
    fixture = {
        "madeWith": {"skimage": skimage.__version__, "pillow": PIL.__version__},
        "alignments": alignments(200),
        "warps": warps(60),
        "enlargements": [{"box": b, "width": w, "height": h, "rgb": enlarged(b, w, h)} for b, w, h in boxes],
    }
    path = Path(__file__).parents[2] / "fixtures" / "pipeline" / "images.json"
    path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)
