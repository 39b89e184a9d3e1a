"""Contact sheets of the portrait renderer: `python -m models.sheets [name …] [--size 160] [--landmarks]`.

Writes models/report/sheet-<name>.webp; the prompts of the sheet are written beside it as sheet-<name>.txt.
"""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from models.portrait.identity import sample_identity
from models.portrait.prompt import prompts
from models.portrait.render import render
from models.portrait.scene import canonical_scene, pose_angles, sample_scene
from models.portrait.vocabulary import GARMENTS, HAIR_STYLE_NAMES, INDEX, STYLES

FOLDER = Path(__file__).parent / "report"
GAP, PAPER = 3, (245, 245, 245)
Params = dict[str, Tensor]


def words(key: str, *names: str) -> Tensor:
    """Indices of words."""
    return torch.tensor([INDEX[key][name] for name in names])


def identities(generator: torch.Generator) -> tuple[Params, int]:
    """24 people, neutral or smiling, on studio backdrops."""
    count = 24
    params = sample_identity(count, generator) | canonical_scene(count, generator)
    for key in ("pose", "eyewear", "headwear", "earrings", "yaw"):
        params[key].zero_()
    params["bg"][:] = INDEX["bg"]["gradient"]
    params["cloth"] = torch.arange(count) % len(GARMENTS)
    params["expr"] = torch.arange(count) % 2
    return params, 8


def hair(generator: torch.Generator) -> tuple[Params, int]:
    """Every hair style on another person."""
    count = len(HAIR_STYLE_NAMES)
    params = sample_identity(count, generator) | canonical_scene(count, generator)
    for key in ("pose", "expr", "eyewear", "headwear", "earrings", "yaw"):
        params[key].zero_()
    params["hair"] = torch.arange(count)
    params["bg_col"][:] = INDEX["bg_col"]["blue"]
    return params, 7


def canonical(generator: torch.Generator) -> tuple[Params, int]:
    """Three people in eight canonical scenes each."""
    people = {name: values.repeat_interleave(8) for name, values in sample_identity(3, generator).items()}
    return people | canonical_scene(24, generator), 8


def scenes(generator: torch.Generator) -> tuple[Params, int]:
    """Three people in eight free scenes each: all backgrounds, poses, lights, things worn."""
    rows, columns = 3, 8
    count = rows * columns
    people = {name: values.repeat_interleave(columns) for name, values in sample_identity(rows, generator).items()}
    scene = sample_scene(count, generator, style_share=0.0)
    fixed = {
        "expr": ("smile", "neutral", "big smile", "surprised", "wink", "neutral", "sad", "smile"),
        "pose": ("front", "left", "right", "front", "tilt", "up", "front", "down"),
        "eyewear": ("none", "glasses", "none", "none", "sunglasses", "none", "none", "none"),
        "headwear": ("none", "none", "hat", "none", "none", "beanie", "none", "headphones"),
        "bg": ("gradient", "city", "beach", "bokeh", "sunset", "forest", "stars", "plain"),
        "light": ("soft", "soft", "warm", "rim", "warm", "soft", "cold", "side"),
    }
    for key, names in fixed.items():
        scene[key] = words(key, *names).repeat(rows)
    scene |= pose_angles(scene["pose"], lambda low, high: torch.rand(count, generator=generator) * (high - low) + low)
    return people | scene, columns


def styles(generator: torch.Generator) -> tuple[Params, int]:
    """Four people in every style."""
    rows, columns = 4, len(STYLES)
    people, scene = sample_identity(rows, generator), sample_scene(rows, generator)
    scene["light"][:], scene["hair_over"][:] = INDEX["light"]["soft"], -1
    scene["eyewear"] = words("eyewear", "none", "glasses", "none", "none")
    scene["headwear"] = words("headwear", "none", "none", "beanie", "none")
    scene["bg"] = words("bg", "gradient", "beach", "plain", "sunset")
    scene["expr"] = words("expr", "smile", "big smile", "smile", "neutral")
    params = {name: values.repeat_interleave(columns) for name, values in (people | scene).items()}
    params["style"] = torch.arange(columns).repeat(rows)
    return params, columns


SHEETS: dict[str, Callable[[torch.Generator], tuple[Params, int]]] = {
    "identities": identities,
    "hair": hair,
    "canonical": canonical,
    "scenes": scenes,
    "styles": styles,
}


def contact_sheet(pictures: Tensor, columns: int) -> Image.Image:
    """Pictures [N,3,S,S] in [0,1] in rows of `columns`."""
    size = pictures.shape[-1]
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (size + GAP) + GAP, rows * (size + GAP) + GAP), PAPER)
    for i, picture in enumerate((pictures.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).numpy()):
        row, column = divmod(i, columns)
        sheet.paste(Image.fromarray(picture), (GAP + column * (size + GAP), GAP + row * (size + GAP)))
    return sheet


def mark_faces(sheet: Image.Image, landmarks: Tensor, boxes: Tensor, size: int, columns: int) -> None:
    """Draw boxes and landmarks on a contact sheet."""
    pen = ImageDraw.Draw(sheet)
    for i, (points, box) in enumerate(zip(landmarks.tolist(), boxes.tolist(), strict=True)):
        row, column = divmod(i, columns)
        left, top = GAP + column * (size + GAP), GAP + row * (size + GAP)
        pen.rectangle([left + box[0], top + box[1], left + box[2], top + box[3]], outline=(0, 255, 0))
        for x, y in points:
            pen.ellipse([left + x - 2, top + y - 2, left + x + 2, top + y + 2], fill=(255, 0, 0))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"which sheets (default all): {', '.join(SHEETS)}")
    parser.add_argument("--size", type=int, default=160, help="pixels per picture")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--landmarks", action="store_true", help="mark boxes and landmarks")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(SHEETS)
    if unknown:
        parser.error(f"no sheet called {', '.join(sorted(unknown))}; there are {', '.join(SHEETS)}")
    FOLDER.mkdir(exist_ok=True)
    for name in arguments.names or SHEETS:
        params, columns = SHEETS[name](torch.Generator().manual_seed(arguments.seed))
        drawn = render(params, arguments.size)
        sheet = contact_sheet(drawn["image"], columns)
        if arguments.landmarks:
            mark_faces(sheet, drawn["landmarks"], drawn["box"], arguments.size, columns)
        sheet.save(FOLDER / f"sheet-{name}.webp", quality=85, method=6)
        sentences = prompts(params, random.Random(arguments.seed))
        (FOLDER / f"sheet-{name}.txt").write_text("\n".join(sentences) + "\n", encoding="utf-8")
        print(f"sheet-{name}.webp: {len(sentences)} pictures")


if __name__ == "__main__":
    main()
