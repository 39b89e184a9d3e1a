"""Sampling from the starter: DDIM (Song et al. 2021, arXiv:2010.02502) with η = 0 on the trailing grid.

With guidance g the prediction is v₀ + g·(v − v₀), where v₀ has neither text nor face; g = 1 is no guidance.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from models.starter.autoencoder import AutoencoderNarrow
from models.starter.checkpoint import FOLDER, load_denoiser
from models.starter.denoiser import EMBEDDING, Denoiser, signal_levels
from models.starter.tokenizer import encode

DEFAULT_STEPS = 4
DEFAULT_GUIDANCE = 2.0


def timestep_grid(steps: int, denoise: float = 1.0) -> list[int]:
    """Timesteps from high to low: n = round(1000·denoise), at least `steps`; t_k = round(n·(N − k)/N) − 1."""
    n = max(round(1000 * denoise), steps)
    return [round(n * (steps - k) / steps) - 1 for k in range(steps)]


@torch.no_grad()
def sample_latents(
    model: Denoiser,
    ids: Tensor,
    empty: Tensor,
    embedding: Tensor,
    noise: Tensor,
    steps: int = DEFAULT_STEPS,
    guidance: float = DEFAULT_GUIDANCE,
    reference: Tensor | None = None,
    denoise: float = 1.0,
) -> Tensor:
    """Latents `[B,16,16,16]` from noise of the same shape.

    ids `[B,32]`, empty `[1,32]` (the empty sentence), embedding `[B,512]`, reference: latent to start from
    when denoise < 1.
    """
    levels = signal_levels().float().to(noise.device)
    grid = timestep_grid(steps, denoise)
    context = model.context(ids, embedding)
    if guidance != 1:
        bare = model.context(empty, embedding.new_zeros(1, EMBEDDING)).expand(len(ids), -1, -1)
        context = torch.cat([context, bare])
    first = levels[grid[0]]
    x = noise if denoise >= 1 or reference is None else first.sqrt() * reference + (1 - first).sqrt() * noise
    for t, after in zip(grid, [*grid[1:], -1], strict=True):
        a, b = levels[t], levels[after] if after >= 0 else torch.ones(())
        v = model.unet(x if guidance == 1 else torch.cat([x, x]), t, context, return_dict=False)[0].float()
        if guidance != 1:
            v, v0 = v.chunk(2)
            v = v0 + guidance * (v - v0)
        clean, eps = a.sqrt() * x - (1 - a).sqrt() * v, a.sqrt() * v + (1 - a).sqrt() * x
        x = b.sqrt() * clean + (1 - b).sqrt() * eps
    return x


@dataclass
class Starter:
    """The networks of one checkpoint folder."""

    denoiser: Denoiser
    tokenizer: Tokenizer
    autoencoder: AutoencoderNarrow

    @classmethod
    def load(cls, folder: str | Path = FOLDER) -> "Starter":
        """Read a checkpoint folder."""
        folder = Path(folder)
        denoiser, tokenizer = load_denoiser(folder)
        return cls(denoiser, tokenizer, AutoencoderNarrow.load(folder / "vae").eval())

    @torch.no_grad()
    def generate(
        self,
        sentences: list[str],
        embedding: Tensor,
        seeds: list[int],
        steps: int = DEFAULT_STEPS,
        guidance: float = DEFAULT_GUIDANCE,
        image: Tensor | None = None,
        strength: float = 0.0,
        face_scale: float = 1.0,
    ) -> Tensor:
        """Pictures `[B,3,256,256]` in [0,1], one per sentence.

        embedding: `[B,512]` raw or normalised; seeds: one per picture; image: reference `[B,3,256,256]` in [0,1],
        used when strength > 0 (1 = stay at the reference, 0 = keep only the person; denoise = 1 − 0.9·strength).
        """
        ids, empty = encode(self.tokenizer, sentences), encode(self.tokenizer, [""])
        noise = torch.stack([torch.randn(16, 16, 16, generator=torch.Generator().manual_seed(s)) for s in seeds])
        norm = embedding.norm(dim=1, keepdim=True)
        reference = None if image is None or strength == 0 else self.autoencoder.encode(image * 2 - 1)
        self.denoiser.set_face_scale(face_scale)
        latent = sample_latents(
            self.denoiser,
            ids,
            empty,
            embedding / norm.clamp(min=1e-6),
            noise,
            steps,
            guidance,
            reference,
            1.0 if reference is None else 1 - 0.9 * strength,
        )
        return ((self.autoencoder.decode(latent) + 1) / 2).clamp(0, 1)


def generate(
    folder: str | Path,
    sentences: list[str],
    embeddings: Tensor,
    seeds: list[int],
    steps: int | None = None,
    guidance: float | None = None,
) -> Tensor:
    """Pictures `[N,256,256,3]` u8 at strength 0 from a checkpoint folder; defaults are starter.json's."""
    defaults = json.loads((Path(folder) / "starter.json").read_text())["defaults"]
    starter = Starter.load(folder)
    parts = [
        starter.generate(
            sentences[i : i + 16],
            embeddings[i : i + 16],
            seeds[i : i + 16],
            steps or defaults["steps"],
            guidance or defaults["guidance"],
        )
        for i in range(0, len(sentences), 16)
    ]
    return (torch.cat(parts) * 255 + 0.5).byte().permute(0, 2, 3, 1).contiguous()
