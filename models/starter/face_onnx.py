"""Face networks to ONNX: batch norms folded, static shapes, checked against torch."""

import copy
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from models.starter.face_encoder import PIXEL_MEAN, PIXEL_STD

OPSET = 17


def folded(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode in which every batch norm is part of the layer before it."""
    model = copy.deepcopy(model).to(memory_format=torch.contiguous_format).float().eval()
    for parent in model.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        for index in range(1, len(parent)):
            before, norm = parent[index - 1], parent[index]
            if isinstance(norm, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
                parent[index - 1], parent[index] = fuse_conv_bn_eval(before, norm), nn.Identity()
            elif isinstance(norm, nn.BatchNorm1d) and isinstance(before, nn.Linear):
                parent[index - 1], parent[index] = fuse_linear_bn_eval(before, norm), nn.Identity()
    return model


def export(model: nn.Module, example: Tensor, path: Path, inputs: list[str], outputs: list[str]) -> float:
    """Write the folded model; returns the largest difference between onnxruntime and torch on ``example``.

    Raises ValueError when a batch norm was left or the difference is above 1e-3 of the largest output.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    small = folded(model)
    torch.onnx.export(
        small, (example[:1],), str(path), input_names=inputs, output_names=outputs, opset_version=OPSET, dynamo=False
    )
    onnx.checker.check_model(str(path))
    if any(node.op_type == "BatchNormalization" for node in onnx.load(str(path)).graph.node):
        raise ValueError(f"{path}: a batch norm was not folded.")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for row in example.split(1):
        with torch.inference_mode():
            expected = model.eval()(row)
        expected = [expected] if isinstance(expected, Tensor) else list(expected)
        for truth, got in zip(expected, session.run(None, {inputs[0]: row.numpy()}), strict=True):
            difference = float(np.abs(truth.numpy() - got).max())
            if difference > 1e-3 * max(1.0, float(truth.abs().max())):
                raise ValueError(f"{path}: onnxruntime differs from torch by {difference:.2g}.")
            worst = max(worst, difference)
    return worst


def write_network(model: nn.Module, example: Tensor, folder: Path, outputs: list[str], config: dict) -> None:
    """model.onnx and config.json: input, architecture, and what else ``config`` says (keys as the forge reads them)."""
    difference = export(model, example, folder / "model.onnx", ["image"], outputs)
    side = example.shape[-1]
    entry = {"width": side, "height": side, "size": side, "mean": PIXEL_MEAN, "std": PIXEL_STD, "order": "rgb"}
    network = {"class": type(model).__name__, **model.config.to_json()}
    content = {"input": entry, **config, "network": network}
    (folder / "config.json").write_text(json.dumps(content, indent=2) + "\n")
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{folder}: onnxruntime within {difference:.1e} of torch, {parameters:,} parameters")
