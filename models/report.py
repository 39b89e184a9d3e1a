"""Judge the shipped starter and write the report: `python -m models.report [--people 24] [--steps N] [--guidance G]`.

Every judged person x every prompt of models/judge-protocol.json at strength 0. Writes contact sheets and results.json
into models/report/ and the figures between the markers of models/REPORT.md.
"""

import argparse
import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.judge_protocol import Protocol, load_protocol
from models.report_page import write_page
from models.starter.background import border_colour, obeys, oklch
from models.starter.embed import FaceReader
from models.starter.face_encoder import CROP
from models.starter.judge import SIDE as JUDGE_SIDE
from models.starter.sample import Starter
from models.train.face_scores import area_under_curve

CHECKPOINT = Path("models/checkpoints/starter")
JUDGE = Path("models/checkpoints/judge/model.onnx")
FOLDER = Path("models/report")
BATCH = 8


def read_picture(path: Path) -> Tensor:
    """``[3, H, W]`` in [0, 1]."""
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).float() / 255


def to_bytes(picture: Tensor) -> np.ndarray:
    """``[H, W, 3]`` uint8."""
    return (picture.clamp(0, 1) * 255 + 0.5).byte().permute(1, 2, 0).numpy()


def generate_all(starter: Starter, protocol: Protocol, faces: Tensor, steps: int, guidance: float) -> Tensor:
    """Pictures ``[people, prompts, 3, 256, 256]``."""
    jobs = [(p, q) for p in range(len(faces)) for q in range(len(protocol.prompts))]
    pictures = []
    for start in range(0, len(jobs), BATCH):
        part = jobs[start : start + BATCH]
        sentences = [protocol.prompts[q]["text"] for _, q in part]
        seeds = [protocol.seed(p, q) for p, q in part]
        pictures.append(starter.generate(sentences, faces[[p for p, _ in part]], seeds, steps=steps, guidance=guidance))
    joined = torch.cat(pictures)
    return joined.view(len(faces), len(protocol.prompts), *joined.shape[1:])


def score(pictures: Tensor, references: Tensor, protocol: Protocol, judge: FaceReader) -> dict:
    """Rank-1 and area under the curve by the judge, share of faces found, share of right backgrounds.

    ``references [people, 256]``: the judge's embeddings. A picture without a face is not recognised and its cosines
    count as -1.
    """
    people, prompts = pictures.shape[:2]
    cosine = torch.full((people, prompts, people), -1.0)
    found, right = torch.zeros(people, prompts), torch.zeros(people, prompts)
    for p in range(people):
        for q in range(prompts):
            embedding = judge.read(pictures[p, q])
            if embedding is not None:
                found[p, q], cosine[p, q] = 1, references @ embedding
            rule = protocol.rules[protocol.prompts[q]["background"]]
            right[p, q] = obeys(oklch(border_colour(to_bytes(pictures[p, q]))), rule)
    person = torch.arange(people)
    hits = (cosine.argmax(2) == person[:, None]) & (found > 0)
    itself = torch.eye(people, dtype=torch.bool)[:, None].expand(-1, prompts, -1)
    return {
        "rank1": round(float(hits.float().mean()), 4),
        "rank1_by_prompt": [round(float(x), 3) for x in hits.float().mean(0)],
        "auc": round(area_under_curve(cosine[itself], cosine[~itself]), 4),
        "found": round(float(found.mean()), 4),
        "background": round(float(right.mean()), 4),
        "background_by_prompt": [round(float(x), 3) for x in right.mean(0)],
        "same": round(float(cosine[itself].mean()), 3),
        "different": round(float(cosine[~itself].mean()), 3),
    }


def draw_sheet(references: Tensor, pictures: Tensor, path: Path, side: int = 112, columns: int = 3) -> None:
    """One row per person: the reference, then its pictures; people in ``columns`` columns."""
    small = torch.nn.functional.interpolate
    rows = []
    for reference, series in zip(references, pictures, strict=True):
        line = small(torch.cat([reference[None], series]), size=(side, side), mode="area")
        rows.append(torch.cat([torch.nn.functional.pad(x, (1, 1, 1, 1), value=1.0) for x in line], 2))
    rows += [torch.ones_like(rows[0])] * (-len(rows) % columns)
    lines = [torch.cat(rows[k : k + columns], 2) for k in range(0, len(rows), columns)]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(to_bytes(torch.cat(lines, 1))).save(path, quality=82, method=6)


def git(*words: str) -> str:
    """Output of a git command."""
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--steps", type=int, help="default: starter.json's")
    parser.add_argument("--guidance", type=float, help="default: starter.json's")
    parser.add_argument("--dry", action="store_true", help="print the scores, write only the contact sheet")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    defaults = json.loads((CHECKPOINT / "starter.json").read_text())["defaults"]
    steps, guidance = arguments.steps or defaults["steps"], arguments.guidance or defaults["guidance"]
    protocol = load_protocol()
    detector = CHECKPOINT / "face_detector/model.onnx"
    encoder = FaceReader.load(detector, CHECKPOINT / "face_encoder/model.onnx", CROP)
    judge = FaceReader.load(detector, JUDGE, JUDGE_SIDE)
    references = torch.stack([read_picture(path) for path in protocol.references[: arguments.people]])
    embeddings, judged = ([reader.read(r) for r in references] for reader in (encoder, judge))
    if any(e is None for e in embeddings):
        raise ValueError("The detector finds no face in a reference picture: it is not usable.")
    start = time.time()
    with torch.inference_mode():
        faces = torch.stack(embeddings)
        pictures = generate_all(Starter.load(CHECKPOINT), protocol, faces, steps, guidance)
    seconds = (time.time() - start) / pictures.shape[0] / pictures.shape[1]
    result = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": git("rev-parse", "--short", "HEAD"),
        "people": len(references),
        "steps": steps,
        "guidance": guidance,
        **score(pictures, torch.stack(judged), protocol, judge),
    }
    upper = references[:, None].expand(-1, len(protocol.prompts), -1, -1, -1)
    ceiling = score(upper, torch.stack(judged), protocol, judge)
    print(json.dumps(result | {"seconds_per_picture": round(seconds, 2), "reference_found": ceiling["found"]}))
    draw_sheet(references, pictures, FOLDER / "judge.webp")
    if arguments.dry:
        return
    history_path = FOLDER / "results.json"
    history = json.loads(history_path.read_text()) if history_path.exists() else []
    history_path.write_text(json.dumps([*history, result], indent=1) + "\n")
    write_page([*history, result])


if __name__ == "__main__":
    main()
