"""From a picture to a face embedding with the shipped ONNX files: letterbox, detect, align, encode.

The Python twin of the product's face path, for the report and for checks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor

from models.starter.face_data import align
from models.starter.face_detector import SIDE, Face, decode
from models.starter.face_encoder import pixels_to_input, unit


class OnnxNetwork:
    """An ONNX file of static shape as a function of one tensor."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: train it and export it (see models/README.md).")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Outputs for ``image [1, 3, S, S]``."""
        array = np.ascontiguousarray(image.numpy(), dtype=np.float32)
        return [torch.from_numpy(output) for output in self.session.run(None, {self.input: array})]


def letterbox(image: Tensor, side: int = SIDE) -> tuple[Tensor, float]:
    """``image [3, H, W]`` in [0, 1] to the network's ``[1, 3, side, side]`` and the scale picture -> letterbox.

    Scaled to fit (with antialiasing), at the top left; the rest is 0 after normalisation.
    """
    _, height, width = image.shape
    scale = side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    small = F.interpolate(image[None], size=size, mode="bilinear", align_corners=False, antialias=scale < 1)
    framed = torch.zeros(1, 3, side, side)
    framed[:, :, : size[0], : size[1]] = pixels_to_input(small)
    return framed, scale


@dataclass
class FaceReader:
    """Detector and encoder (or judge) together."""

    detector: OnnxNetwork
    encoder: OnnxNetwork
    crop: int
    """Side of the encoder's crop in pixels."""

    @classmethod
    def load(cls, detector: Path, encoder: Path, crop: int) -> "FaceReader":
        """Read both ONNX files."""
        return cls(OnnxNetwork(detector), OnnxNetwork(encoder), crop)

    def find(self, image: Tensor) -> Face | None:
        """The best face of ``image [3, H, W]`` in [0, 1], in the picture's pixels; None where there is none."""
        framed, scale = letterbox(image)
        faces = decode(*(output[0] for output in self.detector(framed)))
        if not faces:
            return None
        best = faces[0]
        return Face(best.score, best.box / scale, best.landmarks / scale)

    def read(self, image: Tensor) -> Tensor | None:
        """Embedding of length 1 of the best face, or None."""
        face = self.find(image)
        if face is None:
            return None
        crop = align(image[None], face.landmarks[None], self.crop)
        return unit(self.encoder(pixels_to_input(crop))[0][0])
