"""Random but reproducible network configs: each is drawn from the hash of its name, so that nobody picked it."""
from collections.abc import Sequence
from typing import TypeVar

from hash_weights import hash_integers

T = TypeVar("T")


class Draw:
    """A stream of choices that depends on the name alone."""

    def __init__(self, name: str) -> None:
        self.numbers = iter(hash_integers(name, 4096).tolist())

    def choose(self, options: Sequence[T]) -> T:
        return options[next(self.numbers) % len(options)]

    def between(self, low: int, high: int) -> int:
        return low + next(self.numbers) % (high - low + 1)

    def chance(self, percent: int) -> bool:
        return next(self.numbers) % 100 < percent

    def list_of(self, count: int, options: Sequence[T]) -> list[T]:
        return [self.choose(options) for _ in range(count)]


def widths(draw: Draw, levels: int, groups: int, most: int) -> list[int]:
    """Even channel counts that the groups divide."""
    step = groups if groups % 2 == 0 else 2 * groups
    return draw.list_of(levels, range(step, most + 1, step))


def divisors(number: int, most: int) -> list[int]:
    return [n for n in range(1, most + 1) if number % n == 0]


def unet(draw: Draw) -> dict:
    levels = draw.between(1, 4)
    groups = draw.choose([2, 3, 4, 8])
    channels = widths(draw, levels, groups, 32)
    heads = [draw.choose(divisors(width, 8)) for width in channels]
    layers = draw.list_of(levels, [1, 1, 2])
    down = draw.list_of(levels, ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"])
    up = draw.list_of(levels, ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"])
    mid = draw.choose(["UNetMidBlock2DCrossAttn"] * 3 + ["UNetMidBlock2D", None])
    if not any("Cross" in (block or "") for block in [*down, *up, mid]):
        up[0] = "CrossAttnUpBlock2D"
    config = {
        "in_channels": draw.choose([3, 4, 9, 16]), "out_channels": draw.choose([3, 4, 8]),
        "block_out_channels": channels, "down_block_types": down, "up_block_types": up, "mid_block_type": mid,
        "layers_per_block": layers if draw.chance(60) else layers[0],
        "attention_head_dim": heads if draw.chance(70) else draw.choose([1, 2]),
        "cross_attention_dim": draw.between(3, 24), "norm_num_groups": groups,
        "norm_eps": draw.choose([1e-5, 1e-6]), "use_linear_projection": draw.chance(50),
        "downsample_padding": draw.choose([1, 1, 0]), "flip_sin_to_cos": draw.chance(60),
        "freq_shift": draw.choose([0, 0, 1]), "time_embedding_dim": draw.choose([None, None, 20]),
        "time_cond_proj_dim": draw.choose([None, None, 10]), "act_fn": draw.choose(["silu", "swish"]),
        "conv_in_kernel": draw.choose([3, 3, 1, 5]), "conv_out_kernel": draw.choose([3, 3, 1]),
    }
    counts = config["layers_per_block"] if isinstance(config["layers_per_block"], list) else layers[:1] * levels
    kind = draw.choose(["one", "one", "number", "per level", "per attention"])
    if kind == "number":
        config["transformer_layers_per_block"] = 2
    elif kind == "per level":
        config["transformer_layers_per_block"] = draw.list_of(levels, [1, 2, 3])
    elif kind == "per attention":
        config["transformer_layers_per_block"] = [draw.list_of(n, [1, 2]) for n in counts]
        config["reverse_transformer_layers_per_block"] = [draw.list_of(n + 1, [1, 2]) for n in reversed(counts)]
    return config


def text(draw: Draw) -> dict:
    heads = draw.between(1, 4)
    layers = draw.between(1, 4)
    return {
        "vocab_size": draw.between(20, 90), "hidden_size": heads * draw.between(3, 12),
        "intermediate_size": draw.between(10, 70), "num_hidden_layers": layers, "num_attention_heads": heads,
        "max_position_embeddings": draw.between(5, 20), "hidden_act": draw.choose(["quick_gelu", "gelu"]),
        "layer_norm_eps": draw.choose([1e-5, 1e-6]), "clip_skip": draw.between(0, layers - 1),
    }


def vision(draw: Draw) -> dict:
    heads = draw.between(1, 4)
    patch = draw.between(3, 9)
    return {
        "hidden_size": heads * draw.between(3, 12), "intermediate_size": draw.between(10, 70),
        "num_hidden_layers": draw.between(1, 5), "num_attention_heads": heads, "projection_dim": draw.between(4, 16),
        "patch_size": patch, "image_size": patch * draw.between(1, 5) + draw.between(0, patch - 1),
        "hidden_act": draw.choose(["quick_gelu", "gelu"]), "layer_norm_eps": draw.choose([1e-5, 1e-6]),
    }


def resampler(draw: Draw, output_dim: int | None = None, *, published: bool = False) -> dict:
    """`published`: with the depth and width of heads that diffusers takes for granted in adapter files."""
    return {
        "dim": draw.between(5, 40), "depth": 4 if published else draw.between(1, 5),
        "dim_head": 64 if published else draw.between(2, 12), "heads": draw.between(1, 3),
        "num_queries": draw.between(1, 8), "embedding_dim": draw.between(4, 40),
        "output_dim": output_dim or draw.between(4, 40), "ff_mult": 4,
    }


def kl(draw: Draw) -> dict:
    levels = draw.between(1, 4)
    groups = draw.choose([1, 2, 3, 4])
    return {
        "in_channels": draw.choose([3, 3, 1]), "out_channels": draw.choose([3, 3, 1]),
        "block_out_channels": widths(draw, levels, groups, 24), "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels, "layers_per_block": draw.between(1, 3),
        "latent_channels": draw.choose([2, 4, 16]), "norm_num_groups": groups,
        "use_quant_conv": draw.chance(60), "use_post_quant_conv": draw.chance(60),
        "mid_block_add_attention": draw.chance(75),
    }


def tiny(draw: Draw) -> dict:
    up, down = draw.between(1, 4), draw.between(1, 4)
    return {
        "in_channels": 3, "out_channels": draw.choose([3, 1]), "latent_channels": draw.choose([2, 4, 16]),
        "encoder_block_out_channels": [draw.between(3, 12)] * down, "num_encoder_blocks": draw.list_of(down, range(4)),
        "decoder_block_out_channels": [draw.between(3, 12)] * up, "num_decoder_blocks": draw.list_of(up, range(4)),
        "upsampling_scaling_factor": draw.choose([2, 2, 3]),
    }


def narrow(draw: Draw) -> dict:
    return {
        "base_channels": draw.between(2, 5),
        "encoder_widths": draw.list_of(3, range(3, 13)), "encoder_blocks": draw.list_of(3, range(3)),
        "decoder_widths": draw.list_of(3, range(3, 13)), "decoder_blocks": draw.list_of(3, range(3)),
    }
