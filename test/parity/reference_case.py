"""What the fixture scripts share: hash weights into a reference module, its outputs into a JSON file."""
import base64
import json
import sys
from pathlib import Path

import diffusers
import torch
import transformers
from hash_weights import hash_input, hash_text, hash_weight

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
FOLDER = ROOT / "test" / "fixtures" / "parity"
VERSIONS = {"torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__}

Shapes = dict[str, tuple[int, ...]]


def encode(tensor: torch.Tensor) -> dict:
    """Shape and little-endian f32 bytes as base64."""
    array = tensor.detach().numpy().astype("<f4")
    return {"dims": list(array.shape), "float32": base64.b64encode(array.tobytes()).decode()}


def given(name: str, *dims: int) -> torch.Tensor:
    """The input that the test feeds under this name."""
    return torch.from_numpy(hash_input(name, dims))


def weights(shapes: Shapes) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(hash_weight(name, dims)) for name, dims in shapes.items()}


def shapes_of(module: torch.nn.Module) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def fill(module: torch.nn.Module) -> Shapes:
    """Give every parameter its hash weight; returns names and shapes."""
    shapes = shapes_of(module)
    module.load_state_dict(weights(shapes))
    module.eval()
    return shapes


def digest(shapes: Shapes) -> int:
    """Hash of all names and shapes, so that a builder that forgets a tensor is found out."""
    return hash_text("\n".join(f"{name}:{','.join(map(str, dims))}" for name, dims in sorted(shapes.items())))


def save(name: str, cases: list[dict]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps({"madeWith": VERSIONS, "cases": cases}, indent=1) + "\n")
