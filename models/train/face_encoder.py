"""Train the face encoder: `python -m models.train.face_encoder --minutes 18 [--resume]`, then `--export`.

Loss: CosFace (Wang et al. 2018, arXiv:1801.09414) over the people, its margin warmed up, plus the renderer's true
identity read off the embedding by a linear head that exists in training only: measures by squared error, kinds
(iris, hair, hair colour, facial hair) by cross-entropy. So two people that look alike get alike embeddings.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.portrait.identity import IDENTITY_SCALES, IDENTITY_WORDS, id_vector
from models.starter.face_data import ARCFACE_TEMPLATE, Portraits, align, jitter, load_portraits, spoil
from models.starter.face_encoder import CROP, EMBEDDING, FaceEncoder, pixels_to_input, unit
from models.starter.face_onnx import write_network
from models.train.face_scores import identification, same_person_auc
from models.train.face_session import device_to_train_on, forward, read_state

CACHE = Path("models/.cache")
FOLDER = Path("models/checkpoints/starter/face_encoder")
MEASURES = len(IDENTITY_SCALES)
"""Continuous numbers at the start of the identity vector; what follows are one-hot kinds."""
KINDS = tuple(IDENTITY_WORDS.values())
"""Sizes of the one-hot kinds: iris, hair, hair colour, facial hair."""
MOLE, *MOLE_PLACE = (list(IDENTITY_SCALES).index(name) for name in ("mole", "mole_x", "mole_y"))
"""Place of "has a mole" in the vector, and of the mole's coordinates, which mean nothing without one."""
SCALE, MARGIN = 24.0, 0.3
FIRST_CANONICAL = 4096


class TrainingHeads(nn.Module):
    """One direction per person, and the linear reading of the identity vector."""

    def __init__(self, people: int) -> None:
        super().__init__()
        self.people = nn.Parameter(torch.randn(people, EMBEDDING) * 0.05)
        self.identity = nn.Linear(EMBEDDING, MEASURES + sum(KINDS))

    def forward(self, embedding: Tensor, person: Tensor, margin: float) -> Tensor:
        """CosFace's loss of raw embeddings ``[B, 512]``."""
        cosine = unit(embedding) @ unit(self.people).T
        cosine = cosine - margin * F.one_hot(person, len(self.people))
        return F.cross_entropy(SCALE * cosine, person)

    def read(self, embedding: Tensor) -> Tensor:
        """Identity vectors ``[B, IDENTITY_SIZE]`` (kinds as logits) from raw embeddings."""
        return self.identity(unit(embedding) * math.sqrt(EMBEDDING))


def identity_loss(read: Tensor, truth: Tensor) -> Tensor:
    """Squared error of the measures plus the mean cross-entropy of the kinds."""
    error = (read[:, :MEASURES] - truth[:, :MEASURES]) ** 2
    mole = (truth[:, MOLE] > 0).float()
    loss = error.mean(0).sum() - sum(((1 - mole) * error[:, k]).mean() for k in MOLE_PLACE)
    start = MEASURES
    kinds = []
    for size in KINDS:
        kinds.append(F.cross_entropy(read[:, start : start + size], truth[:, start : start + size].argmax(1)))
        start += size
    return loss / MEASURES + sum(kinds) / len(KINDS)


def canonical_crops(folder: Path, held_out: bool = False) -> Portraits | None:
    """The denoiser's training pictures as 112-px crops (their landmarks are the template), where there are any.

    ``held_out``: those of the people that nothing trains on instead.
    """
    shards = [torch.load(path) for path in sorted(folder.glob("9*.pt" if held_out else "[12]*.pt"))]
    if not shards:
        return None
    crops = torch.cat([shard["crop"] for shard in shards])
    image = F.pad(crops.float(), (8, 8, 8, 8), mode="replicate").byte()
    landmarks = (torch.tensor(ARCFACE_TEMPLATE) + 8).expand(len(image), 5, 2)
    person = torch.unique(torch.cat([shard["person"] for shard in shards]), return_inverse=True)[1]
    identity = torch.cat([id_vector(shard["params"]) for shard in shards])
    return Portraits(image, landmarks, torch.zeros(len(image), 4), person, identity)


def together(a: Portraits, b: Portraits | None) -> Portraits:
    """Both sets, the second's people numbered from a fixed number on, so that either may grow during training."""
    if b is None:
        return a
    pairs = zip((a.image, a.landmarks, a.box, a.identity), (b.image, b.landmarks, b.box, b.identity), strict=True)
    image, landmarks, box, identity = (torch.cat(pair) for pair in pairs)
    return Portraits(image, landmarks, box, torch.cat([a.person, b.person + FIRST_CANONICAL]), identity)


def crops(portraits: Portraits, rows: Tensor, generator: torch.Generator, training: bool, size: int = CROP) -> Tensor:
    """Network inputs of the given rows; jittered, flipped never (identity is not symmetric) and spoilt in training."""
    image = portraits.image[rows].float() / 255
    landmarks = portraits.landmarks[rows]
    image = align(image, jitter(landmarks, 0.05 if training else 0.02, generator), size)
    return pixels_to_input(spoil(image, generator, 0.7) if training else image).to(memory_format=torch.channels_last)


