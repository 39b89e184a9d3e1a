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

from models.portrait.identity import GEOMETRY, HAIR_WEIGHTS, sample_identity
from models.portrait.prompt import prompts
from models.portrait.render import render
from models.portrait.scene import canonical_scene, framing_zoom, plain, pose_angles, sample_scene
from models.portrait.vocabulary import (
    EXPRESSIONS,
    EYEWEAR,
    FRAMINGS,
    GARMENTS,
    HAIR_STYLE_NAMES,
    HEADWEAR,
    INDEX,
    POSES,
    STYLES,
)

FOLDER = Path(__file__).parent / "report"
GAP, PAPER = 3, (245, 245, 245)
Params = dict[str, Tensor]


def words(key: str, *names: str) -> Tensor:
    """Indices of words."""
    return torch.tensor([INDEX[key][name] for name in names])


def plain_people(count: int, generator: torch.Generator) -> Params:
    """Different people, frontal, nothing worn on the head, on studio backdrops, neutral or smiling."""
    params = sample_identity(count, generator) | plain(canonical_scene(count, generator))
    params["bg"][:] = INDEX["bg"]["gradient"]
    params["expr"] = torch.arange(count) % 2
    return params


def each(params: Params, times: int) -> Params:
    """Every picture several times in a row."""
    return {name: values.repeat_interleave(times) for name, values in params.items()}


def uniform(count: int, generator: torch.Generator) -> Callable[[float, float], Tensor]:
    """A source of `count` even random numbers between two bounds."""
    return lambda low, high: torch.rand(count, generator=generator) * (high - low) + low


def identities(generator: torch.Generator) -> tuple[Params, int]:
    """24 people."""
    return plain_people(24, generator), 8


def geometry(generator: torch.Generator) -> tuple[Params, int]:
    """Two people's hair, skin and age with eight faces each."""
    params = each(plain_people(2, generator), 8)
    others = sample_identity(16, generator)
    for name in GEOMETRY:
        params[name] = others[name]
    for name, word in (("hair", "slicked back"), ("facial", "none"), ("expr", "neutral")):
        params[name][:] = INDEX[name][word]
    params["hair"][8:] = INDEX["hair"]["shoulder-length"]
    return params, 8


def ages(generator: torch.Generator) -> tuple[Params, int]:
    """Three people from twenty to eighty."""
    params = each(plain_people(3, generator), 7)
    params["age"] = torch.linspace(0, 1, 7).repeat(3)
    params["grey"] = ((params["age"] - 0.35) * 1.4).clamp(min=0)
    params["hair_col"] = words("hair_col", "black", "brown", "ginger").repeat_interleave(7)
    params["hair"] = words("hair", "short", "bob", "coily").repeat_interleave(7)
    params["expr"] = words("expr", "neutral", "smile", "neutral").repeat_interleave(7)
    return params, 7


def hair(generator: torch.Generator) -> tuple[Params, int]:
    """Every hair style on another person."""
    params = plain_people(len(HAIR_STYLE_NAMES), generator)
    params["hair"], params["facial"][:] = torch.arange(len(HAIR_STYLE_NAMES)), 0
    masculine, feminine, dark = torch.tensor([HAIR_WEIGHTS[name] for name in HAIR_STYLE_NAMES]).T
    params["fem"] = (feminine >= masculine).float()
    params["skin"] = torch.where(dark > 2, 3.6 + 0.3 * (params["skin"] % 5), params["skin"] * 0.6)
    return params, 8


def headwear(generator: torch.Generator) -> tuple[Params, int]:
    """All headwear, twice."""
    count = len(HEADWEAR) - 1
    params = plain_people(2 * count, generator)
    params["headwear"] = (torch.arange(count) + 1).repeat(2)
    return params, 8


def glasses(generator: torch.Generator) -> tuple[Params, int]:
    """Glasses, then earrings, piercings and hearing aids."""
    params = plain_people(16, generator)
    params["eyewear"][:8] = torch.arange(8) % (len(EYEWEAR) - 1) + 1
    params["hair"][8:] = words("hair", "bun", "short", "pixie", "fade", "crew cut", "top knot", "buzz", "short")
    params["earrings"][8:] = words("earrings", "hoops", "studs", "pearls", "none", "none", "none", "studs", "none")
    params["piercing"][11:14] = words("piercing", "nose ring", "nose stud", "brow piercing")
    params["hearing"][14:] = 1
    return params, 8


