"""The deferred-shading buffer: what colour each pixel has, which way it faces, how it shines."""

from typing import NamedTuple

import torch
from torch import Tensor

from .distance import lerp

# Three broadcastable tensors: red, green, blue in [0, 1], each [B,1,1] or [B,H,W].
Colour = tuple[Tensor, Tensor, Tensor]


class Canvas(NamedTuple):
    """Seven planes [B,H,W]. Parts return a new canvas; planes they do not touch are shared."""

    red: Tensor
    green: Tensor
    blue: Tensor
    normal_x: Tensor  # surface normal, x right and y down, in [-1, 1]
    normal_y: Tensor
    gloss: Tensor  # 0 matt … 1 mirror-like
    unlit: Tensor  # 1 where the background shows: it is not lit like the person

    def window(self, rows: slice, columns: slice) -> "Canvas":
        """A view of a rectangle."""
        return Canvas(*(plane[:, rows, columns] for plane in self))

    def put(self, rows: slice, columns: slice, part: "Canvas") -> None:
        """Write a drawn window back (in place); planes that the part left alone are views of this canvas already."""
        for plane, drawn in zip(self.window(rows, columns), part, strict=True):
            if drawn.data_ptr() != plane.data_ptr():
                plane.copy_(drawn)


def blank_canvas(background: Tensor) -> Canvas:
    """A canvas that shows only the background [B,3,H,W]."""
    red, green, blue = (plane.clone() for plane in background.unbind(1))
    return Canvas(red, green, blue, *(torch.zeros_like(red) for _ in range(3)), torch.ones_like(red))


def paint(canvas: Canvas, coverage: Tensor, colour: Colour, strength: float | Tensor = 1.0) -> Canvas:
    """Blend a colour in; normals and gloss stay."""
    amount = coverage * strength
    red, green, blue = (plane + amount * (channel - plane) for plane, channel in zip(canvas[:3], colour, strict=True))
    return canvas._replace(red=red, green=green, blue=blue)


def darken(canvas: Canvas, coverage: Tensor, factor: float) -> Canvas:
    """Multiply the colour by `factor` where coverage is 1."""
    scale = 1 + coverage * (factor - 1)
    return canvas._replace(red=canvas.red * scale, green=canvas.green * scale, blue=canvas.blue * scale)


def cover(canvas: Canvas, coverage: Tensor, colour: Colour, normal_x, normal_y, gloss: float) -> Canvas:
    """Put an opaque surface in front: colour, normal and gloss; it is lit."""
    canvas = paint(canvas, coverage, colour)
    return canvas._replace(
        normal_x=canvas.normal_x + coverage * (normal_x - canvas.normal_x),
        normal_y=canvas.normal_y + coverage * (normal_y - canvas.normal_y),
        gloss=canvas.gloss + coverage * (gloss - canvas.gloss),
        unlit=canvas.unlit + coverage * (0.0 - canvas.unlit),
    )


def shade(colour: Colour, factor) -> Colour:
    """A colour times a factor (number or tensor)."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


def tint(colour: Colour, red: float, green: float, blue: float) -> Colour:
    """A colour times one factor per channel."""
    return (colour[0] * red, colour[1] * green, colour[2] * blue)


def blend(a: Colour, b: Colour, t) -> Colour:
    """Linear blend of two colours: a at t = 0, b at t = 1."""
    return (lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t))


def constant(like: Tensor, red: float, green: float, blue: float) -> Colour:
    """A fixed colour as [1,1,1] tensors of the type and device of `like`."""
    return tuple(torch.full((1, 1, 1), value, dtype=like.dtype, device=like.device) for value in (red, green, blue))
