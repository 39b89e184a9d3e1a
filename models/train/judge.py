"""Train the judge: `python -m models.train.judge --minutes 12 [--resume]`, then `--export`."""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from models.starter.face_data import Portraits, align, jitter, join_portraits, load_portraits, spoil
from models.starter.face_encoder import pixels_to_input
from models.starter.face_onnx import write_network
from models.starter.judge import EMBEDDING, SIDE, Judge, alike_loss
from models.train.face_encoder import canonical_crops
from models.train.face_scores import identification, same_person_auc
from models.train.face_session import device_to_train_on, forward, read_state
from models.train.optimiser import Muon

CACHE = Path("models/.cache")
FOLDER = Path("models/checkpoints/judge")


def crops(portraits: Portraits, rows: Tensor, generator: torch.Generator, training: bool) -> Tensor:
    """Inputs of the given rows; jittered, and in training spoilt."""
    image = align(portraits.image[rows].float() / 255, jitter(portraits.landmarks[rows], 0.04, generator), SIDE)
    return pixels_to_input(spoil(image, generator, 0.7) if training else image).to(memory_format=torch.channels_last)


@torch.inference_mode()
def measure(model: nn.Module, held: Portraits) -> dict:
    """Scores on people that training never sees."""
    model.eval()
    generator = torch.Generator().manual_seed(1)
    raw = torch.cat([forward(model, crops(held, rows, generator, False)) for rows in torch.arange(len(held)).split(64)])
    embedding = nn.functional.normalize(raw, dim=1)
    return {
        "auc": round(same_person_auc(embedding, held.person), 4),
        "rank1_of_24": round(identification(embedding, held.person, 24), 3),
        "rank1_of_200": round(identification(embedding, held.person, 200), 3),
    }


def person_batches(person: Tensor, people: int, generator: torch.Generator) -> list[Tensor]:
    """Rows of ``people`` whole people per batch, everybody once per epoch."""
    order = torch.randperm(int(person.max()) + 1, generator=generator)
    rows = [(person == p).nonzero()[:, 0] for p in order]
    return [torch.cat(rows[k : k + people]) for k in range(0, len(rows) - people + 1, people)]


def train(arguments: argparse.Namespace) -> None:
    """Train for the given minutes and keep the state in the cache."""
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    model = Judge().to(device_to_train_on(), memory_format=torch.channels_last)
    inner = [p for name, p in model.named_parameters() if p.dim() == 4 and not name.startswith("gather")]
    rest = [p for name, p in model.named_parameters() if p.dim() != 4 or name.startswith("gather")]
    optimisers = [Muon(inner, lr=arguments.rate), torch.optim.AdamW(rest, lr=arguments.rate, weight_decay=0.02)]
    state_path = CACHE / "judge.pt"
    before = {"minutes": 0, "samples": 0}
    if arguments.resume:
        state = read_state("judge")
        model.load_state_dict(state["model"])
        before = state["record"]
    held = {"free": load_portraits(CACHE / "faces/held"), "canonical": canonical_crops(CACHE / "renders", True)}
    start, samples, epoch, done = time.time(), 0, 0, 0.0
    while done < 1:
        data = join_portraits(load_portraits(CACHE / "faces/judge"), load_portraits(CACHE / "faces/encoder"))
        model.train()
        losses = []
        for rows in person_batches(data.person, 40, generator):
            done = min(1.0, (time.time() - start) / 60 / arguments.minutes)
            rate = arguments.rate * min(1, (samples + 1) / 6000) * (0.02 + 0.98 * math.cos(done * math.pi / 2) ** 2)
            for optimiser in optimisers:
                optimiser.param_groups[0]["lr"] = rate
            image = crops(data, rows, generator, True)
            loss = alike_loss(forward(model, image), data.person[rows])
            model.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(rest, 5)
            for optimiser in optimisers:
                optimiser.step()
            samples += len(rows)
            losses.append(loss.item())
            if done >= 1:
                break
        epoch += 1
        minutes = before["minutes"] + (time.time() - start) / 60
        record = {"minutes": round(minutes, 2), "samples": before["samples"] + samples, "crops": len(data)}
        record["loss"] = round(sum(losses) / len(losses), 3)
        if epoch % 3 == 0 or done >= 1:
            record |= {kind: measure(model, people) for kind, people in held.items() if people}
        print(json.dumps(record), flush=True)
        with (CACHE / "logs/judge.jsonl").open("a") as log:
            log.write(json.dumps(record) + "\n")
        torch.save({"model": model.state_dict(), "record": record}, state_path)


def write_checkpoint() -> None:
    """model.onnx and config.json from the training state."""
    state = read_state("judge")
    model = Judge()
    model.load_state_dict(state["model"])
    example = crops(load_portraits(CACHE / "faces/held", 1), torch.arange(16), torch.Generator().manual_seed(2), False)
    config = {
        "template": "arcface-112",
        "embedding": EMBEDDING,
        "normalised": False,
        "measured": state["record"],
    }
    write_network(model, example.contiguous(), FOLDER, ["embedding"], config)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", action="store_true", help="write the checkpoint from the training state and stop")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    write_checkpoint() if arguments.export else train(arguments)


if __name__ == "__main__":
    main()
