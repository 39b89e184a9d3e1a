"""Train the face detector: `python -m models.train.face_detector --minutes 12 [--resume]`, then `--export`.

Heatmap: penalty-reduced focal loss of CenterNet (Zhou et al. 2019, arXiv:1904.07850, alpha 2, beta 4). Box and
landmarks: L1 over the nine cells around a face's centre, divided by the face's size, so that small faces count alike.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.starter.embed import letterbox
from models.starter.face_data import load_portraits
from models.starter.face_detector import GRID, OVERLAP, SCORE, SIDE, STRIDE, FaceDetector, cell_centres, decode, overlap
from models.starter.face_encoder import pixels_to_input
from models.starter.face_onnx import write_network
from models.starter.face_scenes import MAX_FACES, ScenePool, Scenes, compose
from models.train.face_session import device_to_train_on, forward, read_state
from models.train.optimiser import Muon

CACHE = Path("models/.cache")
FOLDER = Path("models/checkpoints/starter/face_detector")


def detection_loss(outputs: tuple[Tensor, Tensor, Tensor], scenes: Scenes) -> tuple[Tensor, Tensor, Tensor]:
    """Losses of heatmap, box and landmarks, each a mean per face."""
    heat, box, marks = outputs
    count = len(heat)
    centres = cell_centres()
    target = torch.zeros(count, GRID, GRID)
    weights, box_loss, mark_loss = 0.0, heat.new_zeros(()), heat.new_zeros(())
    for slot in range(MAX_FACES):
        rows = scenes.present[:, slot].nonzero()[:, 0]
        if len(rows) == 0:
            continue
        true_box, true_marks = scenes.box[rows, slot], scenes.landmarks[rows, slot]
        size = (true_box[:, 2:] - true_box[:, :2]).amax(1)
        middle = (true_box[:, :2] + true_box[:, 2:]) / 2
        cell = (middle / STRIDE).floor().clamp(0, GRID - 1)
        distance = ((centres[None] - (cell[:, :, None, None] + 0.5) * STRIDE) ** 2).sum(1)
        sigma = (size * 0.08).clamp(min=4.0).view(-1, 1, 1)
        target[rows] = torch.maximum(target[rows], torch.exp(-distance / (2 * sigma**2)))
        near = (distance <= 2 * STRIDE**2 + 1).float()
        expected = (
            torch.cat([centres[None] - true_box[:, :2, None, None], true_box[:, 2:, None, None] - centres[None]], 1)
            / STRIDE
        )
        unit = (size / STRIDE).view(-1, 1, 1, 1)
        box_loss = box_loss + ((box[rows] - expected.clamp(min=0)).abs() / unit * near[:, None]).sum()
        expected = (true_marks.reshape(-1, 10, 1, 1) - centres.repeat(5, 1, 1)[None]) / STRIDE
        mark_loss = mark_loss + ((marks[rows] - expected).abs() / unit * near[:, None]).sum()
        weights += float(near.sum())
    score, logits = heat[:, 0].sigmoid(), heat[:, 0]
    positive = target == 1
    hit = (1 - score) ** 2 * F.logsigmoid(logits) * positive
    miss = (1 - target) ** 4 * score**2 * F.logsigmoid(-logits) * ~positive
    faces = max(1, int(scenes.present.sum()))
    return -(hit.sum() + miss.sum()) / faces, box_loss / max(1.0, weights) / 4, mark_loss / max(1.0, weights) / 10


@torch.inference_mode()
def measure(model: nn.Module, scenes: list[Scenes]) -> dict:
    """Recall, precision, false alarms per faceless picture, landmark error (share of the distance between the eyes)."""
    model.eval()
    found = faces = false = false_on_faceless = faceless = 0
    errors: list[float] = []
    for batch in scenes:
        outputs = forward(model, pixels_to_input(batch.image).to(memory_format=torch.channels_last))
        for index in range(len(batch.image)):
            true = [slot for slot in range(MAX_FACES) if batch.present[index, slot]]
            detections = decode(*(output[index] for output in outputs))
            faces, faceless = faces + len(true), faceless + (not true)
            taken: set[int] = set()
            for face in detections:
                match = [s for s in true if s not in taken and overlap(face.box, batch.box[index, s][None])[0] > 0.5]
                if not match:
                    false += 1
                    false_on_faceless += not true
                    continue
                taken.add(match[0])
                truth = batch.landmarks[index, match[0]]
                errors.append(float((face.landmarks - truth).norm(dim=1).mean() / (truth[1] - truth[0]).norm()))
            found += len(taken)
    ordered = sorted(errors) or [math.nan]
    return {
        "recall": round(found / max(1, faces), 4),
        "precision": round(found / max(1, found + false), 4),
        "false_on_faceless": round(false_on_faceless / max(1, faceless), 4),
        "landmark_error": round(sum(ordered) / len(ordered), 4),
        "landmark_error_95": round(ordered[int(len(ordered) * 0.95)], 4) if errors else math.nan,
        "faces": faces,
        "faceless": faceless,
    }


def held_scenes(count: int) -> list[Scenes]:
    """Fixed pictures of people that training never sees."""
    generator = torch.Generator().manual_seed(99)
    held = load_portraits(CACHE / "faces/held")
    return [compose(held, 64, SIDE, generator, faceless=0.4) for _ in range(count // 64)]


@torch.inference_mode()
def measure_canonical(model: nn.Module) -> dict:
    """Recall and landmark error on the starter's own kind of picture, people that nothing trains on, letterboxed."""
    shards = [torch.load(path) for path in sorted((CACHE / "renders").glob("9*.pt"))[:1]]
    errors, faces = [], 0
    for shard in shards:
        for picture, truth in zip(shard["image"], shard["landmarks"], strict=True):
            framed, scale = letterbox(picture.float() / 255)
            found = decode(*(output[0] for output in model.eval()(framed)))
            faces += 1
            if found:
                distance = (found[0].landmarks / scale - truth).norm(dim=1).mean()
                errors.append(float(distance / (truth[1] - truth[0]).norm()))
    if not errors:
        return {}
    return {
        "recall": round(len(errors) / faces, 4),
        "landmark_error": round(sum(errors) / len(errors), 4),
        "faces": faces,
    }


