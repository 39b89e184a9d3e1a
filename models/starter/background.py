"""The background's colour, measured and judged: median of the border in OKLCH against one rule per colour word.

OKLab: Björn Ottosson 2020, https://bottosson.github.io/posts/oklab/ (the matrices are his). sRGB's transfer curve:
IEC 61966-2-1.
"""

import math

import numpy as np


def oklch(rgb: np.ndarray) -> tuple[float, float, float]:
    """Lightness 0..1, chroma 0..0.4, hue in degrees 0..360 of one sRGB colour ``[3]`` in 0..1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cone = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lightness, a, b = lab @ np.cbrt(cone @ linear)
    return float(lightness), math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def border_colour(image: np.ndarray) -> np.ndarray:
    """Median sRGB colour ``[3]`` (0..1) of a uint8 picture's ``[H, W, 3]`` upper border: the top 6 % of the rows and
    the outer 6 % of the columns of the upper half, where neither hair nor clothes usually reach."""
    height, width, _ = image.shape
    strip, side, half = max(1, round(height * 0.06)), max(1, round(width * 0.06)), height // 2
    parts = [image[:strip], image[strip:half, :side], image[strip:half, width - side :]]
    pixels = np.concatenate([part.reshape(-1, 3) for part in parts])
    return np.median(pixels, axis=0) / 255


def obeys(colour: tuple[float, float, float], rule: dict) -> bool:
    """Whether an OKLCH colour lies in the rule's ranges. A hue range may pass 360; no hue range: any hue."""
    lightness, chroma, hue = colour
    if not rule["lightness"][0] <= lightness <= rule["lightness"][1]:
        return False
    if not rule["chroma"][0] <= chroma <= rule["chroma"][1]:
        return False
    if "hue" not in rule:
        return True
    low, high = rule["hue"]
    return (hue - low) % 360 <= (high - low) % 360
