"""Autoencoders from diffusers (AutoencoderKL, AutoencoderTiny), models.starter (AutoencoderNarrow) and TAESD's own layout.

Run from the repository root: `python test/parity/make_autoencoders.py` (versions as in models/requirements.txt; they are
written into the fixture). Weights and inputs come from hash_weights.py, so it holds configs and outputs only.
"""
import draw_configs
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from draw_configs import Draw
from reference_case import digest, encode, fill, given, save, shapes_of, weights
from torch import nn

from models.starter.autoencoder import AutoencoderNarrow

TINY = {
    "four levels": {
        "encoder_block_out_channels": [8] * 4, "decoder_block_out_channels": [8] * 4, "num_encoder_blocks": [1, 2, 1, 1],
        "num_decoder_blocks": [2, 1, 1, 1], "latent_channels": 4,
    },
    "three levels, 16 latent channels": {
        "encoder_block_out_channels": [12] * 3, "decoder_block_out_channels": [6] * 3, "num_encoder_blocks": [1, 1, 3],
        "num_decoder_blocks": [1, 0, 2], "latent_channels": 16,
    },
}
NARROW = {
    "widths that differ": {
        "base_channels": 4, "encoder_widths": [4, 8, 12], "encoder_blocks": [1, 2, 1],
        "decoder_widths": [12, 8, 6], "decoder_blocks": [1, 1, 2],
    },
    "three base channels": {
        "base_channels": 3, "encoder_widths": [6, 6, 6], "encoder_blocks": [0, 1, 1],
        "decoder_widths": [6, 6, 6], "decoder_blocks": [1, 0, 1],
    },
}
DRAWN = {
    AutoencoderKL: (draw_configs.kl, 8), AutoencoderTiny: (draw_configs.tiny, 6), AutoencoderNarrow: (draw_configs.narrow, 6),
}
OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


@torch.no_grad()
def encoded(model: nn.Module, image: torch.Tensor) -> torch.Tensor:
    result = model.encode(image)
    if isinstance(model, AutoencoderKL):
        return result.latent_dist.mean
    return result.latents if isinstance(model, AutoencoderTiny) else result


@torch.no_grad()
def case_of(title: str, model: nn.Module, config: dict, image: list[int], latent: list[int], shapes: dict) -> dict:
    decoded = model.decode(given("latent", *latent) * 3)
    keys = {"in_channels": 3, "out_channels": 3, **config}
    return {
        "title": title, "class": type(model).__name__, "config": {key: model.config[key] for key in keys},
        "digest": digest(shapes), "input": image, "latent": encode(encoded(model, given("image", *image))),
        "decoded": latent, "image": encode(decoded if isinstance(model, AutoencoderNarrow) else decoded.sample),
    }


def picked_case(title: str, cls: type, config: dict) -> dict:
    model = cls(config) if cls is AutoencoderNarrow else cls(**config)
    shapes = fill(model)
    image = [1, 3, 32, 48]
    return case_of(title, model, config, image, list(encoded(model, given("image", *image)).shape), shapes)


def drawn_case(cls: type, index: int) -> dict:
    draw = Draw(f"{cls.__name__} {index}")
    config = DRAWN[cls][0](draw)
    model = cls({"in_channels": 3, "out_channels": 3, **config}) if cls is AutoencoderNarrow else cls(**config)
    shapes = fill(model)
    full = dict(model.config)
    # Odd sizes where the reference takes them.
    step = 16 if cls is AutoencoderNarrow else 1
    smallest = 2 ** (len(config["block_out_channels"]) - 1) if cls is AutoencoderKL else 1
    sides = [step * draw.between(max(1, smallest), 2 if step > 1 else 21) for _ in range(2)]
    channels = 4 * config["base_channels"] if cls is AutoencoderNarrow else config["latent_channels"]
    latent = [draw.between(1, 2), channels, draw.between(1, 3), draw.between(1, 3)]
    return case_of(
        f"drawn {index}", model, config, [draw.between(1, 2), full["in_channels"], *sides], latent, shapes
    )


def old_names_case() -> dict:
    """A checkpoint from before diffusers 0.15, through diffusers' own conversion."""
    config = {
        "block_out_channels": [8, 12], "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2, "norm_num_groups": 4, "latent_channels": 3,
    }
    model = AutoencoderKL(**config)
    shapes = shapes_of(model)
    old = {}
    for name in shapes:
        for new, former in OLD_ATTENTION.items():
            if f".attentions.0.{new}." in name:
                old[name] = name.replace(f".{new}.", f".{former}.")
    state = weights({old.get(name, name): dims for name, dims in shapes.items()})
    model._fix_state_dict_keys_on_load(state)
    model.load_state_dict(state)
    case = case_of("names from before diffusers 0.15", model.eval(), config, [1, 3, 10, 12], [1, 3, 5, 6], shapes)
    return {**case, "storedAs": old}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        convs = [nn.Conv2d(64, 64, 3, padding=1) for _ in range(3)]
        self.conv = nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), convs[2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv(x) + x)


class Clamp(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 3 * torch.tanh(x / 3)


def conv(inputs: int = 64, outputs: int = 64, **options) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


@torch.no_grad()
def original_taesd_case(latent_channels: int) -> dict:
    """The two Sequentials of madebyollin/taesd 5cccb12, with images in [0,1], under the names of their files."""
    encoder, decoder = [conv(3), Block()], [Clamp(), conv(latent_channels), nn.ReLU()]
    for _ in range(3):
        encoder += [conv(stride=2, bias=False), Block(), Block(), Block()]
        decoder += [Block(), Block(), Block(), nn.Upsample(scale_factor=2), conv(bias=False)]
    encoder = nn.Sequential(*encoder, conv(64, latent_channels)).eval()
    decoder = nn.Sequential(*decoder, Block(), conv(64, 3)).eval()
    stored = {}
    for part, module, shift in (("encoder", encoder, 0), ("decoder", decoder, 1)):
        names = list(shapes_of(module))
        module.load_state_dict(
            {n: weights({f"{part}/{n}": tuple(t.shape)})[f"{part}/{n}"] for n, t in module.state_dict().items()}
        )
        for name in names:
            index, rest = name.split(".", 1)
            stored[f"{part}.layers.{int(index) - shift}.{rest}"] = f"{part}/{name}"
    tiny = AutoencoderTiny(latent_channels=latent_channels)
    assert set(stored) == set(shapes_of(tiny))
    image, latent = [1, 3, 16, 24], [1, latent_channels, 2, 3]
    return {
        "title": f"original TAESD, {latent_channels} latent channels", "latentChannels": latent_channels,
        "storedAs": stored, "digest": digest(shapes_of(tiny)),
        "input": image, "latent": encode(encoder((given("image", *image) + 1) / 2)),
        "decoded": latent, "image": encode(decoder(given("latent", *latent) * 3) * 2 - 1),
    }


if __name__ == "__main__":
    cases = [picked_case(title, AutoencoderTiny, config) for title, config in TINY.items()]
    cases += [picked_case(title, AutoencoderNarrow, config) for title, config in NARROW.items()]
    cases += [drawn_case(cls, index) for cls, (_, count) in DRAWN.items() for index in range(count)]
    save("autoencoder", [*cases, old_names_case()])
    save("taesd", [original_taesd_case(channels) for channels in (4, 16)])
