"""The starter's autoencoder: a narrow convolutional f = 8 network whose latents are packed to f = 16.

Only Conv, ReLU, Add, AveragePool, nearest Resize and pixel (un)shuffle, so that it can be rebuilt
op by op from `config.json` and the state dict. Images are `[B,3,H,W]` RGB in [-1,1] (H, W multiples of 16),
latents `[B,16,H/16,W/16]` with mean about 0 and deviation about 1 per channel.

Forward, exactly (k = kernel, s = stride, p = zero padding; every Conv has a bias):

encode(image)
    x = ReLU(encoder.stem(image))                       Conv k4 s2 p1, 3 → w0
    for level i, width w_i:
        i > 0: x = ReLU(encoder.levels.i.resize(x))     Conv k4 s2 p1, w_{i-1} → w_i
        each block j: x = ReLU(x + conv2(ReLU(conv1(x))))   Conv k3 p1
    z = encoder.head(x) + encoder.colour(AveragePool8(image))   Conv k3 p1 → 4; Conv k1, 3 → 4
    latent = pixel_unshuffle(z, 2)                      channel index = c·4 + dy·2 + dx

decode(latent)
    z = pixel_shuffle(latent, 2)                        the inverse (ONNX DepthToSpace mode CRD)
    x = ReLU(decoder.stem(z))                           Conv k1, 4 → v0 (no padding: normalisation folds in exactly)
    for level i, width v_i:
        i > 0: x = ReLU(decoder.levels.i.resize(nearest×2(x)))  Conv k3 p1, v_{i-1} → v_i
        each block j: as above
    image = pixel_shuffle(decoder.head(x), 2) + nearest×8(decoder.colour(z))   Conv k3 p1 → 12; Conv k1, 4 → 3

pixel_unshuffle follows PyTorch's channel order; ONNX SpaceToDepth orders (dy·2 + dx)·4 + c instead.
The colour shortcuts carry the mean colour of every 8×8 cell linearly, which keeps hues right from the first minute.
The decoder's output is not clamped: clamp to [-1,1] before showing it.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

DEFAULT_CONFIG = {
    "_class_name": "AutoencoderNarrow",
    "in_channels": 3,
    "out_channels": 3,
    "base_channels": 4,
    "latent_channels": 16,
    "downscale": 16,
    "encoder_widths": [32, 64, 64],
    "encoder_blocks": [1, 2, 2],
    "decoder_widths": [96, 64, 32],
    "decoder_blocks": [3, 2, 2],
    "scaling_factor": 1.0,
    "shift_factor": 0.0,
}


class Block(nn.Module):
    """Residual pair of 3×3 convolutions at one width."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class Level(nn.Module):
    """Blocks at one resolution, after an optional convolution `resize` that changes resolution and width."""

    def __init__(self, width: int, blocks: int, resize: nn.Module | None):
        super().__init__()
        self.resize = resize
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        if self.resize is not None:
            x = F.relu(self.resize(x))
        for block in self.blocks:
            x = block(x)
        return x


class Encoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        widths, blocks = config["encoder_widths"], config["encoder_blocks"]
        self.stem = nn.Conv2d(config["in_channels"], widths[0], 4, stride=2, padding=1)
        self.levels = nn.ModuleList(
            Level(w, n, nn.Conv2d(widths[i - 1], w, 4, stride=2, padding=1) if i else None)
            for i, (w, n) in enumerate(zip(widths, blocks, strict=True))
        )
        self.head = nn.Conv2d(widths[-1], config["base_channels"], 3, padding=1)
        self.colour = nn.Conv2d(config["in_channels"], config["base_channels"], 1)

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.stem(image))
        for level in self.levels:
            x = level(x)
        return self.head(x) + self.colour(F.avg_pool2d(image, 8))


class Decoder(nn.Module):
    def __init__(self, config: dict):
        super().__init__()
        widths, blocks = config["decoder_widths"], config["decoder_blocks"]
        self.stem = nn.Conv2d(config["base_channels"], widths[0], 1)
        self.levels = nn.ModuleList(
            Level(w, n, nn.Conv2d(widths[i - 1], w, 3, padding=1) if i else None)
            for i, (w, n) in enumerate(zip(widths, blocks, strict=True))
        )
        self.head = nn.Conv2d(widths[-1], config["out_channels"] * 4, 3, padding=1)
        self.colour = nn.Conv2d(config["base_channels"], config["out_channels"], 1)

    def forward(self, z: Tensor) -> Tensor:
        x = F.relu(self.stem(z))
        for i, level in enumerate(self.levels):
            x = level(F.interpolate(x, scale_factor=2.0, mode="nearest") if i else x)
        colour = F.interpolate(self.colour(z), scale_factor=8.0, mode="nearest")
        return F.pixel_shuffle(self.head(x), 2) + colour


class AutoencoderNarrow(nn.Module):
    """See the module docstring for the exact forward pass."""

    def __init__(self, config: dict | None = None):
        super().__init__()
        self.config = {**DEFAULT_CONFIG, **(config or {})}
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config)

    def encode(self, image: Tensor) -> Tensor:
        """image `[B,3,H,W]` in [-1,1] → latent `[B,16,H/16,W/16]`."""
        if image.shape[-1] % 16 or image.shape[-2] % 16:
            raise ValueError(f"The image is {image.shape[-1]}×{image.shape[-2]}: pad its sides to multiples of 16.")
        return F.pixel_unshuffle(self.encoder(image), 2)

    def decode(self, latent: Tensor) -> Tensor:
        """latent `[B,16,h,w]` → image `[B,3,16h,16w]`, about [-1,1], not clamped."""
        return self.decoder(F.pixel_shuffle(latent, 2))

    @torch.no_grad()
    def fold_normalisation(self, mean: Tensor, deviation: Tensor) -> None:
        """Change units in place so that `encode` gives (z − mean)/deviation and `decode` undoes it.

        mean, deviation: `[4]`, per base channel. Exact, because the layers that read z are 1×1 without padding.
        """
        m, s = mean.to(self.encoder.head.bias), deviation.to(self.encoder.head.bias)
        for conv, offset in ((self.encoder.head, m), (self.encoder.colour, torch.zeros_like(m))):
            conv.weight.div_(s.view(-1, 1, 1, 1))
            conv.bias.sub_(offset).div_(s)
        for conv in (self.decoder.stem, self.decoder.colour):
            conv.bias.add_((conv.weight * m.view(1, -1, 1, 1)).sum((1, 2, 3)))
            conv.weight.mul_(s.view(1, -1, 1, 1))

    def save(self, folder: str | Path, dtype: torch.dtype = torch.float16) -> None:
        """Write `config.json` and `diffusion_pytorch_model.safetensors` into `folder`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=2) + "\n")
        state = {k: v.detach().to(dtype).contiguous() for k, v in self.state_dict().items()}
        save_file(state, folder / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})

    @classmethod
    def load(cls, folder: str | Path) -> "AutoencoderNarrow":
        """Read a folder that `save` wrote; weights become f32."""
        folder = Path(folder)
        config = json.loads((folder / "config.json").read_text())
        if config.get("_class_name") != "AutoencoderNarrow":
            raise ValueError(f"{folder}/config.json is a {config.get('_class_name')}, not an AutoencoderNarrow.")
        model = cls(config)
        state = load_file(folder / "diffusion_pytorch_model.safetensors")
        model.load_state_dict({k: v.float() for k, v in state.items()})
        return model
