"""Styles: what turns the rendered picture into a drawing or painting. Strokes are sized for 256 px and scale."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .distance import hash_1d, lerp, smoothstep
from .filters import blur, kuwahara, luma, sobel, value_noise, wobble
from .vocabulary import STYLES


class Sheet:
    """What a style may use besides the picture: scale, pixel coordinates at 256 px, paper noise."""

    def __init__(self, picture: Tensor) -> None:
        self.size = picture.shape[-1]
        self.unit = self.size / 256  # a 256-px pixel in real ones
        self.device = picture.device
        places = torch.arange(self.size, device=picture.device, dtype=picture.dtype) / self.unit
        self.y, self.x = torch.meshgrid(places, places, indexing="ij")

    def noise(self, cells: int, seed: int) -> Tensor:
        """Value noise [1,1,S,S]."""
        return value_noise(self.size, cells, seed, self.device)

    def radius(self, at_256: float, least: int) -> int:
        """A filter radius in pixels."""
        return max(least, int(at_256 * self.unit))

    def colour(self, red: float, green: float, blue: float) -> Tensor:
        """A colour as [1,3,1,1]."""
        return torch.tensor([red, green, blue], device=self.device).view(1, 3, 1, 1)


def saturate(picture: Tensor, factor: float, grey: Tensor | None = None) -> Tensor:
    """Colours moved away from their brightness."""
    grey = luma(picture) if grey is None else grey
    return grey + (picture - grey) * factor


def pencil(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Graphite: contour lines, two directions of hatching, tone, grainy paper."""
    unit, grey = sheet.unit, luma(picture)
    darker = blur(grey, 0.9 * unit) - blur(grey, 1.8 * unit)
    edges = sobel(blur(grey, 0.7 * unit))
    line = (smoothstep(0.03, 0.16, darker) * 0.9 + smoothstep(0.06, 0.26, edges) * 0.55).clamp(0, 1)
    tone = blur(grey, 1.2 * unit) * 0.9 + 0.1
    tone = 1 - (1 - tone) * (0.35 + 0.65 * mask)
    grain = sheet.noise(150, 3)
    bend = 1.5 * sheet.noise(10, 5)[0, 0]

    def strokes(along_x: float, along_y: float, frequency: float) -> Tensor:
        wave = 0.5 + 0.5 * torch.sin((sheet.x * along_x + sheet.y * along_y) * frequency + bend)
        return smoothstep(0.25, 0.8, wave)[None, None]

    hatch = smoothstep(0.72, 0.35, tone) * 0.24 * strokes(0.7, 0.7, 0.95)
    hatch = hatch + smoothstep(0.48, 0.15, tone) * 0.12 * strokes(0.6, -0.8, 1.0) + (1 - tone) * 0.64
    paper = 0.95 + 0.06 * (grain - 0.5)
    drawn = paper - hatch * (0.75 + 0.5 * grain) - line * 0.72 * (0.7 + 0.5 * grain)
    return drawn.clamp(0.08, 1) * sheet.colour(1.0, 0.99, 0.965)


