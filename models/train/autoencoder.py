"""Train the autoencoder on rendered portraits: `python -m models.train.autoencoder --minutes 20 [--resume]`.

Loss: weighted L1 + 0.5 · L1 of the picture's gradients at scales 1, 2, 4 (face ×3, landmarks ×8)
+ 1e-3 · (latent mean² + (deviation − 1)²), with noise of 0.03 on the latents. After training, the latents' mean and
deviation are folded into the convolutions beside them, so that the shipped network needs no scaling factor.
"""

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models.starter.autoencoder import AutoencoderNarrow
from models.starter.dataset import list_shards
from models.train.session import LOGS, STATES, JsonLog, setup

CROP = 128
LATENT_NOISE = 0.03
EMA = 0.998


def attention_map(landmarks: Tensor, box: Tensor, size: int) -> Tensor:
    """Loss weights `[B,size,size]`: 1, 3 in the face box, 8 around the five landmarks (pixels)."""
    t = torch.arange(size, dtype=torch.float32) + 0.5
    y, x = t.view(1, -1, 1), t.view(1, 1, -1)
    edge = box.view(-1, 4, 1, 1)
    weight = 1 + 2.0 * ((x > edge[:, 0]) & (x < edge[:, 2]) & (y > edge[:, 1]) & (y < edge[:, 3])).float()
    span = (landmarks[:, 1] - landmarks[:, 0]).norm(dim=1).clamp(min=8).view(-1, 1, 1)
    for i in range(5):
        px, py = landmarks[:, i, 0].view(-1, 1, 1), landmarks[:, i, 1].view(-1, 1, 1)
        near = ((x - px) / (0.42 * span)) ** 2 + ((y - py) / (0.30 * span)) ** 2 < 1
        weight = torch.where(near, torch.full_like(weight, 8.0), weight)
    return weight


