"""Backgrounds, drawn at 3/8 of the picture's resolution: the enlargement is a free depth of field."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .distance import bump, hash_1d, hash_2d, lerp, smoothstep
from .vocabulary import BACKGROUNDS, COLOURS


def rgb(red: float, green: float, blue: float) -> Tensor:
    """A colour as [1,3,1,1]."""
    return torch.tensor([red, green, blue]).view(1, 3, 1, 1)


def fade(amount: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Blend pictures or colours [.,3,.,.] by a plane [B,R,R]."""
    return a + (b - a) * amount[:, None]


def plain(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """A wall in the scene's colour."""
    return lerp(colour, rgb(1, 1, 1), 0.30) * (1 - 0.10 * (x * x + y * y))[:, None]


def gradient(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """A studio backdrop, light at the top, with a glow behind the person."""
    wall = fade(smoothstep(-1.0, 1.0, y + 0.4 * x), lerp(colour, rgb(1, 1, 1), 0.65), colour * 0.75)
    return wall + 0.16 * bump(x, y + 0.1, 0.8, 0.8)[:, None]


def bokeh(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """Blurred lights at night."""
    picture = fade(smoothstep(-1.0, 1.0, y), rgb(0.16, 0.12, 0.22), rgb(0.30, 0.16, 0.20))
    for light in range(14):
        noise = [hash_1d(seed + 3.1 * light + offset) for offset in (0.1, 0.2, 0.3, 0.4)]
        centre_x, centre_y = noise[0] * 2.2 - 1.1, noise[1] * 2.2 - 1.2
        distance = ((x - centre_x) ** 2 + (y - centre_y) ** 2).sqrt() - (0.10 + 0.16 * noise[2])
        hue = noise[3]
        colours = torch.cat([0.9 + 0 * hue, 0.45 + 0.5 * hue, 0.25 + 0.6 * (1 - hue)], 1).reshape(-1, 3, 1, 1)
        disc = smoothstep(0.05, -0.02, distance) * (0.25 + 0.3 * smoothstep(-0.06, 0.0, distance))
        picture = picture + disc[:, None] * colours * 0.75
    return picture


def city(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """Two rows of towers with lit windows."""
    picture = fade(smoothstep(-1.0, 0.6, y), rgb(0.05, 0.06, 0.18), rgb(0.42, 0.22, 0.42))
    for row, (count, horizon, darkness) in enumerate([(5.0, 0.30, 0.75), (3.5, -0.02, 0.45)]):
        street = x * count + seed + row * 7
        tower = street.floor()
        mask = smoothstep(0.0, 0.04, y - (horizon - 0.75 * hash_1d(tower + row)))
        picture = fade(mask, picture, rgb(0.10, 0.10, 0.22) * darkness)
        pane_x, pane_y = torch.frac(street.abs() * 4), torch.frac((y + 2) * 7)
        lit = (hash_2d((street * 4).floor(), ((y + 2) * 7).floor() + seed) > 0.52).float()
        pane = smoothstep(0.12, 0.3, pane_x) * smoothstep(0.95, 0.75, pane_x)
        pane = pane * smoothstep(0.15, 0.35, pane_y) * smoothstep(0.95, 0.75, pane_y) * lit * mask
        hue = hash_1d(tower * 3.3 + 1)[:, None]
        picture = picture + pane[:, None] * (rgb(1, 0.78, 0.38) * hue + rgb(0.45, 0.75, 1) * (1 - hue)) * 0.8
    return picture


def beach(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """Sky with clouds, sea, surf and sand."""
    picture = fade(smoothstep(-1.0, 0.1, y), rgb(0.36, 0.68, 0.95), rgb(0.82, 0.94, 0.99))
    for cloud in range(4):
        noise = [hash_1d(seed + 5.7 * cloud + offset) for offset in (0.1, 0.2, 0.3)]
        shape = bump(x - noise[0] * 2.4 + 1.2, y + 0.95 - 0.5 * noise[1], 0.3 + 0.2 * noise[2], 0.07)
        picture = fade(0.7 * shape, picture, rgb(1, 1, 1))
    sea = fade(smoothstep(0.1, 0.55, y), rgb(0.10, 0.50, 0.72), rgb(0.30, 0.78, 0.82))
    picture = fade(smoothstep(0.06, 0.10, y), picture, sea)
    waves = 0.10 * torch.sin(x * 9 + y * 60 + seed) * smoothstep(0.1, 0.2, y) * smoothstep(0.5, 0.4, y)
    picture = picture + waves[:, None]
    shore = y - (0.50 + 0.03 * torch.sin(x * 5 + seed))
    picture = fade(smoothstep(0.0, 0.05, shore), picture, rgb(0.97, 0.98, 0.96))
    return fade(smoothstep(0.05, 0.1, shore), picture, rgb(0.94, 0.84, 0.64))


def forest(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """Three rows of firs in haze."""
    picture = fade(smoothstep(-1.0, 0.8, y), rgb(0.78, 0.90, 0.72), rgb(0.56, 0.74, 0.50))
    greens = [rgb(0.50, 0.70, 0.48), rgb(0.32, 0.56, 0.36), rgb(0.18, 0.40, 0.26)]
    for row, (count, green) in enumerate(zip((3.0, 2.2, 1.7), greens, strict=True)):
        place = x * count + seed * (1 + row)
        side = torch.frac(place.abs()) - 0.5
        width = side.abs() * (1.6 + 0.6 * row) + 0.05 * torch.frac(y.abs() * 6)
        top = -0.95 + 0.25 * row + 0.5 * hash_1d(place.floor() + row)
        tree = smoothstep(0.03, -0.03, width - (y - top) * 0.75) * smoothstep(top, top + 0.02, y)
        picture = fade(tree, picture, green)
    return picture + 0.22 * bump(x - 0.5, y + 0.9, 0.7, 0.6)[:, None] * rgb(1, 0.95, 0.6)


def stars(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """Space with a milky way and two grids of stars."""
    picture = fade(smoothstep(-1.0, 1.0, y), rgb(0.03, 0.03, 0.12), rgb(0.14, 0.08, 0.28))
    band = 0.5 * bump(y + 0.4 * x - 0.2 * torch.sin(x * 2 + seed), x, 0.35, 1.5)
    picture = picture + band[:, None] * rgb(0.45, 0.25, 0.60)
    for count in (7.0, 12.0):
        cell_x, cell_y = x * count + seed, y * count + seed * 0.7
        noise = hash_2d(cell_x.floor(), cell_y.floor())
        dx = torch.frac(cell_x.abs()) - 0.2 - 0.6 * noise
        dy = torch.frac(cell_y.abs()) - 0.2 - 0.6 * torch.frac(noise * 17)
        star = torch.exp(-(dx * dx + dy * dy) * 90) * (noise > 0.62) * (0.4 + 0.6 * noise)
        picture = picture + star[:, None]
    return picture


def sunset(x: Tensor, y: Tensor, seed: Tensor, colour: Tensor) -> Tensor:
    """A low sun behind three mountain ranges."""
    picture = fade(smoothstep(-1.0, 0.35, y), rgb(0.32, 0.26, 0.58), rgb(1.0, 0.62, 0.36))
    sun_x = hash_1d(seed) * 1.2 - 0.6
    disc = ((x - sun_x) ** 2 + (y - 0.02) ** 2).sqrt() - 0.26
    picture = fade(smoothstep(0.05, -0.03, disc), picture, rgb(1, 0.88, 0.55))
    picture = picture + 0.3 * bump(x - sun_x, y - 0.02, 0.7, 0.5)[:, None] * rgb(1, 0.6, 0.3)
    ranges = [(0.05, rgb(0.60, 0.34, 0.50)), (0.28, rgb(0.40, 0.22, 0.42)), (0.5, rgb(0.22, 0.14, 0.30))]
    for row, (height, violet) in enumerate(ranges):
        peaks = torch.sin(x * (2.3 + row) + seed + row * 2) + 0.5 * torch.sin(x * (5.1 + row) + seed * 2)
        picture = fade(smoothstep(0.0, 0.04, y - (height - 0.16 * peaks)), picture, violet)
    return picture


SCENES = dict(zip(BACKGROUNDS, (plain, gradient, bokeh, city, beach, forest, stars, sunset), strict=True))


def draw_background(params: dict[str, Tensor], size: int) -> Tensor:
    """Backgrounds by the parameters bg, bg_col and seed: [B,3,size,size] in [0,1]."""
    chosen, seed = params["bg"], params["seed"][:, None, None]
    resolution = max(32, size * 3 // 8)
    with chosen.device:  # the scenes' constant colours are made there too
        centres = (torch.arange(resolution) + 0.5) / resolution * 2 - 1
        grid_y, grid_x = torch.meshgrid(centres, centres, indexing="ij")
        colours = torch.tensor(list(COLOURS.values()))[params["bg_col"]][:, :, None, None]
        drawn = torch.zeros(len(chosen), 3, resolution, resolution)
        for index, name in enumerate(BACKGROUNDS):
            members = (chosen == index).nonzero()[:, 0]
            if len(members):
                shape = (len(members), resolution, resolution)
                x, y = grid_x.expand(shape), grid_y.expand(shape)
                drawn[members] = SCENES[name](x, y, seed[members], colours[members])
    return F.interpolate(drawn.clamp(0, 1), size=(size, size), mode="bilinear", align_corners=False)
