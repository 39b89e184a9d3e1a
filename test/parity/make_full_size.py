"""The official configs at their full size, with hash weights: SD 1.5's UNet with a FaceID adapter at 16×16 latents, CLIP-L's
text encoder, CLIP-H's image encoder, plus-face's resampler, SD 1.5's autoencoder and TAESD.

Run from the repository root: `python test/parity/make_full_size.py [part …]` (about 6 GB of memory; versions as in
models/requirements.txt). Of large outputs only every n-th value is kept, with the largest of all.
"""
import base64
import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.loaders.unet import UNet2DConditionLoadersMixin
from hash_weights import hash_weight
from make_unet import adapter_projections, load_adapter, resampler_shapes
from reference_case import FOLDER, VERSIONS, Shapes, given, weights
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

KEPT = 2000
LEVELS = ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]
UNET = {
    "in_channels": 4, "out_channels": 4, "block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2,
    "down_block_types": LEVELS, "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "attention_head_dim": 8, "cross_attention_dim": 768, "norm_num_groups": 32, "norm_eps": 1e-5, "act_fn": "silu",
    "center_input_sample": False, "downsample_padding": 1, "flip_sin_to_cos": True, "freq_shift": 0,
    "mid_block_scale_factor": 1, "sample_size": 64,
}
FACE_ID = {"embedding": 512, "tokens": 4}
TEXT = {
    "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "max_position_embeddings": 77, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
}
VISION = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
    "projection_dim": 1024, "patch_size": 14, "image_size": 224, "hidden_act": "gelu", "layer_norm_eps": 1e-5,
}
RESAMPLER = {
    "dim": 768, "depth": 4, "dim_head": 64, "heads": 12, "num_queries": 16, "embedding_dim": 1280, "output_dim": 768,
    "ff_mult": 4,
}
KL = {
    "in_channels": 3, "out_channels": 3, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
    "latent_channels": 4, "norm_num_groups": 32, "act_fn": "silu",
}
TINY = {"latent_channels": 4}


def thinned(tensor: torch.Tensor) -> dict:
    values = tensor.detach().numpy().astype("<f4").ravel()
    every = max(1, len(values) // KEPT) | 1
    kept = base64.b64encode(np.ascontiguousarray(values[::every]).tobytes()).decode()
    return {"dims": list(tensor.shape), "every": every, "float32": kept, "largest": float(np.abs(values).max())}


def fill_in_place(module: torch.nn.Module) -> None:
    """Hash weights without a second copy of the model."""
    for name, tensor in module.state_dict().items():
        tensor.copy_(torch.from_numpy(hash_weight(name, tuple(tensor.shape))))
    module.eval()


def text_encoder() -> dict:
    model = CLIPTextModel(CLIPTextConfig(**TEXT))
    fill_in_place(model)
    ids = torch.tensor([[(7 * i * i + 3) % TEXT["vocab_size"] for i in range(77)]])
    states = model(ids, output_hidden_states=True).hidden_states
    return {
        "config": TEXT, "last_hidden_state": thinned(model.final_layer_norm(states[-1])),
        "clip_skip_1": thinned(model.final_layer_norm(states[-2])),
    }


def image_encoder() -> dict:
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**VISION))
    fill_in_place(model)
    states = model(given("pixel_values", 1, 3, 224, 224), output_hidden_states=True).hidden_states[-2]
    return {"config": VISION, "hidden_states": thinned(states)}


def resampler() -> dict:
    state = {name.removeprefix("image_proj."): t for name, t in weights(resampler_shapes(RESAMPLER)).items()}
    loaders = UNet2DConditionLoadersMixin()
    model = loaders._convert_ip_adapter_image_proj_to_diffusers(state, low_cpu_mem_usage=False).eval()
    return {"config": RESAMPLER, "face_tokens": thinned(model(given("states", 1, 257, 1280)))}


def autoencoder(cls: type, config: dict, side: int) -> dict:
    model = cls(**config)
    fill_in_place(model)
    encoded = model.encode(given("image", 1, 3, side, side))
    latent = encoded.latents if cls is AutoencoderTiny else encoded.latent_dist.mean
    decoded = model.decode(given("latent", 1, 4, side // 8, side // 8) * 3).sample
    return {"config": config, "side": side, "latent": thinned(latent), "image": thinned(decoded)}


def unet() -> dict:
    model = UNet2DConditionModel(**UNET)
    fill_in_place(model)
    width, embedding, tokens = UNET["cross_attention_dim"], FACE_ID["embedding"], FACE_ID["tokens"]
    image_proj: Shapes = {
        "image_proj.proj.0.weight": (2 * embedding, embedding), "image_proj.proj.0.bias": (2 * embedding,),
        "image_proj.proj.2.weight": (tokens * width, 2 * embedding), "image_proj.proj.2.bias": (tokens * width,),
        "image_proj.norm.weight": (width,), "image_proj.norm.bias": (width,),
    }
    load_adapter(model, {**image_proj, **adapter_projections(model)})
    scale = 0.75
    for processor in model.attn_processors.values():
        if hasattr(processor, "scale"):
            processor.scale = [scale]
    out = model(
        given("sample", 1, 4, 16, 16),
        torch.tensor(621.0),
        encoder_hidden_states=given("text", 1, 77, width),
        added_cond_kwargs={"image_embeds": [given("face", 1, 1, embedding)]},
    ).sample
    return {"config": UNET, "adapter": FACE_ID, "scale": scale, "timestep": 621, "side": 16, "out_sample": thinned(out)}


PARTS: dict[str, Callable[[], dict]] = {
    "TAESD": lambda: autoencoder(AutoencoderTiny, TINY, 256), "resampler": resampler,
    "AutoencoderKL": lambda: autoencoder(AutoencoderKL, KL, 128), "CLIP-L text": text_encoder,
    "CLIP-H vision": image_encoder, "SD 1.5 UNet": unet,
}

if __name__ == "__main__":
    path = FOLDER / "full-size.json"
    made = json.loads(path.read_text())["parts"] if path.exists() else {}
    with torch.no_grad():
        for part in sys.argv[1:] or PARTS:
            begin = time.monotonic()
            made[part] = PARTS[part]()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"{part}: {time.monotonic() - begin:.0f} s, peak memory of this process {peak:.1f} GiB")
            path.write_text(json.dumps({"madeWith": VERSIONS, "parts": made}, indent=1) + "\n")