@torch.inference_mode()
def embed_all(model: nn.Module, portraits: Portraits, generator: torch.Generator, size: int = CROP) -> Tensor:
    """Raw embeddings of all portraits in evaluation mode."""
    model.eval()
    parts = torch.arange(len(portraits)).split(64)
    return torch.cat([forward(model, crops(portraits, rows, generator, False, size)) for rows in parts])


def measure(model: nn.Module, heads: TrainingHeads, held: Portraits, size: int = CROP) -> dict:
    """Scores on people that training never sees."""
    raw = embed_all(model, held, torch.Generator().manual_seed(1), size)
    embedding = unit(raw)
    with torch.inference_mode():
        read = heads.read(raw)
    truth = held.identity
    explained = 1 - ((read - truth)[:, :MEASURES] ** 2).mean(0) / truth[:, :MEASURES].var(0)
    return {
        "auc": round(same_person_auc(embedding, held.person), 4),
        "rank1_of_24": round(identification(embedding, held.person, 24), 3),
        "rank1_of_200": round(identification(embedding, held.person, 200), 3),
        "explained_mean": round(float(explained.mean()), 3),
        "explained": [round(float(x), 2) for x in explained],
    }


def train(arguments: argparse.Namespace) -> None:
    """Train for the given minutes and keep the state in the cache."""
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    held = load_portraits(CACHE / "faces/held")
    model, heads = (
        FaceEncoder().to(device_to_train_on(), memory_format=torch.channels_last),
        TrainingHeads(arguments.people),
    )
    parameters = [*model.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=arguments.rate, weight_decay=0.02)
    state_path = CACHE / "face_encoder.pt"
    if arguments.resume:
        state = read_state("face_encoder")
        model.load_state_dict(state["model"])
        if "heads" in state:  # the committed copy has none: they are learnt anew
            heads.load_state_dict(state["heads"])
    start, samples, epoch = time.time(), 0, 0
    before = state["record"] if arguments.resume else {"minutes": 0, "samples": 0}
    while (done := (time.time() - start) / 60 / arguments.minutes) < 1:
        data = together(load_portraits(CACHE / "faces/encoder"), canonical_crops(CACHE / "renders"))
        if int(data.person.max()) >= arguments.people:
            raise ValueError(f"{int(data.person.max()) + 1} people: raise --people (now {arguments.people}).")
        losses = []
        model.train()
        for rows in torch.randperm(len(data), generator=generator).split(128)[:-1]:
            done = (time.time() - start) / 60 / arguments.minutes
            if done >= 1:
                break
            optimiser.param_groups[0]["lr"] = (
                arguments.rate * min(1, samples / 6000) * (0.02 + 0.98 * math.cos(done * math.pi / 2) ** 2)
            )
            image = crops(data, rows, generator, True)
            raw = forward(model, image)
            margin = MARGIN if arguments.resume else MARGIN * min(1.0, max(0.0, done - 0.1) / 0.4)
            recognise, describe = (
                heads(raw, data.person[rows], margin),
                identity_loss(heads.read(raw), data.identity[rows]),
            )
            loss = recognise + 4 * describe
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 5)
            optimiser.step()
            samples += len(rows)
            losses.append((recognise.item(), describe.item()))
        epoch += 1
        minutes = before["minutes"] + (time.time() - start) / 60
        record = {"minutes": round(minutes, 2), "samples": before["samples"] + samples, "crops": len(data)}
        record |= {"recognise": round(sum(a for a, _ in losses) / max(1, len(losses)), 3)}
        record |= {"describe": round(sum(b for _, b in losses) / max(1, len(losses)), 3)}
        if epoch % 2 == 0 or done >= 0.98:
            record |= measure(model, heads, held)
        print(json.dumps(record), flush=True)
        with (CACHE / "logs/face_encoder.jsonl").open("a") as log:
            log.write(json.dumps(record) + "\n")
        torch.save({"model": model.state_dict(), "heads": heads.state_dict(), "record": record}, state_path)


def write_checkpoint() -> None:
    """model.onnx and config.json from the training state. The face adapter is bound to the file: once only."""
    state = read_state("face_encoder")
    model = FaceEncoder()
    model.load_state_dict(state["model"])
    held = load_portraits(CACHE / "faces/held", 1)
    example = crops(held, torch.arange(16), torch.Generator().manual_seed(2), False).contiguous()
    config = {
        "template": "arcface-112",
        "fit": "picture",
        "embedding": EMBEDDING,
        "normalised": False,
        "measured": state["record"],
    }
    write_network(model, example, FOLDER, ["embedding"], config)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=18)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--people", type=int, default=8192)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", action="store_true", help="write the checkpoint from the training state and stop")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    write_checkpoint() if arguments.export else train(arguments)


if __name__ == "__main__":
    main()
