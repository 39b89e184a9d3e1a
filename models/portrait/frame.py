"""Where things are: the head's pose, pixel coordinates, and the windows that parts are drawn in.

Scene frame: x right, y down, the picture spans [-1, 1]²; z towards the viewer. Features are anchored in 3-D on the
head, turned by yaw and pitch, projected orthographically, then rolled in the picture plane.
"""

from typing import NamedTuple

import torch
from torch import Tensor

NECK_Y = 0.5  # the head rolls about this point
PITCH_Y = 0.05  # the head nods about this height


class Pose(NamedTuple):
    """Angles (radians) as sines and cosines, and the framing; all [B,1,1]."""

    cos_yaw: Tensor
    sin_yaw: Tensor
    cos_pitch: Tensor
    sin_pitch: Tensor
    cos_roll: Tensor
    sin_roll: Tensor
    pitch: Tensor
    zoom: Tensor
    shift_x: Tensor
    shift_y: Tensor


class Frame(NamedTuple):
    """Pixel coordinates [B,H,W] of a picture or of a window of it."""

    x: Tensor  # body frame
    y: Tensor
    u: Tensor  # head frame: the body frame with the roll undone
    v: Tensor
    pixel: Tensor  # size of a pixel in these units, [B,1,1]

    def window(self, rows: slice, columns: slice) -> "Frame":
        """The coordinates of a rectangle."""
        return Frame(*(plane[:, rows, columns] for plane in self[:4]), self.pixel)

    def coverage(self, distance: Tensor) -> Tensor:
        """Share of each pixel that a shape covers, from its signed distance: antialiased edges."""
        return (0.5 - distance / self.pixel).clamp(0, 1)


def pose_of(params: dict[str, Tensor]) -> Pose:
    """The pose from the parameters yaw, pitch, roll, zoom, tx, ty."""
    yaw, pitch, roll, zoom, tx, ty = (
        params[name].view(-1, 1, 1) for name in ("yaw", "pitch", "roll", "zoom", "tx", "ty")
    )
    return Pose(yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin(), roll.cos(), roll.sin(), pitch, zoom, tx, ty)


def frame_of(pose: Pose, size: int) -> Frame:
    """Coordinates of every pixel centre of a size×size picture."""
    centres = (torch.arange(size, device=pose.zoom.device) + 0.5) / size * 2 - 1
    grid_y, grid_x = torch.meshgrid(centres, centres, indexing="ij")
    x = (grid_x[None] - pose.shift_x) / pose.zoom
    y = (grid_y[None] - pose.shift_y) / pose.zoom
    u = x * pose.cos_roll + (y - NECK_Y) * pose.sin_roll
    v = -x * pose.sin_roll + (y - NECK_Y) * pose.cos_roll + NECK_Y
    return Frame(x, y, u, v, 2 / size / pose.zoom)


def project(pose: Pose, x, y, z) -> tuple[Tensor, Tensor]:
    """A point on the unturned head (numbers or [B,1,1]) → its place (u, v) in the head frame, [B,1,1]."""
    zero = torch.zeros_like(pose.cos_yaw)
    x, y, z = x + zero, y + zero, z + zero
    turned_x = x * pose.cos_yaw + z * pose.sin_yaw
    turned_z = -x * pose.sin_yaw + z * pose.cos_yaw
    return turned_x, (y - PITCH_Y) * pose.cos_pitch - turned_z * pose.sin_pitch + PITCH_Y


def to_pixels(pose: Pose, u: Tensor, v: Tensor, size: int) -> Tensor:
    """Head-frame points [B,1,1] → pixel coordinates [B,2] (x, y)."""
    x = u * pose.cos_roll - (v - NECK_Y) * pose.sin_roll
    y = u * pose.sin_roll + (v - NECK_Y) * pose.cos_roll + NECK_Y
    places = torch.stack([x * pose.zoom + pose.shift_x + 1, y * pose.zoom + pose.shift_y + 1], -1)
    return places.view(-1, 2) * size / 2