def train(arguments: argparse.Namespace) -> None:
    """Train for the given minutes and keep the state in the cache."""
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    model = FaceDetector().to(device_to_train_on(), memory_format=torch.channels_last)
    inner = [p for name, p in model.named_parameters() if p.dim() == 4 and not name.startswith("heads")]
    rest = [p for name, p in model.named_parameters() if p.dim() != 4 or name.startswith("heads")]
    optimisers = [Muon(inner, lr=arguments.rate), torch.optim.AdamW(rest, lr=arguments.rate, weight_decay=0.0)]
    state_path = CACHE / "face_detector.pt"
    before = {"minutes": 0, "samples": 0}
    if arguments.resume:
        state = read_state("face_detector")
        model.load_state_dict(state["model"])
        before = state["record"]
    data, held = load_portraits(CACHE / "faces/encoder"), held_scenes(512)
    pool = ScenePool(data, 64, SIDE, generator)
    start, samples, steps, sums = time.time(), 0, 0, torch.zeros(3)
    done = 0.0
    while done < 1:
        done = min(1.0, (time.time() - start) / 60 / arguments.minutes)
        rate = arguments.rate * min(1, (samples + 1) / 6000) * (0.02 + 0.98 * math.cos(done * math.pi / 2) ** 2)
        for optimiser in optimisers:
            optimiser.param_groups[0]["lr"] = rate
        model.train()
        scenes = pool.next()
        outputs = forward(model, pixels_to_input(scenes.image).to(memory_format=torch.channels_last))
        losses = detection_loss(outputs, scenes)
        model.zero_grad()
        (losses[0] + 3 * losses[1] + 12 * losses[2]).backward()
        nn.utils.clip_grad_norm_(rest, 5)
        for optimiser in optimisers:
            optimiser.step()
        samples, steps = samples + len(scenes.image), steps + 1
        sums += torch.stack([loss.detach() for loss in losses])
        if steps % 200 == 0 or done >= 1:
            minutes = before["minutes"] + (time.time() - start) / 60
            record = {"minutes": round(minutes, 2), "samples": before["samples"] + samples, "portraits": len(data)}
            mean = (sums / ((steps - 1) % 200 + 1)).tolist()
            record |= {key: round(value, 4) for key, value in zip(("heat", "box", "landmarks"), mean, strict=True)}
            record |= measure(model, held)
            sums.zero_()
            print(json.dumps(record), flush=True)
            with (CACHE / "logs/face_detector.jsonl").open("a") as log:
                log.write(json.dumps(record) + "\n")
            torch.save({"model": model.state_dict(), "record": record}, state_path)


def write_checkpoint() -> None:
    """model.onnx and config.json from the training state."""
    state = read_state("face_detector")
    model = FaceDetector()
    model.load_state_dict(state["model"])
    example = pixels_to_input(held_scenes(64)[0].image[:16])
    config = {
        "decode": "heatmap",
        "letterbox": {"anchor": "top-left", "padding": 0, "paddedAfterNormalisation": True},
        "outputs": {"heatmap": "logits", "box": "left, top, right, bottom", "landmarks": "x, y in template order"},
        "stride": STRIDE,
        "scoreThreshold": SCORE,
        "nmsIou": OVERLAP,
        "scales": [1, 0.5],
        "measured": state["record"] | {"canonical": measure_canonical(model)},
    }
    write_network(model, example, FOLDER, ["heatmap", "box", "landmarks"], config)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--export", action="store_true", help="write the checkpoint from the training state and stop")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    write_checkpoint() if arguments.export else train(arguments)


if __name__ == "__main__":
    main()
