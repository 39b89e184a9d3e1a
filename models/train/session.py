"""What every training command shares: seeds, threads, folders and the JSONL log."""

import json
from pathlib import Path

import torch

CACHE = Path("models/.cache")
LOGS = CACHE / "logs"
STATES = CACHE / "states"


def setup(seed: int) -> torch.device:
    """Seed torch, take one CPU thread (more only helps on an idle machine) and return the device to train on."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    LOGS.mkdir(parents=True, exist_ok=True)
    STATES.mkdir(parents=True, exist_ok=True)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class JsonLog:
    """Appends one JSON object per call to a file and prints it."""

    def __init__(self, path: Path):
        self.path = path

    def __call__(self, **values: object) -> None:
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()})
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")
