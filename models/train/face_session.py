"""What the trainings of the face networks share: where they compute, and the state that they go on from.

A state lives in the cache; a small copy of its weights (f16) is committed under models/checkpoints/training, so that
`--resume` works on a fresh clone too: `python -m models.train.face_session` renews those copies.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.train.session import CACHE

WEIGHTS = Path("models/checkpoints/training")
NETWORKS = ("face_encoder", "face_detector", "judge")


def device_to_train_on() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def forward(model: nn.Module, image: Tensor) -> Tensor | tuple[Tensor, ...]:
    """The model's outputs in f32 on the processor, wherever the model lives; bf16 inside while it trains."""
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16, enabled=model.training):
        outputs = model(image.to(device))
    if isinstance(outputs, Tensor):
        return outputs.float().cpu()
    return tuple(output.float().cpu() for output in outputs)


def read_state(name: str) -> dict:
    """{model, record, …} of the cache, else {model, record} of the committed copy.

    Raises FileNotFoundError when there is neither.
    """
    state, copy = CACHE / f"{name}.pt", WEIGHTS / f"{name}.safetensors"
    if state.exists():
        return torch.load(state, map_location="cpu")
    if not copy.exists():
        raise FileNotFoundError(f"Neither {state} nor {copy} is there: train without --resume first.")
    with safe_open(copy, "pt") as file:
        model = {key: file.get_tensor(key) for key in file.keys()}
        record = json.loads(file.metadata()["record"])
    return {"model": {k: v.float() if v.is_floating_point() else v for k, v in model.items()}, "record": record}


def commit_copy(name: str) -> None:
    """Write the f16 copy of a state's weights."""
    state = torch.load(CACHE / f"{name}.pt", map_location="cpu")
    small = {k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in state["model"].items()}
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    save_file(small, WEIGHTS / f"{name}.safetensors", metadata={"record": json.dumps(state["record"])})


if __name__ == "__main__":
    for network in NETWORKS:
        commit_copy(network)
