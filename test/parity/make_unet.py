"""UNet2DConditionModel with face adapters (FaceID embedding, plus-face tokens) from diffusers.

Run from the repository root: `python test/parity/make_unet.py` (versions as in models/requirements.txt; they are written
into the fixture). Weights and inputs come from hash_weights.py, so the fixture holds configs and outputs only.
"""
import draw_configs
import torch
from diffusers import UNet2DConditionModel
from draw_configs import Draw
from reference_case import Shapes, digest, encode, fill, given, save, weights

UNETS = {
    "four levels as SD1.5, convolution projection, face scale 1": {
        "config": {
            "in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16, 16, 24], "layers_per_block": 2,
            "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
            "attention_head_dim": 2, "cross_attention_dim": 12, "norm_num_groups": 4,
        },
        "sample": [1, 4, 16, 16], "text": 5, "tokens": 4, "timestep": 999.0, "scale": 1.0,
    },
    "the starter's size, attention below the first level": {
        "config": {
            "in_channels": 16, "out_channels": 16, "block_out_channels": [64, 96, 128], "layers_per_block": 1,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "attention_head_dim": 4, "cross_attention_dim": 192, "norm_num_groups": 32,
        },
        "sample": [1, 16, 16, 16], "text": 3, "tokens": 4, "timestep": 875.0, "scale": 1.0,
    },
    "three levels, linear projection, heads and layers per level, batch 2, face scale 0.5": {
        "config": {
            "in_channels": 16, "out_channels": 16, "block_out_channels": [16, 24, 32], "layers_per_block": [1, 2, 1],
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "attention_head_dim": [1, 2, 4], "cross_attention_dim": 20, "norm_num_groups": 8,
            "use_linear_projection": True, "flip_sin_to_cos": False, "freq_shift": 1, "norm_eps": 1e-6,
        },
        "sample": [2, 16, 8, 12], "text": 7, "tokens": 3, "timestep": 481.25, "scale": 0.5,
    },
    "two levels, odd size, face scale 0": {
        "config": {
            "in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16], "layers_per_block": 1,
            "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
            "attention_head_dim": 2, "cross_attention_dim": 8, "norm_num_groups": 2,
        },
        "sample": [1, 4, 9, 7], "text": 4, "tokens": 4, "timestep": 0.0, "scale": 0.0,
    },
    "three levels, odd size at every level, attention in the middle only, one face scale per layer": {
        "config": {
            "in_channels": 4, "out_channels": 8, "block_out_channels": [8, 8, 16], "layers_per_block": 1,
            "down_block_types": ["DownBlock2D"] * 3, "up_block_types": ["UpBlock2D"] * 3,
            "attention_head_dim": 4, "cross_attention_dim": 8, "norm_num_groups": 4, "downsample_padding": 0,
        },
        "sample": [1, 4, 11, 13], "text": 3, "tokens": 2, "timestep": 20.0, "scale": "per layer",
    },
    "two levels, no attention in the middle, no adapter": {
        "config": {
            "in_channels": 4, "out_channels": 4, "block_out_channels": [16, 32], "layers_per_block": 1,
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "mid_block_type": "UNetMidBlock2D",
            "attention_head_dim": 8, "cross_attention_dim": 8, "norm_num_groups": 8, "time_embedding_dim": 24,
        },
        "sample": [1, 4, 8, 8], "text": 6, "tokens": None, "timestep": 759.0, "scale": None,
    },
    "two levels, no middle, wider first and last convolution, one face scale per layer": {
        "config": {
            "in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16], "layers_per_block": [2, 1],
            "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"], "mid_block_type": None,
            "attention_head_dim": 2, "cross_attention_dim": 8, "norm_num_groups": 4,
            "conv_in_kernel": 5, "conv_out_kernel": 1,
        },
        "sample": [1, 4, 8, 8], "text": 5, "tokens": 4, "timestep": 500.0, "scale": "per layer",
    },
}
EMBEDDING = 24
DRAWN = 16


