"""How parts are drawn: on windows of the canvas, and optionally through torch.compile.

Compiled, every part becomes one fused C++ loop over its window. Windows come in few sizes (multiples of an eighth
of the picture), so that few versions of a part are compiled; the first picture of each kind takes seconds.
"""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from .canvas import Canvas
from .frame import Frame, Pose, to_pixels

Window = tuple[slice, slice]  # rows, columns


@functools.cache
def compiled_part(part: Callable) -> Callable:
    """The part as compiled code, one version per window size."""
    return torch.compile(part, fullgraph=True, dynamic=False)


def head_window(pose: Pose, u: Tensor, v: Tensor, half_u: float, half_v: float, size: int) -> Window:
    """The pixels that hold head-frame boxes with centres (u, v) and the given half sizes, for the whole batch."""
    centres = to_pixels(pose, u, v, size)
    roll = pose.sin_roll.abs().max()
    scale = pose.zoom.max() * size / 2
    extent_x, extent_y = (half_u + half_v * roll) * scale, (half_v + half_u * roll) * scale
    low, high = centres.amin(0), centres.amax(0)
    left, right, top, bottom = torch.stack(
        [low[0] - extent_x, high[0] + extent_x, low[1] - extent_y, high[1] + extent_y]
    ).tolist()
    return fit(top, bottom, size), fit(left, right, size)


def fit(start: float, end: float, size: int) -> slice:
    """Whole pixels that hold start…end, a multiple of size/8 of them, inside the picture."""
    step = max(1, size // 8)
    count = min(size, -(-int(end - start + 2) // step) * step)
    first = min(max(int((start + end - count) / 2), 0), size - count)
    return slice(first, first + count)


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