def garments(generator: torch.Generator) -> tuple[Params, int]:
    """All garments, seen to the chest."""
    count = len(GARMENTS)
    params = plain_people(count, generator)
    params["cloth"], params["framing"][:] = torch.arange(count), INDEX["framing"]["bust"]
    return params | framing_zoom(params["framing"], uniform(count, generator)), 8


def expressions(generator: torch.Generator) -> tuple[Params, int]:
    """Three people in every expression."""
    params = each(plain_people(3, generator), len(EXPRESSIONS))
    params["expr"] = torch.arange(len(EXPRESSIONS)).repeat(3)
    return params, len(EXPRESSIONS)


def poses(generator: torch.Generator) -> tuple[Params, int]:
    """Four people in every pose."""
    params = each(plain_people(4, generator), len(POSES))
    params["pose"] = torch.arange(len(POSES)).repeat(4)
    return params | pose_angles(params["pose"], uniform(len(params["pose"]), generator)), 2 * len(POSES)


def framings(generator: torch.Generator) -> tuple[Params, int]:
    """Three people in every framing."""
    params = each(plain_people(3, generator), len(FRAMINGS))
    params["framing"] = words("framing", "close-up", "portrait", "bust").repeat(3)
    return params | framing_zoom(params["framing"], uniform(len(params["framing"]), generator)), 9


def canonical(generator: torch.Generator) -> tuple[Params, int]:
    """Three people in eight canonical scenes each."""
    return each(sample_identity(3, generator), 8) | canonical_scene(24, generator), 8


def scenes(generator: torch.Generator) -> tuple[Params, int]:
    """Three people in eight free scenes each: all backgrounds and lights."""
    params = each(sample_identity(3, generator), 8) | sample_scene(24, generator, style_share=0.0)
    params["bg"] = words("bg", "gradient", "city", "beach", "bokeh", "sunset", "forest", "stars", "plain").repeat(3)
    params["light"] = words("light", "soft", "soft", "warm", "rim", "warm", "soft", "cold", "side").repeat(3)
    return params, 8


def styles(generator: torch.Generator) -> tuple[Params, int]:
    """Five people in every style."""
    rows = 5
    people = sample_identity(rows, generator) | sample_scene(rows, generator)
    people["light"][:], people["hair_over"][:], people["hair_as"][:] = INDEX["light"]["soft"], -1, -1
    people["skin"] = torch.tensor([0.3, 1.6, 2.8, 4.0, 5.0])
    people["framing"][:] = INDEX["framing"]["portrait"]
    people["eyewear"] = words("eyewear", "none", "glasses", "none", "none", "round glasses")
    people["headwear"] = words("headwear", "none", "none", "beanie", "none", "hijab")
    people["bg"] = words("bg", "gradient", "beach", "plain", "sunset", "forest")
    people["expr"] = words("expr", "smile", "big smile", "smile", "neutral", "smile")
    people |= framing_zoom(people["framing"], uniform(rows, generator))
    params = each(people, len(STYLES))
    params["style"] = torch.arange(len(STYLES)).repeat(rows)
    return params, len(STYLES)


SHEETS: dict[str, Callable[[torch.Generator], tuple[Params, int]]] = {
    "identities": identities,
    "geometry": geometry,
    "ages": ages,
    "hair": hair,
    "headwear": headwear,
    "glasses": glasses,
    "garments": garments,
    "expressions": expressions,
    "poses": poses,
    "framings": framings,
    "styles": styles,
    "canonical": canonical,
    "scenes": scenes,
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
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in arguments.names or SHEETS:
        params, columns = SHEETS[name](torch.Generator().manual_seed(arguments.seed))
        drawn = render(params, arguments.size)
        sheet = contact_sheet(drawn["image"], columns)
        if arguments.landmarks:
            mark_faces(sheet, drawn["landmarks"], drawn["box"], arguments.size, columns)
        sheet.save(FOLDER / f"sheet-{name}.webp", quality=82, method=6)
        sentences = prompts(params, random.Random(arguments.seed))
        (FOLDER / f"sheet-{name}.txt").write_text("\n".join(sentences) + "\n", encoding="utf-8")
        print(f"sheet-{name}.webp: {len(sentences)} pictures")


if __name__ == "__main__":
    main()
