"""Train denoiser, text encoder and face adapter: `python -m models.train.denoiser --minutes 60 [--resume] [--compile]`.

Half of the samples sit at t = 999, where nothing but the sentence and the person says what to draw; the rest lean to
high noise. The face embedding comes from another picture of the same person. Text is dropped in 10 % of the samples,
the face in 10 %, both in 5 %; in the warm-up (first fifth) text is dropped in half of them, so that the person is used.
Latent shards are made from new render shards while training.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor

from models.portrait.prompt import known_words, prompts
from models.starter.autoencoder import AutoencoderNarrow
from models.starter.checkpoint import FOLDER, load_denoiser, save_denoiser
from models.starter.dataset import EMBEDDINGS, LATENTS, Portraits, embed_shard, encode_shard, list_shards
from models.starter.denoiser import Denoiser, signal_levels
from models.starter.embed import OnnxNetwork
from models.starter.sample import sample_latents
from models.starter.tokenizer import UNK, build_tokenizer, encode
from models.train.optimiser import Muon
from models.train.session import LOGS, STATES, JsonLog, setup

STATE = STATES / "denoiser.pt"
LAST = 999
FIRST_SHARD = 120_000


def whitening(embedding: Tensor, keep: int = 128) -> tuple[Tensor, Tensor]:
    """Mean `[512]` and matrix `[keep,512]` that give the embeddings' first principal components unit variance."""
    x = embedding.float()
    mean = x.mean(0)
    values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
    values, vectors = values[-keep:], vectors[:, -keep:]
    return mean, (vectors / values.clamp(min=values[-1] * 1e-3).sqrt()).T


@torch.no_grad()
def whiten_face_input(model: Denoiser, embedding: Tensor) -> None:
    """Start the projection's first layer on whitened embeddings, so that every trait counts alike at first."""
    mean, matrix = whitening(embedding)
    layer = model.image_proj.proj[0]
    layer.weight.copy_(torch.randn(len(layer.weight), len(matrix)) / len(matrix) ** 0.5 @ matrix)
    layer.bias.copy_(-layer.weight @ mean)


def draw_timesteps(n: int, last: float, lean: float) -> Tensor:
    """Timesteps `[n]`: a share `last` at 999, the rest 1000·u^lean (lean < 1 prefers high noise), stratified."""
    u = (torch.arange(n) + torch.rand(n)) / n
    t = (1000 * (((u - last) / (1 - last)).clamp(min=0)) ** lean).long().clamp(0, LAST)
    return torch.where(u < last, torch.full_like(t, LAST), t)[torch.randperm(n)]


def drop_conditions(ids: Tensor, embedding: Tensor, empty: Tensor, text: float) -> tuple[Tensor, Tensor]:
    """Empty sentences with probability `text` (at least 0.10), no face with 0.10, neither with 0.05; rare unknowns."""
    u = torch.rand(len(ids), 1, device=ids.device)
    unknown = (torch.rand(ids.shape, device=ids.device) < 0.005) & (ids > UNK + 1)
    ids = torch.where(unknown, torch.full_like(ids, UNK), ids)
    ids = torch.where((u < 0.05) | (u >= 1 - text), empty, ids)
    return ids, torch.where(u < 0.15, torch.zeros_like(embedding), embedding)


