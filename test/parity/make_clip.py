"""CLIP text and image encoders from transformers, IP-Adapter-plus's resampler from diffusers.

Run from the repository root: `python test/parity/make_clip.py` (versions as in models/requirements.txt; they are written
into the fixtures). Weights and inputs come from hash_weights.py, so a fixture holds configs and outputs only.
"""
import draw_configs
import torch
from diffusers.loaders.unet import UNet2DConditionLoadersMixin
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from draw_configs import Draw
from make_unet import resampler_shapes
from reference_case import digest, encode, fill, given, save, weights
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

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
DRAWN = 8


@torch.no_grad()
def text_case(title: str, config: dict, tokens: int) -> dict:
    skip = config.get("clip_skip", 0)
    own = {key: value for key, value in config.items() if key != "clip_skip"}
    model = CLIPTextModel(CLIPTextConfig(**own, bos_token_id=0, eos_token_id=1, pad_token_id=2))
    layers = config["num_hidden_layers"] - skip
    unused = tuple(f"encoder.layers.{i}." for i in range(layers, config["num_hidden_layers"]))
    shapes = {name: dims for name, dims in fill(model).items() if not name.startswith(unused)}
    ids = torch.tensor([[(7 * i * i + 3) % config["vocab_size"] for i in range(tokens)]])
    # As the pipelines of diffusers 0.42 do with `clip_skip`.
    states = model(ids, output_hidden_states=True).hidden_states[-(skip + 1)]
    out = model.final_layer_norm(states)
    if skip == 0:
        assert torch.equal(out, model(ids).last_hidden_state)
    return {
        "title": title, "config": config, "ids": ids[0].tolist(), "digest": digest(shapes),
        "last_hidden_state": encode(out),
    }


@torch.no_grad()
def vision_case(index: int) -> dict:
    draw = Draw(f"vision {index}")
    config = draw_configs.vision(draw)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**config))
    last = f"vision_model.encoder.layers.{config['num_hidden_layers'] - 1}."
    unused = (last, "vision_model.post_layernorm.", "visual_projection.")
    shapes = {name: dims for name, dims in fill(model).items() if not name.startswith(unused)}
    pixels = [draw.between(1, 2), 3, config["image_size"], config["image_size"]]
    out = model(given("pixel_values", *pixels), output_hidden_states=True).hidden_states[-2]
    return {
        "title": f"drawn {index}", "config": config, "pixels": pixels, "digest": digest(shapes),
        "hidden_states": encode(out),
    }


def plain_names(name: str) -> str:
    """diffusers' names of the resampler in the order of the published ones, for depths that its conversion does not know."""
    parts = name.split(".")
    if parts[0] != "layers":
        return name
    names = {"0.norm1": "ln0", "0.norm2": "ln1", "1.0": "ff.0", "1.1": "ff.1.net.0.proj", "1.3": "ff.1.net.2"}
    names |= {"0.to_q": "attn.to_q", "0.to_k": "attn.to_k", "0.to_v": "attn.to_v", "0.to_out": "attn.to_out.0"}
    return ".".join(["layers", parts[1], names[".".join(parts[2:-1])], parts[-1]])


@torch.no_grad()
def resampler_case(index: int) -> dict:
    draw = Draw(f"resampler {index}")
    published = index % 2 == 0
    config = draw_configs.resampler(draw, published=published)
    shapes = resampler_shapes(config)
    state = {name.removeprefix("image_proj."): tensor for name, tensor in weights(shapes).items()}
    if published:
        loaders = UNet2DConditionLoadersMixin()
        model = loaders._convert_ip_adapter_image_proj_to_diffusers(state, low_cpu_mem_usage=False)
    else:
        model = IPAdapterPlusImageProjection(
            embed_dims=config["embedding_dim"], output_dims=config["output_dim"], hidden_dims=config["dim"],
            depth=config["depth"], dim_head=config["dim_head"], heads=config["heads"],
            num_queries=config["num_queries"], ffn_ratio=config["ff_mult"],
        )
        split = {}
        for name, tensor in state.items():
            if "to_kv" in name:
                split[name.replace("to_kv", "to_k")], split[name.replace("to_kv", "to_v")] = tensor.chunk(2)
            else:
                split[name] = tensor
        model.load_state_dict({plain_names(name): tensor for name, tensor in split.items()})
    states = [draw.between(1, 2), draw.between(1, 12), config["embedding_dim"]]
    return {
        "title": f"drawn {index}" + (", converted by diffusers" if published else ""), "config": config,
        "states": states, "digest": digest(shapes), "face_tokens": encode(model.eval()(given("states", *states))),
    }


if __name__ == "__main__":
    texts = [text_case(title, config, 12) for title, config in TEXTS.items()]
    for index in range(DRAWN):
        drawn = draw_configs.text(Draw(f"text {index}"))
        tokens = 1 + index % drawn["max_position_embeddings"]
        texts.append(text_case(f"drawn {index}, clip_skip {drawn['clip_skip']}", drawn, tokens))
    save("clip-text", texts)
    save("clip-vision", [vision_case(index) for index in range(DRAWN)])
    save("resampler", [resampler_case(index) for index in range(DRAWN)])
