"""Signed distance fields and soft masks. Distances are negative inside; all functions broadcast.

Exact box and approximate ellipse distances and the polynomial smooth minimum follow the formulas published by
Inigo Quilez (iquilezles.org: "2D distance functions", "ellipsoid SDF" bound k0·(k0−1)/k1, "smooth minimum").
"""

import torch
from torch import Tensor


def smoothstep(start: float | Tensor, end: float | Tensor, x: Tensor) -> Tensor:
    """0 at `start`, 1 at `end`, cubic between; `end` may be smaller than `start` (a falling edge)."""
    t = ((x - start) / (end - start)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def lerp(a, b, t):
    """Linear blend: a at t = 0, b at t = 1."""
    return a + (b - a) * t


def smooth_min(a: Tensor, b: Tensor, radius: float | Tensor) -> Tensor:
    """Union of two distances with a rounded seam of the given radius."""
    h = (0.5 + 0.5 * (b - a) / radius).clamp(0, 1)
    return b + (a - b) * h - radius * h * (1 - h)


def smooth_max(a: Tensor, b: Tensor, radius: float | Tensor) -> Tensor:
    """Intersection of two distances with a rounded seam of the given radius."""
    return -smooth_min(-a, -b, radius)


def ellipse(x: Tensor, y: Tensor, radius_x, radius_y) -> Tensor:
    """Approximate distance to an axis-aligned ellipse at the origin (exact on its outline)."""
    a, b = x / radius_x, y / radius_y
    k0 = (a * a + b * b).sqrt()
    k1 = ((a / radius_x) ** 2 + (b / radius_y) ** 2).sqrt()
    return k0 * (k0 - 1) / (k1 + 1e-6)


def rounded_box(x: Tensor, y: Tensor, half_x, half_y, radius) -> Tensor:
    """Distance to a box of the given half sizes (corners included) whose corners are rounded by `radius`."""
    qx, qy = x.abs() - half_x + radius, y.abs() - half_y + radius
    outside = (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2).sqrt()
    return outside + torch.maximum(qx, qy).clamp(max=0) - radius


def segment(x: Tensor, y: Tensor, ax, ay, bx, by) -> tuple[Tensor, Tensor]:
    """Distance to the segment a–b and the place of the nearest point on it (0 at a, 1 at b)."""
    dx, dy = bx - ax, by - ay
    t = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-8)).clamp(0, 1)
    return ((x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2).sqrt(), t


def bump(x: Tensor, y: Tensor, radius_x, radius_y) -> Tensor:
    """Gaussian bump exp(−(x/rx)² − (y/ry)²), 1 at the origin."""
    return torch.exp(-((x / radius_x) ** 2) - (y / radius_y) ** 2)


def ridge(distance: Tensor, width) -> Tensor:
    """Gaussian line exp(−(d/w)²) along the zero of a distance."""
    return torch.exp(-((distance / width) ** 2))


def hash_1d(x: Tensor) -> Tensor:
    """Repeatable noise in [0, 1) from one number (the classic fract(sin) shader hash)."""
    return torch.frac(torch.sin(x * 12.9898) * 43758.5453).abs()


def hash_2d(x: Tensor, y: Tensor) -> Tensor:
    """Repeatable noise in [0, 1) from a pair of numbers."""
    return torch.frac(torch.sin(x * 12.9898 + y * 78.233) * 43758.5453).abs()
