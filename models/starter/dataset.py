"""Training data on disk: shards of rendered portraits, and what the denoiser sees of them.

A render shard holds image `[N,3,256,256]` u8, crop `[N,3,112,112]` u8, landmarks, box, params and person;
the rows of one person follow each other. A latent shard of the same name holds latent `[N,16,16,16]` f16,
ids `[N,4,32]` (four sentences per picture), weight `[N,16,16]` u8 and person; an embedding shard holds
`[N,2,512]` f16 of length 1 (of the exact crop and of one shifted a little, as a detector would).
"""

import random
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from models.starter.tokenizer import encode

RENDERS = Path("models/.cache/renders")
LATENTS = Path("models/.cache/latents")
EMBEDDINGS = Path("models/.cache/embeddings")
FIRST_FREE, FIRST_HELD_OUT = 300_000, 900_000
SENTENCES = 4


def list_shards(kind: str, held_out: bool = False, folder: Path | None = None) -> list[Path]:
    """Paths of the shards of one kind, in order of their seed.

    kind: "canonical" (fixed framing) or "free" (every pose, background, light and style).
    held_out: the people whose shard seeds are ≥ 900000; no network is trained on them.
    """
    ranges = {"canonical": (100_000, FIRST_FREE), "free": (FIRST_FREE, FIRST_HELD_OUT)}
    if kind not in ranges:
        raise ValueError(f'Unknown kind of shard "{kind}": use "canonical" or "free".')
    low, high = (FIRST_HELD_OUT, 1_000_000) if held_out else ranges[kind]
    return [p for p in sorted((folder or RENDERS).glob("[0-9]*.pt")) if low <= int(p.stem) < high]


def shifted(crop: Tensor, generator: torch.Generator) -> Tensor:
    """Crops `[B,3,112,112]` moved by up to 2 px, turned by up to 3° and scaled by up to 4 %."""
    r = (torch.rand(len(crop), 4, generator=generator) * 2 - 1) * torch.tensor([0.05, 0.04, 0.036, 0.036])
    c, s = (1 + r[:, 1]) * r[:, 0].cos(), (1 + r[:, 1]) * r[:, 0].sin()
    grid = F.affine_grid(torch.stack([c, -s, r[:, 2], s, c, r[:, 3]], 1).view(-1, 2, 3), list(crop.shape), False)
    return F.grid_sample(crop, grid, padding_mode="border", align_corners=False)


def cell_weight(landmarks: Tensor, box: Tensor, grid: int = 16, size: int = 256) -> Tensor:
    """Loss weight per latent cell `[B,grid,grid]`: 1, 2 in the face box, 4 near eyes, nose and mouth."""
    t = (torch.arange(grid) + 0.5) * size / grid
    y, x, half = t.view(1, -1, 1), t.view(1, 1, -1), size / grid / 2
    e = box.view(-1, 4, 1, 1)
    weight = 1 + ((x > e[:, 0]) & (x < e[:, 2]) & (y > e[:, 1]) & (y < e[:, 3])).float()
    for i in range(5):
        dx, dy = (x - landmarks[:, i, 0].view(-1, 1, 1)).abs(), (y - landmarks[:, i, 1].view(-1, 1, 1)).abs()
        weight = torch.where((dx < half + 9) & (dy < half + 5), 4.0, weight)
    return weight


def save_whole(value: object, path: Path) -> None:
    """Save so that readers never see half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(value, part)
    part.rename(path)


@torch.no_grad()
def encode_shard(path: Path, autoencoder, tokenizer: Tokenizer, sentences: Callable) -> None:
    """Write the latent shard that belongs to a render shard.

    sentences: (params, random.Random) → one sentence per row.
    """
    shard, device = torch.load(path), next(autoencoder.parameters()).device
    latent = []
    for image in shard["image"].split(16):
        picture = (image.to(device).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            latent.append(autoencoder.encode(picture).half().cpu())
    rng = random.Random(int(path.stem))
    ids = torch.stack([encode(tokenizer, sentences(shard["params"], rng)) for _ in range(SENTENCES)], 1)
    weight = cell_weight(shard["landmarks"], shard["box"]).byte()
    latent = torch.cat(latent).contiguous()
    save_whole(dict(latent=latent, ids=ids.short(), weight=weight, person=shard["person"]), LATENTS / path.name)


@torch.no_grad()
def embed_shard(path: Path, face_encoder) -> None:
    """Write the embedding shard that belongs to a render shard. face_encoder: `[B,3,112,112]` in [-1,1] → `[B,512]`."""
    generator = torch.Generator().manual_seed(int(path.stem))
    rows = []
    for crop in torch.load(path)["crop"].split(32):
        face = (crop.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        rows.append(torch.stack([face_encoder(face), face_encoder(shifted(face, generator))], 1))
    save_whole(F.normalize(torch.cat(rows).float(), dim=-1).half(), EMBEDDINGS / path.name)


class Portraits:
    """All latent shards in memory; `batch` pairs every picture with another picture's embedding of its person."""

    def __init__(self, paths: list[Path], seed: int = 0, embeddings: Path = EMBEDDINGS):
        self.generator = torch.Generator().manual_seed(seed)
        shards = [torch.load(p) for p in paths]
        if not shards:
            raise FileNotFoundError("There are no latent shards: render some and run the training command again.")
        self.embedding = torch.cat([torch.load(embeddings / p.name) for p in paths])
        self.latent, self.ids, self.weight, person = (
            torch.cat([s[k] for s in shards]) for k in ("latent", "ids", "weight", "person")
        )
        _, self.person, count = torch.unique_consecutive(person, return_inverse=True, return_counts=True)
        self.count, self.start = count[self.person], (count.cumsum(0) - count)[self.person]

    def __len__(self) -> int:
        return len(self.latent)

    def _integers(self, high: Tensor) -> Tensor:
        """One random integer below each entry of `high`."""
        return (torch.rand(high.shape, generator=self.generator) * high).long().clamp(max=high - 1)

    def mate(self, index: Tensor) -> Tensor:
        """For each row another row of the same person."""
        n = self.count[index]
        step = 1 + self._integers((n - 1).clamp(min=1))
        return self.start[index] + (index - self.start[index] + step) % n

    def batch(self, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """latent `[n,16,16,16]`, ids `[n,32]`, embedding `[n,512]`, weight `[n,1,16,16]` (mean about 1)."""
        index = torch.randint(len(self), (n,), generator=self.generator)
        which = torch.randint(0, 2, (2, n), generator=self.generator)
        sentence = torch.randint(0, SENTENCES, (n,), generator=self.generator)
        weight = self.weight[index].float()
        return (
            self.latent[index].float(),
            self.ids[index, sentence].long(),
            self.embedding[self.mate(index), which[0]].float(),
            (weight / weight.mean((1, 2), keepdim=True))[:, None],
        )