def reconstruction_loss(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 plus half the L1 of horizontal and vertical differences at scales 1, 2 and 4."""
    loss = ((output - target).abs() * weight).mean()
    for scale in (1, 2, 4):
        d = F.avg_pool2d(output - target, scale) if scale > 1 else output - target
        w = F.avg_pool2d(weight, scale) if scale > 1 else weight
        loss = loss + 0.5 / 3 * (
            ((d[..., 1:] - d[..., :-1]).abs() * w[..., 1:]).mean()
            + ((d[..., 1:, :] - d[..., :-1, :]).abs() * w[..., 1:, :]).mean()
        )
    return loss


class Pictures:
    """Random augmented 128-px crops out of the shards found so far; rereads the folder now and then."""

    def __init__(self, seed: int, limit: int = 48):
        self.generator = torch.Generator().manual_seed(seed)
        self.limit = limit
        self.reload()

    def reload(self) -> None:
        paths = list_shards("free") + list_shards("canonical")[-self.limit :]
        shards = [torch.load(p) for p in paths]
        self.image = torch.cat([s["image"] for s in shards])
        landmarks, box = torch.cat([s["landmarks"] for s in shards]), torch.cat([s["box"] for s in shards])
        size = self.image.shape[-1]
        self.weight = torch.cat(
            [attention_map(a, b, size).byte() for a, b in zip(landmarks.split(256), box.split(256), strict=True)]
        )
        self.centre = landmarks.mean(1)

    def uniform(self, n: int, low: float, high: float) -> Tensor:
        return torch.rand(n, generator=self.generator) * (high - low) + low

    def batch(self, n: int) -> tuple[Tensor, Tensor]:
        """Images `[n,3,128,128]` in [-1,1] and weights `[n,1,128,128]`; half of the crops lie on the face."""
        index = torch.randint(len(self.image), (n,), generator=self.generator)
        size = self.image.shape[-1]
        corner = torch.randint(0, size - CROP + 1, (n, 2), generator=self.generator)
        face = (self.centre[index].flip(1) - CROP / 2 + self.uniform(n * 2, -24, 24).view(n, 2)).long()
        corner[: n // 2] = face[: n // 2].clamp(0, size - CROP)
        cut = [(slice(None), slice(int(y), int(y) + CROP), slice(int(x), int(x) + CROP)) for y, x in corner]
        image = torch.stack([self.image[i][c] for i, c in zip(index, cut, strict=True)]).float() / 127.5 - 1
        weight = torch.stack([self.weight[i][c[1:]] for i, c in zip(index, cut, strict=True)]).float()
        changed = (self.uniform(n, 0, 1) < 0.3).view(n, 1, 1, 1)
        gain = 1 + 0.35 * (torch.rand(n, 3, 1, 1, generator=self.generator) - 0.5)
        shift = 0.4 * (torch.rand(n, 3, 1, 1, generator=self.generator) - 0.5)
        image = torch.where(changed, image * gain + shift, image).clamp(-1, 1)
        if torch.rand((), generator=self.generator) < 0.5:
            image, weight = image.flip(-1), weight.flip(-1)
        return image, (weight / 3.0)[:, None]


@torch.no_grad()
def psnr(model: AutoencoderNarrow, images: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over u8 images `[B,3,256,256]`, after clamping."""
    error = []
    for part in images.split(8):
        x = (part.float() / 127.5 - 1).to(memory_format=torch.channels_last)
        y = model.decode(model.encode(x)).clamp(-1, 1)
        error.append(((y - x) ** 2).mean((1, 2, 3)) / 4)
    return float((-10 * torch.cat(error).log10()).mean())


@torch.no_grad()
def latent_statistics(model: AutoencoderNarrow, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation `[4]` of the unpacked latents over u8 images."""
    z = torch.cat([model.encoder(part.float() / 127.5 - 1) for part in images.split(8)])
    return z.mean((0, 2, 3)), z.std((0, 2, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--out", default="models/checkpoints/starter/vae")
    arguments = parser.parse_args()
    device = setup(arguments.seed)
    state_file = STATES / "autoencoder.pt"
    model = AutoencoderNarrow().to(device, memory_format=torch.channels_last)
    average = AutoencoderNarrow().to(device, memory_format=torch.channels_last)
    average.load_state_dict(model.state_dict())
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, betas=(0.9, 0.98), weight_decay=1e-4)
    step, spent = 0, 0.0
    if arguments.resume:
        if state_file.exists():
            state = torch.load(state_file)
            model.load_state_dict(state["model"])
            average.load_state_dict(state["average"])
            optimiser.load_state_dict(state["optimiser"])
            step, spent = state["step"], state["spent"]
        else:
            model.load_state_dict(AutoencoderNarrow.load(arguments.out).state_dict())
            average.load_state_dict(model.state_dict())
    data = Pictures(arguments.seed + step)
    test = torch.cat(
        [torch.load(p)["image"][::4] for p in list_shards("canonical", held_out=True)[:2]] or [data.image[:32]]
    )
    log, start, seen, loaded = JsonLog(LOGS / "autoencoder.jsonl"), time.time(), 0, time.time()
    while (done := (time.time() - start) / 60 / arguments.minutes) < 1:
        rate = 2e-3 * min(1, (step + 1) / 100) * (1.0 if done < 0.5 else max(0.02, 2 * (1 - done)))
        optimiser.param_groups[0]["lr"] = rate
        if time.time() - loaded > 180:
            data.reload()
            loaded = time.time()
        image, weight = data.batch(arguments.batch)
        image = image.to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            z = model.encode(image)
            output = model.decode(z + LATENT_NOISE * torch.randn_like(z))
        z = z.float().permute(1, 0, 2, 3).flatten(1)
        regulariser = (z.mean(1) ** 2 + (z.std(1) - 1) ** 2).mean()
        rebuilt = reconstruction_loss(output.float(), image, weight.to(device))
        (rebuilt + 1e-3 * regulariser).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        with torch.no_grad():
            decay = min(EMA, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
        step, seen = step + 1, seen + len(image)
        if step % 200 == 0:
            log(
                step=step,
                minutes=spent + (time.time() - start) / 60,
                loss=rebuilt.item(),
                latent=regulariser.item(),
                psnr=psnr(average, test[:16]),
                samples_per_second=seen / (time.time() - start),
                rate=rate,
            )
    spent += (time.time() - start) / 60
    torch.save(
        dict(
            model=model.state_dict(),
            average=average.state_dict(),
            optimiser=optimiser.state_dict(),
            step=step,
            spent=spent,
        ),
        state_file,
    )
    mean, deviation = latent_statistics(average, data.image[torch.randperm(len(data.image))[:256]])
    before = psnr(average, test)
    average.fold_normalisation(mean, deviation)
    average.save(arguments.out)
    log(
        step=step,
        minutes=spent,
        mean=mean.tolist(),
        deviation=deviation.tolist(),
        psnr=before,
        psnr_folded=psnr(AutoencoderNarrow.load(Path(arguments.out)), test),
    )


if __name__ == "__main__":
    main()