def noised(latent: Tensor, t: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Noisy latents and the v that belongs to them."""
    a = levels[t].view(-1, 1, 1, 1)
    noise = torch.randn_like(latent)
    return a.sqrt() * latent + (1 - a).sqrt() * noise, a.sqrt() * noise - (1 - a).sqrt() * latent


def save_sheet(pictures: Tensor, path: Path, columns: int) -> None:
    """Pictures `[B,3,H,W]` in [-1,1] as one PNG."""
    rows = (pictures.clamp(-1, 1) * 127.5 + 127.5).byte().split(columns)
    sheet = torch.cat([torch.cat(list(row), 2) for row in rows], 1)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(path)


class Judge:
    """Validation on held-out people: error at t = 999 with the right and with wrong conditions, and a contact sheet."""

    def __init__(self, data: Portraits, empty: Tensor, decoder: AutoencoderNarrow, device: torch.device):
        self.latent, self.ids, self.embedding, self.weight = (x.to(device) for x in data.batch(96))
        self.empty, self.decoder, self.device = empty, decoder, device
        self.noise = torch.randn(self.latent.shape, generator=torch.Generator().manual_seed(5)).to(device)

    @torch.no_grad()
    def __call__(self, model: Denoiser) -> dict[str, float]:
        cases = {
            "valid": (self.ids, self.embedding),
            "wrong_person": (self.ids, self.embedding.roll(7, 0)),
            "wrong_text": (self.ids.roll(7, 0), self.embedding),
        }
        t = torch.full((len(self.ids),), LAST, device=self.device)
        error = {}
        for name, (ids, embedding) in cases.items():
            with torch.autocast(self.device.type, torch.bfloat16):
                v = model(self.noise, t, ids, embedding).float()
            error[name] = float(((v + self.latent) ** 2 * self.weight).mean())
        return error

    @torch.no_grad()
    def sheet(self, model: Denoiser, path: Path, n: int = 16) -> None:
        """Rows of eight: rendered, predicted in one step at t = 999, sampled in eight steps."""
        ids, embedding, noise = self.ids[:n], self.embedding[:n], self.noise[:n]
        one = sample_latents(model, ids, self.empty, embedding, noise, 1, 1.0)
        many = sample_latents(model, ids, self.empty, embedding, noise, 8, 1.5)
        parts = [p for k in (slice(0, 8), slice(8, 16)) for p in (self.latent[:n][k], one[k], many[k])]
        save_sheet(torch.cat([self.decoder.decode(p) for p in parts]).cpu(), path, 8)


def take_in_shards(autoencoder: AutoencoderNarrow, tokenizer: Tokenizer, limit: int) -> bool:
    """Encode and embed up to `limit` render shards that are new; says whether there were any."""
    todo = [
        p
        for p in [*list_shards("canonical", held_out=True), *list_shards("canonical")]
        if int(p.stem) >= FIRST_SHARD and not ((LATENTS / p.name).exists() and (EMBEDDINGS / p.name).exists())
    ][:limit]
    if todo:
        face_encoder = load_face_encoder()
        for path in todo:
            if not (LATENTS / path.name).exists():
                encode_shard(path, autoencoder, tokenizer, lambda p, rng: prompts(p, rng, drop=0.04))
            embed_shard(path, face_encoder)
    return bool(todo)


def load_face_encoder() -> Callable[[Tensor], Tensor]:
    """The frozen face encoder that the adapter is bound to: the shipped file, one crop at a time."""
    network = OnnxNetwork(FOLDER / "face_encoder/model.onnx")
    return lambda crops: torch.cat([network(crop[None])[0] for crop in crops])


def starter_tokenizer() -> Tokenizer:
    """The tokenizer of the checkpoint if there is one, else one made of every word of the prompt grammar."""
    file = FOLDER / "tokenizer/tokenizer.json"
    if file.exists():
        return Tokenizer.from_file(str(file))
    return build_tokenizer(sorted(set().union(*map(set, known_words().values()))))


def split_parameters(model: Denoiser) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """(matrices for Muon, the rest for AdamW, the rest of the face adapter for AdamW at a higher rate)."""
    matrices, rest, face = [], [], []
    for name, p in model.named_parameters():
        if p.ndim >= 2 and not any(k in name for k in ("embedding.weight", "conv_in", "conv_out", "image_proj.proj.0")):
            matrices.append(p)
        elif name.startswith("image_proj"):
            face.append(p)
        else:
            rest.append(p)
    return matrices, rest, face


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--end-rate", type=float, default=2e-5)
    parser.add_argument("--warm-up", type=float, default=0.2, help="share of the run in which text is dropped in half")
    parser.add_argument("--last", type=float, default=0.5, help="share of samples at t = 999")
    parser.add_argument("--lean", type=float, default=0.5, help="exponent of the other timesteps")
    parser.add_argument("--ema", type=float, default=0.9985)
    parser.add_argument("--encode", type=int, default=4, help="new shards taken in every three minutes")
    arguments = parser.parse_args()
    device = setup(arguments.seed)
    autoencoder = AutoencoderNarrow.load(FOLDER / "vae").to(device, memory_format=torch.channels_last).eval()
    tokenizer = starter_tokenizer()
    take_in_shards(autoencoder, tokenizer, 10_000)
    data = Portraits(list_shards("canonical", folder=LATENTS), arguments.seed)
    model, average = Denoiser(tokenizer.get_vocab_size()), Denoiser(tokenizer.get_vocab_size())
    step, seen, spent = 0, 0, 0.0
    optimisers = None
    state = torch.load(STATE, map_location=device) if arguments.resume and STATE.exists() else None
    if state:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        step, seen, spent = state["step"], state["seen"], state["spent"]
    elif arguments.resume:
        model.load_state_dict(load_denoiser(FOLDER)[0].state_dict())
        average.load_state_dict(model.state_dict())
    else:
        whiten_face_input(model, data.embedding[:, 0])
        average.load_state_dict(model.state_dict())
    model.to(device)
    average.to(device).eval()
    matrices, rest, face = split_parameters(model)
    optimisers = [
        Muon([dict(params=matrices, scale=1.0)], arguments.rate),
        torch.optim.AdamW(
            [dict(params=rest, scale=1.0), dict(params=face, scale=2.0)], arguments.rate, (0.9, 0.98), weight_decay=0.0
        ),
    ]
    if state:
        for optimiser, value in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(value)
    torch.manual_seed(arguments.seed + step)
    data.generator.manual_seed(arguments.seed + step)
    empty, levels = encode(tokenizer, [""]).to(device), signal_levels().float().to(device)
    judge = Judge(Portraits(list_shards("canonical", held_out=True, folder=LATENTS), 7), empty, autoencoder, device)
    predict = torch.compile(model) if arguments.compile else model
    pairs = list(model.parameters()), list(average.parameters())
    log, start, running, first_seen = JsonLog(LOGS / "denoiser.jsonl"), time.time(), {}, seen
    saved = loaded = time.time()

    def save() -> None:
        torch.save(
            dict(
                model=model.state_dict(),
                average=average.state_dict(),
                optimisers=[o.state_dict() for o in optimisers],
                step=step,
                seen=seen,
                spent=spent + (time.time() - start) / 60,
            ),
            STATE.with_suffix(".part"),
        )
        STATE.with_suffix(".part").rename(STATE)

    while (done := (time.time() - start) / 60 / arguments.minutes) < 1:
        rate = arguments.end_rate + (arguments.rate - arguments.end_rate) * 0.5 * (1 + math.cos(math.pi * done))
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["scale"] * min(1, (step + 1) / 50)
        latent, ids, embedding, weight = (x.to(device) for x in data.batch(arguments.batch))
        ids, embedding = drop_conditions(ids, embedding, empty, 0.5 if done < arguments.warm_up else 0.10)
        t = draw_timesteps(len(ids), arguments.last, arguments.lean).to(device)
        noisy, target = noised(latent, t, levels)
        with torch.autocast(device.type, torch.bfloat16):
            v = predict(noisy, t, ids, embedding)
        error = ((v.float() - target) ** 2 * weight).mean((1, 2, 3))
        error.mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(pairs[1], pairs[0], 1 - min(arguments.ema, (1 + step) / (10 + step)))
        step, seen = step + 1, seen + len(ids)
        for name, pick in (("loss_999", t == LAST), ("loss_rest", t != LAST)):
            if pick.any():
                value = error.detach()[pick].mean().item()
                running[name] = value if name not in running else running[name] + 0.02 * (value - running[name])
        if step % 100 == 0:
            log(
                step=step,
                seen=seen,
                minutes=spent + (time.time() - start) / 60,
                rate=rate,
                pictures=len(data),
                samples_per_second=(seen - first_seen) / (time.time() - start),
                **running,
                **(judge(average) if step % 200 == 0 else {}),
            )
        if time.time() - saved > 240:
            save()
            judge.sheet(average, LOGS / f"sheet_{seen // 1000:05d}k.png")
            saved = time.time()
        if time.time() - loaded > 180 and arguments.encode:
            if take_in_shards(autoencoder, tokenizer, arguments.encode):
                data = Portraits(list_shards("canonical", folder=LATENTS), arguments.seed + step)
            loaded = time.time()
    save()
    judge.sheet(average, LOGS / f"sheet_{seen // 1000:05d}k.png")
    log(step=step, seen=seen, finished=True, **judge(average))
    save_denoiser(average.cpu(), tokenizer)


if __name__ == "__main__":
    main()
