"""How parts are drawn: on windows of the canvas, and optionally through torch.compile.

Compiled, every part becomes one fused C++ loop over its window. Windows come in few sizes (multiples of an eighth
of the picture), so that few versions of a part are compiled.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from .canvas import Canvas
from .frame import Frame

Window = tuple[slice, slice]  # rows, columns

# One version per window size; a process that draws several picture sizes and framings needs more than the default 8.
VERSIONS_PER_PART = 64


@functools.cache
def compiled_part(part: Callable) -> Callable:
    """The part as compiled code, one version per window size."""
    torch._dynamo.config.recompile_limit = max(VERSIONS_PER_PART, torch._dynamo.config.recompile_limit)
    return torch.compile(part, fullgraph=True, dynamic=False)


def fit(start: float, end: float, size: int) -> slice:
    """Whole pixels that hold start…end, a multiple of size/8 of them, inside the picture."""
    step = max(1, size // 8)
    count = min(size, -(-int(end - start + 2) // step) * step)
    first = min(max(int((start + end - count) / 2), 0), size - count)
    return slice(first, first + count)


def window_of(boxes: list[list[float]], size: int) -> Window:
    """The window that holds all of the boxes (left, top, right, bottom in pixels)."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return fit(min(top), max(bottom), size), fit(min(left), max(right), size)


def within(plane: Tensor, window: Window) -> Tensor:
    """The part of a full plane [B,S,S] that a window shows."""
    return plane[:, window[0], window[1]]


def spread(plane: Tensor, window: Window, size: int, outside: float) -> Tensor:
    """A window's plane on a full one that is `outside` elsewhere."""
    full = plane.new_full((len(plane), size, size), outside)
    full[:, window[0], window[1]] = plane
    return full


class Painter:
    """A canvas with its coordinates; draws parts on it, windowed and compiled as asked."""

    def __init__(self, canvas: Canvas, frame: Frame, compiled: bool) -> None:
        self.canvas = canvas
        self.frame = frame
        self.compiled = compiled

    def call(self, part: Callable, *arguments):
        """A part's result, through its compiled version when compiled."""
        return (compiled_part(part) if self.compiled else part)(*arguments)

    def draw(self, part: Callable, window: Window | None, *arguments):
        """Let `part(canvas, frame, *arguments)` draw on a window (None = everywhere).

        A part returns the canvas, or (canvas, more): `more` is returned.
        """
        if window is None:
            drawn = self.call(part, self.canvas, self.frame, *arguments)
        else:
            drawn = self.call(part, self.canvas.window(*window), self.frame.window(*window), *arguments)
        drawn, more = (drawn, None) if isinstance(drawn, Canvas) else drawn
        if window is None:
            self.canvas = drawn
        else:
            self.canvas.put(*window, drawn)
        return more
