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


def even_light(picture: Tensor, mask: Tensor, sheet: Sheet) -> Tensor:
    """Brightness [B,1,S,S] with its local contrast evened out inside the person: features of dark and of light faces
    stand out alike (divided by its blurred self, 1 = the surroundings' brightness)."""
    grey = luma(picture)
    weight = blur(mask, 9 * sheet.unit) + 1e-3
    around = blur(grey * mask, 9 * sheet.unit) / weight
    return lerp(grey, (grey + 0.02) / (around + 0.03), mask)


def contours(even: Tensor, sheet: Sheet, fine: float = 0.8) -> Tensor:
    """Ink 0–1 [B,1,S,S] where the evened brightness dips: lashes, brows, nostrils, lips, outlines."""
    dips = blur(even, 2.2 * fine * sheet.unit) - blur(even, fine * sheet.unit)
    edges = sobel(blur(even, fine * sheet.unit))
    return (smoothstep(0.05, 0.17, dips) + 0.6 * smoothstep(0.16, 0.42, edges)).clamp(0, 1)


def pencil(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Graphite: contour lines, two directions of hatching, tone, grainy paper."""
    even = even_light(picture, mask, sheet)
    line = contours(even, sheet, 0.75) * (0.35 + 0.65 * mask)
    # Half of the tone is the face's own, half its relief: dark skin keeps room for its features.
    tone = blur(0.70 * luma(picture) ** 0.8 + 0.30 * (even * 0.80).clamp(0, 1), 1.0 * sheet.unit)
    tone = 1 - (1 - tone) * (0.30 + 0.70 * mask)
    grain = sheet.noise(150, 3)
    bend = 1.5 * sheet.noise(10, 5)[0, 0]

    def strokes(along_x: float, along_y: float, frequency: float) -> Tensor:
        wave = 0.5 + 0.5 * torch.sin((sheet.x * along_x + sheet.y * along_y) * frequency + bend)
        return smoothstep(0.25, 0.8, wave)[None, None]

    hatch = smoothstep(0.55, 0.25, tone) * 0.15 * strokes(0.7, 0.7, 0.85)
    hatch = (
        hatch + smoothstep(0.36, 0.10, tone) * 0.10 * strokes(0.6, -0.8, 0.88) + (1 - tone).clamp(0, 1) ** 1.3 * 0.70
    )
    paper = 0.955 + 0.05 * (grain - 0.5)
    drawn = paper - hatch * (0.80 + 0.4 * grain) - line * 0.66 * (0.75 + 0.4 * grain)
    return drawn.clamp(0.08, 1) * sheet.colour(1.0, 0.99, 0.965)


def watercolour(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Wobbling washes with uneven pigment, dark rims, drawn features and a white paper edge."""
    bent = wobble(picture, 0.010, 14, 7)
    even = even_light(bent, mask, sheet)
    washed = kuwahara(bent, max(2, int(2.4 * sheet.unit + 0.5)))
    grey = luma(washed)
    washed = saturate(washed, 1.22, grey) * 0.78 + 0.22
    edges = smoothstep(0.02, 0.14, sobel(blur(grey, 1.2 * sheet.unit)))
    pigment = sheet.noise(9, 11) * 0.6 + sheet.noise(40, 12) * 0.4
    grain = sheet.noise(128, 13)
    # Uneven pigment lightens and darkens all channels alike (no blots of another hue), less so on the person.
    strength = 1 + (pigment - 0.5) * (0.42 - 0.26 * mask)
    wash = (1 - washed).clamp(min=0) ** 1.08 * strength * (0.95 + 0.10 * grain)
    drawn = (1 - wash) * (1 - 0.16 * edges)
    line = contours(even, sheet, 0.8) * mask
    drawn = drawn * (1 - line * (0.62 + 0.0 * grain) * (1 - 0.25 * picture))
    to_edge = torch.minimum(torch.minimum(sheet.x, 256 - sheet.x), torch.minimum(sheet.y, 256 - sheet.y)) / 256
    painted = smoothstep(0.010, 0.05, to_edge[None, None] + (pigment - 0.5) * 0.09)
    return drawn * painted + 0.985 * (1 - painted)


def pixel(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """64×64 blocks of 8 levels; features are strengthened first, so that few blocks still show them."""
    even = even_light(picture, mask, sheet)
    strong = picture * (1 - 0.40 * contours(even, sheet, 1.1) * mask)
    small = F.interpolate(strong, size=(64, 64), mode="area")
    small = ((saturate(small, 1.2) - 0.5) * 1.10 + 0.5).clamp(0, 1)
    return F.interpolate((small * 9 + 0.5).floor() / 9, size=(sheet.size, sheet.size), mode="nearest")


def comic(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Flat bright colours, halftone dots in the shadows, ink lines."""
    unit = sheet.unit
    even = even_light(picture, mask, sheet)
    flat = kuwahara(picture, sheet.radius(2, 1))
    flat = lerp(flat, picture, 0.35)  # the iris is finer than the smoothing
    tone = luma(flat)
    step = torch.frac(tone * 5.2)
    posterised = (tone * 5.2 + smoothstep(0.35, 0.65, step) - step) / 5.2
    flat = (saturate(flat, 1.35, tone) * ((posterised + 0.10) / (tone + 0.06)).clamp(0.6, 1.5)).clamp(0, 1)
    frequency = 2 * math.pi / 7.0  # one dot in 7 px along the diagonals
    dots = torch.sin((sheet.x + sheet.y) * frequency * 0.7071) * torch.sin((sheet.x - sheet.y) * frequency * 0.7071)
    relief = lerp(tone, (even * 0.72).clamp(0, 1), mask)
    shadow = smoothstep(0.60, 0.30, relief)
    flat = flat * (1 - 0.26 * smoothstep(-0.15, 0.15, dots[None, None] - 1.1 + 1.7 * shadow))
    outline = smoothstep(0.15, 0.5, sobel(blur(mask, 1.0 * unit)))
    ink = (contours(even, sheet, 0.85) * (0.25 + 0.75 * mask) + outline).clamp(0, 1) * 0.92
    return flat * (1 - ink) + ink * 0.05


def oil(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Smeared paint in warm colours with strokes along the contours; finer brushes on the features."""
    unit = sheet.unit
    even = even_light(picture, mask, sheet)
    painted = kuwahara(wobble(picture, 0.012, 40, 21), max(2, int(3 * unit + 0.5)))
    fine = kuwahara(picture, sheet.radius(1, 1))
    detail = blur(smoothstep(0.10, 0.34, sobel(blur(even, 0.8 * unit))), 1.6 * unit).clamp(0, 0.5) * 2 * mask
    painted = lerp(painted, fine, detail.clamp(0, 1) * 0.85)
    grey = luma(painted)
    painted = saturate(painted, 1.16, grey) * sheet.colour(1.02, 0.99, 0.92)
    soft = blur(grey, 2 * unit)
    slope_x, slope_y = soft - torch.roll(soft, 2, 3), soft - torch.roll(soft, 2, 2)
    angle = torch.atan2(slope_y, slope_x) + 1.57 + 2 * (sheet.noise(8, 23) - 0.5)
    across = sheet.y * torch.cos(angle) - sheet.x * torch.sin(angle)
    bristles = torch.sin(across * 0.9 + 5 * sheet.noise(30, 22))
    painted = painted * (1 + 0.030 * bristles * (1 - detail)) * (0.96 + 0.08 * sheet.noise(90, 25))
    painted = painted * (1 - 0.34 * contours(even, sheet, 0.9) * mask)
    return (painted - 0.5) * 1.08 + 0.50


def neon(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """Glowing lines of changing hue on a dark picture that still shows the face."""
    unit = sheet.unit
    even = even_light(picture, mask, sheet)
    lines = contours(even, sheet, 0.60) * (0.25 + 0.75 * mask) * 0.70
    lines = lines * (1 - 0.75 * blur(lines, 2.5 * unit))  # where lines crowd, as in eyes, each is fainter
    lines = (lines + smoothstep(0.1, 0.5, sobel(blur(mask, 0.8 * unit)))).clamp(0, 1)
    hue = (sheet.y / 256 * 0.55 + 0.25 * torch.sin(sheet.x / 60))[None, None] + hash_1d(seed).view(-1, 1, 1, 1)
    colour = torch.cat([0.5 + 0.5 * torch.cos(6.283 * (hue + shift)) for shift in (0.0, 0.33, 0.67)], 1)
    colour = colour / colour.amax(1, keepdim=True)
    glow = blur(lines, 2.2 * unit) * 0.40 + blur(lines, 6 * unit) * 0.50
    dim = picture * (0.18 + 0.34 * mask) * (0.45 + 0.55 * (even * mask).clamp(0, 1.3)) + sheet.colour(0.02, 0.01, 0.06)
    return dim + colour * (glow * 0.80) + lines * (0.35 + 0.65 * colour) * 0.85


def flat(picture: Tensor, mask: Tensor, seed: Tensor, sheet: Sheet) -> Tensor:
    """A poster: few flat tones with smooth borders and drawn features, no outlines."""
    even = even_light(picture, mask, sheet)
    smooth = kuwahara(kuwahara(picture, sheet.radius(2, 1)), sheet.radius(3, 1))
    smooth = lerp(smooth, picture, 0.30 * mask)
    tone = luma(smooth)
    step = torch.frac(tone * 4.0)
    levels = (tone * 4.0 - step + smoothstep(0.42, 0.58, step)) / 4.0
    poster = (saturate(smooth, 1.22, tone) * ((levels + 0.14) / (tone + 0.12)).clamp(0.7, 1.4)).clamp(0, 1)
    line = contours(even, sheet, 0.9) * mask
    return poster * (1 - line * (0.72 - 0.20 * poster))


FILTERS = dict(zip(STYLES[1:], (pencil, watercolour, pixel, comic, oil, neon, flat), strict=True))


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
