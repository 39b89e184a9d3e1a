"""The figures of models/REPORT.md: what was judged, what each network costs, how the denoiser learnt."""

import json
from pathlib import Path

PAGE = Path("models/REPORT.md")
CHECKPOINTS = Path("models/checkpoints")
CURVE, LEARNING = Path("models/report/curve.svg"), Path("models/report/learning.json")
LOGS = Path("models/.cache/logs")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def percent(value: float) -> str:
    """0.512 as 51 %."""
    return f"{value * 100:.0f} %"


def judged_table(history: list[dict]) -> str:
    """One row per judged state of the starter, the latest last."""
    lines = [
        "| judged (UTC) | commit | people | steps | guidance | judge's rank-1 | AUC | background right | face found "
        "| rank-1 by prompt |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in history:
        by_prompt = ", ".join(percent(x) for x in r["rank1_by_prompt"])
        cells = [r["date"], r["commit"], r["people"], r["steps"], r["guidance"], percent(r["rank1"]), f"{r['auc']:.3f}"]
        cells += [percent(r["background"]), percent(r["found"]), by_prompt]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def count_safetensors(path: Path) -> int:
    """Numbers stored in a safetensors file, from its header alone."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    total = 0
    for name, entry in header.items():
        if name != "__metadata__":
            size = 1
            for length in entry["shape"]:
                size *= length
            total += size
    return total


def count_onnx(path: Path) -> int:
    """Numbers stored as initialisers of an ONNX file."""
    from math import prod

    import onnx

    return sum(prod(tensor.dims) for tensor in onnx.load(str(path)).graph.initializer)


def networks_table() -> str:
    """Every committed weight file with its parameters and bytes."""
    lines = ["| network | parameters | bytes |", "|---|---|---|"]
    total = 0
    for path in sorted([*CHECKPOINTS.rglob("*.safetensors"), *CHECKPOINTS.rglob("*.onnx")]):
        parameters = count_onnx(path) if path.suffix == ".onnx" else count_safetensors(path)
        size = path.stat().st_size
        total += size
        name = path.relative_to(CHECKPOINTS)
        whole = name.stem in ("model", "diffusion_pytorch_model")
        lines.append(f"| {name.parent if whole else name.with_suffix('')} | {parameters:,} | {size:,} |")
    lines.append(f"| all | | {total:,} |")
    return "\n".join(lines)


SCORES = {
    "auc": "AUC",
    "rank1_of_24": "rank-1 among 24",
    "rank1_of_200": "among 200",
    "explained_mean": "mean R² of the true measures",
    "recall": "recall",
    "precision": "precision",
    "false_on_faceless": "false faces per faceless picture",
    "landmark_error": "mean landmark error / distance between the eyes",
    "landmark_error_95": "its 95th percentile",
}


def figures(measured: dict) -> str:
    """The known scores of a config's "measured", with those of its kinds of pictures after them."""
    own = ", ".join(f"{name} {measured[key]}" for key, name in SCORES.items() if key in measured)
    kinds = [f"{kind}: {figures(inner)}" for kind, inner in measured.items() if isinstance(inner, dict)]
    return "; ".join(part for part in [own, *kinds] if part)


def face_networks() -> str:
    """What the training of encoder, detector and judge measured on people it never saw."""
    lines = ["| network | training (one shared core) | measured on held-out people |", "|---|---|---|"]
    for folder in ("starter/face_encoder", "starter/face_detector", "judge"):
        path = CHECKPOINTS / folder / "config.json"
        if path.exists():
            measured = json.loads(path.read_text())["measured"]
            cost = f"{measured['minutes']:.0f} min, {measured['samples']:,} samples"
            lines.append(f"| {folder.split('/')[-1]} | {cost} | {figures(measured)} |")
    return "\n".join(lines)


def draw_curve(points: list[tuple[float, float]], path: Path, horizontal: str, vertical: str) -> None:
    """One line as SVG, 640 x 240, with the axes' ends named; the vertical axis begins at 0."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    width, height = max(xs) or 1, max(ys) or 1
    line = " ".join(f"{60 + 560 * x / width:.1f},{200 - 180 * y / height:.1f}" for x, y in points)
    text = '<text x="{}" y="{}" font-family="sans-serif" font-size="12" fill="#555" text-anchor="{}">{}</text>'
    labels = [
        text.format(55, 204, "end", "0"),
        text.format(55, 28, "end", f"{height:.3g}"),
        text.format(620, 220, "end", f"{width:,.0f}"),
        text.format(340, 235, "middle", f"{vertical} over {horizontal}"),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 240"><rect width="640" height="240" fill="#fff"/>'
        '<path d="M60 20V200H620" fill="none" stroke="#bbb"/>'
        f'<polyline points="{line}" fill="none" stroke="#2563eb" stroke-width="1.5"/>{"".join(labels)}</svg>\n'
    )


def take_learning(log: Path = LOGS / "denoiser.jsonl") -> list[dict]:
    """Validation records of the denoiser's log, kept in models/report/learning.json, so that they outlive the cache."""
    if log.exists():
        records = [json.loads(line) for line in log.read_text().splitlines() if line.strip()]
        keys = ("seen", "minutes", "valid", "wrong_person", "wrong_text")
        kept = [{key: record[key] for key in keys} for record in records if "valid" in record and "minutes" in record]
        LEARNING.write_text(json.dumps(kept, indent=1) + "\n")
    return json.loads(LEARNING.read_text()) if LEARNING.exists() else []


def learning() -> str:
    """Curve and table of the denoiser's validation error."""
    records = take_learning()
    if not records:
        return ""
    draw_curve([(r["seen"], r["valid"]) for r in records], CURVE, "samples", "validation error")
    lines = [
        "| samples | minutes | error | with another person's face | with another prompt |",
        "|---|---|---|---|---|",
    ]
    step = max(1, len(records) // 6)
    for r in [*records[:-1:step], records[-1]]:
        cells = [f"{r['seen']:,}", f"{r['minutes']:.0f}"] + [
            f"{r[k]:.3f}" for k in ("valid", "wrong_person", "wrong_text")
        ]
        lines.append("| " + " | ".join(cells) + " |")
    about = (
        "Squared error of the latent predicted in one step from pure noise (t = 999), people that nothing trains on, "
        "cells of the face weighted more. The gap to the columns with a wrong condition is what the condition is worth."
    )
    return "\n\n".join([about, "\n".join(lines), f"![Validation error]({CURVE.relative_to(PAGE.parent)})"])


def write_page(history: list[dict]) -> None:
    """Put the figures between the page's markers; the words around them are written by hand."""
    page = PAGE.read_text() if PAGE.exists() else f"# The starter: report\n\n{BEGIN}\n{END}\n"
    if BEGIN not in page or END not in page:
        raise ValueError(f"{PAGE} lacks the markers {BEGIN} and {END}.")
    sheet = "![Every judged person: reference, then the four prompts](report/judge.webp)"
    parts = ["## Judged", judged_table(history), sheet, "## Face networks", face_networks()]
    parts += ["## How the denoiser learnt", learning(), "## Committed weights", networks_table()]
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n" + "\n\n".join(part for part in parts if part) + "\n" + END + after)
