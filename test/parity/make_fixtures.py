"""Reference outputs for the graph builders, from diffusers, transformers and models.starter.

Run from the repository root: `python test/parity/make_fixtures.py` (versions as in models/requirements.txt; they are
written into the fixtures). Weights and inputs come from hash_weights.py, so a fixture holds configs and outputs only.
"""
import base64
import json
import sys
from pathlib import Path

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.insert(0, str(Path(__file__).parents[2]))
from models.starter.autoencoder import AutoencoderNarrow  # noqa: E402
from hash_weights import hash_input, hash_text, hash_weight  # noqa: E402

FOLDER = Path(__file__).parents[1] / "fixtures" / "parity"
VERSIONS = {"torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__}


def encode(tensor: torch.Tensor) -> dict:
    """Shape and little-endian f32 bytes as base64."""
    array = tensor.detach().numpy().astype("<f4")
    return {"dims": list(array.shape), "float32": base64.b64encode(array.tobytes()).decode()}


def fill(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Give every parameter its hash weight; returns names and shapes."""
    shapes = {name: tuple(p.shape) for name, p in module.state_dict().items()}
    module.load_state_dict({name: torch.from_numpy(hash_weight(name, dims)) for name, dims in shapes.items()})
    module.eval()
    return shapes


def digest(shapes: dict[str, tuple[int, ...]]) -> int:
    """Hash of all names and shapes, so that a builder that forgets a tensor is found out."""
    return hash_text("\n".join(f"{name}:{','.join(map(str, dims))}" for name, dims in sorted(shapes.items())))


def save(name: str, cases: list[dict]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps({"madeWith": VERSIONS, "cases": cases}, indent=1) + "\n")


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


def face_adapter(unet: UNet2DConditionModel, tokens: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an IP-Adapter FaceID checkpoint for this UNet, as published ones have them."""
    width = unet.config.cross_attention_dim
    shapes = {
        "image_proj.proj.0.weight": (2 * EMBEDDING, EMBEDDING),
        "image_proj.proj.0.bias": (2 * EMBEDDING,),
        "image_proj.proj.2.weight": (tokens * width, 2 * EMBEDDING),
        "image_proj.proj.2.bias": (tokens * width,),
        "image_proj.norm.weight": (width,),
        "image_proj.norm.bias": (width,),
    }
    for i, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            hidden = unet.get_submodule(name.removesuffix(".processor")).to_q.weight.shape[0]
            shapes[f"ip_adapter.{i}.to_k_ip.weight"] = (hidden, width)
            shapes[f"ip_adapter.{i}.to_v_ip.weight"] = (hidden, width)
    return shapes


def unet_case(title: str, case: dict) -> dict:
    unet = UNet2DConditionModel(**case["config"])
    shapes = fill(unet)
    conditioner = {name: dims for name, dims in shapes.items() if "attn2.to_k" in name or "attn2.to_v" in name}
    denoiser = {name: dims for name, dims in shapes.items() if name not in conditioner}
    batch, width = case["sample"][0], case["config"]["cross_attention_dim"]
    sample = torch.from_numpy(hash_input("sample", tuple(case["sample"])))
    text = torch.from_numpy(hash_input("text", (batch, case["text"], width)))
    result = {"title": title, **case, "embedding": EMBEDDING, "denoiserDigest": digest(denoiser)}
    added = None
    cross = [unet.get_submodule(n.removesuffix(".processor")) for n in unet.attn_processors if "attn2" in n]
    if case["tokens"]:
        adapter = face_adapter(unet, case["tokens"])
        result["conditionerDigest"] = digest({**conditioner, **adapter})
        halves = {"image_proj": {}, "ip_adapter": {}}
        for name, dims in adapter.items():
            part, key = name.split(".", 1)
            halves[part][key] = torch.from_numpy(hash_weight(name, dims))
        unet._load_ip_adapter_weights([halves], low_cpu_mem_usage=False)
        unet.eval()
        scale = case["scale"]
        scales = [0.25 + 0.5 * i for i in range(len(cross))] if scale == "per layer" else [scale] * len(cross)
        for attention, value in zip(cross, scales, strict=True):
            attention.processor.scale = [value]
        result["faceScales"] = scales
        face = torch.from_numpy(hash_input("face", (batch, EMBEDDING)))
        added = {"image_embeds": [face[:, None, :]]}
        tokens = unet.encoder_hid_proj.image_projection_layers[0](face)
        parts = []
        for attention, value in zip(cross, scales, strict=True):
            parts += [attention.processor.to_k_ip[0](tokens), attention.processor.to_v_ip[0](tokens) * value]
        result["face_kv"] = encode(torch.cat(parts, -1))
        parts = [projection(text) for attention in cross for projection in (attention.to_k, attention.to_v)]
        result["text_kv"] = encode(torch.cat(parts, -1))
    out = unet(sample, torch.tensor(case["timestep"]), encoder_hidden_states=text, added_cond_kwargs=added).sample
    result["out_sample"] = encode(out)
    return result


TEXTS = {
    "quick_gelu": {
        "vocab_size": 40, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 12, "hidden_act": "quick_gelu",
    },
    "gelu, fewer tokens than positions": {
        "vocab_size": 64, "hidden_size": 30, "intermediate_size": 40, "num_hidden_layers": 3,
        "num_attention_heads": 3, "max_position_embeddings": 16, "hidden_act": "gelu", "layer_norm_eps": 1e-6,
    },
}


def text_case(title: str, config: dict, tokens: int) -> dict:
    special = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    model = CLIPTextModel(CLIPTextConfig(**config, **special))
    shapes = fill(model)
    ids = torch.tensor([[(7 * i * i + 3) % config["vocab_size"] for i in range(tokens)]])
    out = model(ids).last_hidden_state
    return {
        "title": title, "config": config, "ids": ids[0].tolist(), "digest": digest(shapes), "last_hidden_state": encode(out),
    }


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


@torch.no_grad()
def autoencoder_case(title: str, cls: type, config: dict) -> dict:
    model = cls(config) if cls is AutoencoderNarrow else cls(**config)
    shapes = fill(model)
    full = dict(model.config)
    image = torch.from_numpy(hash_input("image", (1, 3, 32, 48)))
    encoded = model.encode(image)
    latent = encoded if cls is AutoencoderNarrow else encoded.latents
    given = torch.from_numpy(hash_input("latent", tuple(latent.shape))) * 3
    decoded = model.decode(given)
    result = decoded if cls is AutoencoderNarrow else decoded.sample
    keys = {"in_channels": 3, "out_channels": 3, **config}
    return {
        "title": title, "class": cls.__name__, "config": {k: full[k] for k in keys}, "digest": digest(shapes),
        "latent": encode(latent), "image": encode(result),
    }


def main() -> None:
    with torch.no_grad():
        save("unet", [unet_case(title, case) for title, case in UNETS.items()])
        save("clip-text", [text_case(title, config, 12) for title, config in TEXTS.items()])
        cases = [autoencoder_case(title, AutoencoderTiny, config) for title, config in TINY.items()]
        cases += [autoencoder_case(title, AutoencoderNarrow, config) for title, config in NARROW.items()]
        save("autoencoder", cases)


if __name__ == "__main__":
    main()
