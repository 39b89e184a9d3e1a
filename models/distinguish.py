"""Can people be told apart by the geometry of their faces alone? `python -m models.distinguish [--pictures]`.

Everybody is given the same hair, skin, iris, beard, age and marks. On exact measures: 10,000 people drawn neutral
(the gallery) and again with another expression (the probe); distances are weighted by the inverse covariance within a
person (Mahalanobis 1936), estimated on other people, with half a pixel and a whole pixel of measuring error. On
pictures (`--pictures`): 112-px aligned grey crops, principal components and the same weighting, learnt on some people,
asked of others. Figures go to models/report/distinguish.json.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models.portrait.align import align_crop
from models.portrait.identity import sample_identity
from models.portrait.measures import aligned_points
from models.portrait.plan import plan_of
from models.portrait.render import render
from models.portrait.scene import canonical_scene, plain
from models.portrait.vocabulary import EXPRESSIONS, INDEX

PATH = Path("models/report/distinguish.json")
SEED = 970_000  # no training draws people from it
NOISES = (0.5, 1.0)  # measuring errors, pixels of the 112-px crop
SIZE = 160  # of the rendered pictures
PLAIN = {"skin": 1.5, "under": 0.0, "lip_red": 0.3, "freckles": 0.0, "mole": 0.0, "scar": 0.0, "age": 0.2, "grey": 0.0,
         "fem": 0.5, "part": 1.0}  # fmt: skip


def alike_people(count: int, generator: torch.Generator) -> dict[str, Tensor]:
    """People that differ in the geometry of their faces only."""
    people = sample_identity(count, generator)
    people |= {name: torch.full((count,), value) for name, value in PLAIN.items() if name in people}
    words = {"hair": "slicked back", "hair_col": "brown", "iris": "brown", "facial": "none"}
    return people | {key: torch.full((count,), INDEX[key][word]) for key, word in words.items()}


def scenes(count: int, generator: torch.Generator, neutral: bool) -> dict[str, Tensor]:
    """Plain front scenes in one cloth; neutral, or any other expression."""
    scene = plain(canonical_scene(count, generator))
    for name in ("cloth", "cloth_col", "hat_col", "bg_col"):
        scene[name].zero_()
    if not neutral:
        scene["expr"] = torch.randint(1, len(EXPRESSIONS), (count,), generator=generator)
    return scene


def whitening(first: Tensor, second: Tensor, floor: float) -> Tensor:
    """The map [D,D] that makes differences within a person of unit covariance, from pairs [N,D]."""
    difference = (first - second - (first - second).mean(0)) / 2**0.5
    covariance = difference.T @ difference / len(difference) + floor * torch.eye(difference.shape[1])
    values, vectors = torch.linalg.eigh(covariance)
    return vectors / values.sqrt()


def compared(gallery: Tensor, probes: Tensor) -> dict[str, float]:
    """Rank-1 of probes [N,D] in the gallery [N,D] of the same people, and nearest-neighbour against own distances."""
    nearest, own, right = [], [], 0
    for start in range(0, len(gallery), 1000):
        rows = torch.arange(start, min(start + 1000, len(gallery)))
        distance = torch.cdist(gallery[rows], gallery)
        distance[torch.arange(len(rows)), rows] = torch.inf
        nearest.append(distance.amin(1))
        probed = torch.cdist(probes[rows], gallery)
        right += int((probed.argmin(1) == rows).sum())
        own.append(probed[torch.arange(len(rows)), rows])
    nearest, own = torch.cat(nearest), torch.cat(own)
    return {
        "people": len(gallery),
        "rank1": round(right / len(gallery), 4),
        "nearest neighbour / own, medians": round(float(nearest.median() / own.median()), 2),
        "nearest neighbour, 1st percentile / own median": round(float(nearest.quantile(0.01) / own.median()), 2),
    }


def by_measures(count: int, noise: float, seed: int = SEED) -> dict[str, float]:
    """Figures on exact measures with measuring error."""
    generator = torch.Generator().manual_seed(seed)

    def measured(people: dict[str, Tensor], neutral: bool) -> Tensor:
        number = len(people["skin"])
        points = aligned_points(plan_of(people | scenes(number, generator, neutral)))
        return (points + noise * torch.randn(points.shape, generator=generator)).flatten(1)

    others = alike_people(2000, generator)
    mapped = whitening(measured(others, True), measured(others, False), 1e-3)
    people = alike_people(count, generator)
    return compared(measured(people, True) @ mapped, measured(people, False) @ mapped)


def crops(people: dict[str, Tensor], generator: torch.Generator, neutral: bool, compiled: bool) -> Tensor:
    """Grey crops [N,56·56] of rendered pictures."""
    drawn = render(people | scenes(len(people["skin"]), generator, neutral), SIZE, compiled=compiled)
    grey = align_crop(drawn["image"], drawn["landmarks"]).mean(1, keepdim=True)
    return F.avg_pool2d(grey, 2).flatten(1)


def by_pictures(learn: int = 400, ask: int = 200, compiled: bool = False) -> dict[str, float]:
    """Figures on rendered pictures: `learn` people shape the comparison, `ask` others are told apart."""
    generator = torch.Generator().manual_seed(SEED + 1)
    pictures = {}
    for name, count in (("learn", learn), ("ask", ask)):
        people = alike_people(count, generator)
        pictures[name] = [crops(people, generator, neutral, compiled) for neutral in (True, False)]
    mean = torch.cat(pictures["learn"]).mean(0)
    _, _, axes = torch.pca_lowrank(torch.cat(pictures["learn"]) - mean, 120)
    first, second = ((part - mean) @ axes for part in pictures["learn"])
    mapped = axes @ whitening(first, second, 1e-2)
    return compared((pictures["ask"][0] - mean) @ mapped, (pictures["ask"][1] - mean) @ mapped)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--pictures", action="store_true", help="also on 1,200 rendered pictures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    figures = json.loads(PATH.read_text()) if PATH.exists() else {}
    for noise in NOISES:
        figures[f"measures, error {noise} px"] = by_measures(arguments.people, noise)
    if arguments.pictures:
        figures["pictures"] = by_pictures()
    PATH.write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