def watercolour(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Wobbling washes with uneven pigment, dark rims and a white paper edge."""
    picture = kuwahara(wobble(picture, 0.016, 14, 7), max(2, int(3 * sheet.unit + 0.5)))
    grey = luma(picture)
    picture = saturate(picture, 1.30, grey) * 0.76 + 0.24
    edges = smoothstep(0.02, 0.14, sobel(blur(grey, 1.2 * sheet.unit)))
    pigment = sheet.noise(9, 11) * 0.6 + sheet.noise(40, 12) * 0.4
    grain = sheet.noise(128, 13)
    wash = (1 - picture).clamp(min=0) ** 1.12 * (0.78 + 0.40 * pigment) * (0.94 + 0.12 * grain)
    picture = (1 - wash) * (1 - 0.22 * edges)
    to_edge = torch.minimum(torch.minimum(sheet.x, 256 - sheet.x), torch.minimum(sheet.y, 256 - sheet.y)) / 256
    painted = smoothstep(0.015, 0.06, to_edge[None, None] + (pigment - 0.5) * 0.10)
    return picture * painted + 0.985 * (1 - painted)


def pixel(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """64×64 blocks of 8 levels."""
    small = F.interpolate(picture, size=(64, 64), mode="area")
    small = ((saturate(small, 1.25) - 0.5) * 1.12 + 0.5).clamp(0, 1)
    return F.interpolate((small * 7 + 0.5).floor() / 7, size=(sheet.size, sheet.size), mode="nearest")


def comic(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Flat bright colours, halftone dots in the shadows, ink lines."""
    unit, grey = sheet.unit, luma(picture)
    flat = kuwahara(picture, sheet.radius(2, 1))
    tone = luma(flat)
    step = torch.frac(tone * 4.2)
    posterised = (tone * 4.2 + smoothstep(0.35, 0.65, step) - step) / 4.2
    flat = (saturate(flat, 1.45, tone) * ((posterised + 0.09) / (tone + 0.04)).clamp(0.5, 1.6)).clamp(0, 1)
    frequency = 2 * math.pi / 7.0  # one dot in 7 px along the diagonals
    dots = torch.sin((sheet.x + sheet.y) * frequency * 0.7071) * torch.sin((sheet.x - sheet.y) * frequency * 0.7071)
    shadow = smoothstep(0.62, 0.12, tone)
    flat = flat * (1 - 0.34 * smoothstep(-0.15, 0.15, dots[None, None] - 1.1 + 1.7 * shadow))
    edges = smoothstep(0.10, 0.24, sobel(blur(grey, 1.0 * unit))) * 0.8
    edges = edges + smoothstep(0.035, 0.10, blur(grey, 2.0 * unit) - blur(grey, 0.8 * unit))
    ink = edges.clamp(0, 1) * (0.45 + 0.55 * mask)
    return flat * (1 - ink) + ink * 0.06


def oil(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Smeared paint in warm colours with strokes along the contours."""
    unit = sheet.unit
    picture = kuwahara(wobble(picture, 0.020, 40, 21), max(2, int(3 * unit + 0.5)))
    picture = lerp(picture, kuwahara(picture, sheet.radius(2, 1)), 0.7)
    grey = luma(picture)
    picture = saturate(picture, 1.18, grey) * sheet.colour(1.02, 0.99, 0.92)
    soft = blur(grey, 2 * unit)
    slope_x, slope_y = soft - torch.roll(soft, 2, 3), soft - torch.roll(soft, 2, 2)
    angle = torch.atan2(slope_y, slope_x) + 1.57 + 2 * (sheet.noise(8, 23) - 0.5)
    across = sheet.y * torch.cos(angle) - sheet.x * torch.sin(angle)
    bristles = torch.sin(across * 0.9 + 5 * sheet.noise(30, 22))
    picture = picture * (1 + 0.035 * bristles) * (0.96 + 0.08 * sheet.noise(90, 25))
    return (picture - 0.5) * 1.10 + 0.49


def neon(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Glowing lines of changing hue on a dark picture."""
    unit = sheet.unit
    grey = (luma(picture) + 0.01) ** 0.55
    edges = smoothstep(0.07, 0.24, sobel(blur(grey, 0.6 * unit))) * 0.7
    edges = edges + smoothstep(0.03, 0.10, blur(grey, 1.8 * unit) - blur(grey, 0.7 * unit))
    edges = edges + smoothstep(0.1, 0.5, sobel(blur(mask, 0.8 * unit)))
    edges = edges.clamp(0, 1) * (0.25 + 0.75 * mask)
    hue = (sheet.y / 256 * 0.55 + 0.25 * torch.sin(sheet.x / 60))[None, None] + hash_1d(seed).view(-1, 1, 1, 1)
    colour = torch.cat([0.5 + 0.5 * torch.cos(6.283 * (hue + shift)) for shift in (0.0, 0.33, 0.67)], 1)
    colour = colour / colour.amax(1, keepdim=True)
    glow = blur(edges, 2.2 * unit) * 0.8 + blur(edges, 6 * unit) * 0.9
    dark = picture * 0.16 + sheet.colour(0.02, 0.01, 0.06)
    return dark + colour * (glow * 0.95) + edges * (0.35 + 0.65 * colour)


FILTERS = dict(zip(STYLES[1:], (pencil, watercolour, pixel, comic, oil, neon), strict=True))


def apply_style(picture: Tensor, style: Tensor, seed: Tensor, mask: Tensor) -> Tensor:
    """Each picture [B,3,S,S] in its style (index [B]; 0 = as rendered); `mask` [B,1,S,S] is 1 on the person."""
    styled = picture.clone()
    sheet = Sheet(picture)
    for index, name in enumerate(STYLES):
        members = (style == index).nonzero()[:, 0]
        if index and len(members):
            drawn = FILTERS[name](picture[members], mask[members], seed[members], sheet)
            styled[members] = drawn.clamp(0, 1)
    return styled