def drawn_case(index: int) -> tuple[str, dict]:
    """Half of them with a face embedding, half with face tokens of one or two pictures, and one or two rows."""
    draw = Draw(f"unet {index}")
    config = draw_configs.unet(draw)
    # At least 2×2 at the lowest level: a GroupNorm over one number divides rounding errors by the root of epsilon.
    smallest = 2 ** len(config["block_out_channels"])
    sides = [draw.between(smallest, max(13, smallest + 5)) for _ in range(2)]
    case = {
        "config": config, "sample": [1 + index // 2 % 2, config["in_channels"], *sides],
        "text": draw.between(1, 6), "timestep": draw.between(0, 3996) / 4,
        "scale": draw.choose([0.0, 0.5, 1.0, "per layer"]),
    }
    if index % 2 == 0:
        return f"drawn {index}, FaceID", {**case, "tokens": draw.between(1, 5)}
    resampler = draw_configs.resampler(draw, config["cross_attention_dim"], published=True)
    pictures = draw.between(1, 2)
    title = f"drawn {index}, plus-face, {pictures} picture(s)"
    return title, {**case, "tokens": resampler["num_queries"], "resampler": resampler, "pictures": pictures, "states": 3}


def image_projection(case: dict, width: int) -> Shapes:
    """Names and shapes of `image_proj` in published IP-Adapter files: FaceID's projection, or plus-face's resampler."""
    if "resampler" in case:
        return resampler_shapes(case["resampler"])
    tokens = case["tokens"]
    return {
        "image_proj.proj.0.weight": (2 * EMBEDDING, EMBEDDING),
        "image_proj.proj.0.bias": (2 * EMBEDDING,),
        "image_proj.proj.2.weight": (tokens * width, 2 * EMBEDDING),
        "image_proj.proj.2.bias": (tokens * width,),
        "image_proj.norm.weight": (width,),
        "image_proj.norm.bias": (width,),
    }


def resampler_shapes(config: dict) -> Shapes:
    """As tencent-ailab/IP-Adapter's Resampler names its tensors."""
    dim, inner, hidden = config["dim"], config["heads"] * config["dim_head"], config["dim"] * config["ff_mult"]
    shapes: Shapes = {"latents": (1, config["num_queries"], dim)}

    def add(name: str, *dims: int, bias: bool = False) -> None:
        shapes[f"{name}.weight"] = dims
        if bias:
            shapes[f"{name}.bias"] = dims[:1]

    add("proj_in", dim, config["embedding_dim"], bias=True)
    for i in range(config["depth"]):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            add(f"layers.{i}.{norm}", dim, bias=True)
        add(f"layers.{i}.0.to_q", inner, dim)
        add(f"layers.{i}.0.to_kv", 2 * inner, dim)
        add(f"layers.{i}.0.to_out", dim, inner)
        add(f"layers.{i}.1.1", hidden, dim)
        add(f"layers.{i}.1.3", dim, hidden)
    add("proj_out", config["output_dim"], dim, bias=True)
    add("norm_out", config["output_dim"], bias=True)
    return {f"image_proj.{name}": dims for name, dims in shapes.items()}


def adapter_projections(unet: UNet2DConditionModel) -> Shapes:
    """The `ip_adapter` half: key and value projections of every cross-attention layer, numbered over all processors."""
    width = unet.config.cross_attention_dim
    shapes: Shapes = {}
    for i, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            hidden = unet.get_submodule(name.removesuffix(".processor")).to_q.weight.shape[0]
            shapes[f"ip_adapter.{i}.to_k_ip.weight"] = (hidden, width)
            shapes[f"ip_adapter.{i}.to_v_ip.weight"] = (hidden, width)
    return shapes


def load_adapter(unet: UNet2DConditionModel, shapes: Shapes) -> None:
    halves: dict[str, dict] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in weights(shapes).items():
        part, key = name.split(".", 1)
        halves[part][key] = tensor
    unet._load_ip_adapter_weights([halves], low_cpu_mem_usage=False)
    unet.eval()


@torch.no_grad()
def unet_case(title: str, case: dict) -> dict:
    config = case["config"]
    unet = UNet2DConditionModel(**config)
    shapes = fill(unet)
    conditioner = {name: dims for name, dims in shapes.items() if "attn2.to_k" in name or "attn2.to_v" in name}
    denoiser = {name: dims for name, dims in shapes.items() if name not in conditioner}
    batch, width = case["sample"][0], config["cross_attention_dim"]
    text = given("text", batch, case["text"], width)
    result = {"title": title, **case, "embedding": EMBEDDING, "denoiserDigest": digest(denoiser)}
    added = None
    cross = [unet.get_submodule(n.removesuffix(".processor")) for n in unet.attn_processors if "attn2" in n]
    if case["tokens"]:
        projections, image = adapter_projections(unet), image_projection(case, width)
        own = {} if "resampler" in case else image
        result["conditionerDigest"] = digest({**conditioner, **projections, **own})
        load_adapter(unet, {**image, **projections})
        scale = case["scale"]
        scales = [0.25 + 0.5 * i for i in range(len(cross))] if scale == "per layer" else [scale] * len(cross)
        for attention, value in zip(cross, scales, strict=True):
            attention.processor.scale = [value]
        result["faceScales"] = scales
        if "resampler" in case:
            seen = given("states", batch, case["pictures"], case["states"], case["resampler"]["embedding_dim"])
        else:
            seen = given("face", batch, EMBEDDING)[:, None, :]
        added = {"image_embeds": [seen]}
        tokens = unet.encoder_hid_proj(added["image_embeds"])[0].reshape(batch, -1, width)
        parts = []
        for attention, value in zip(cross, scales, strict=True):
            parts += [attention.processor.to_k_ip[0](tokens), attention.processor.to_v_ip[0](tokens) * value]
        result["face_kv"] = encode(torch.cat(parts, -1))
        if not title.startswith("drawn"):  # there `out_sample` tells enough
            parts = [projection(text) for attention in cross for projection in (attention.to_k, attention.to_v)]
            result["text_kv"] = encode(torch.cat(parts, -1))
    guidance = config.get("time_cond_proj_dim")
    out = unet(
        given("sample", *case["sample"]),
        torch.tensor(case["timestep"]),
        encoder_hidden_states=text,
        timestep_cond=given("timestep_cond", batch, guidance) if guidance else None,
        added_cond_kwargs=added,
    ).sample
    return {**result, "out_sample": encode(out)}


if __name__ == "__main__":
    cases = [*UNETS.items(), *(drawn_case(i) for i in range(DRAWN))]
    save("unet", [unet_case(title, case) for title, case in cases])
