"""Reference weights after LoRA folding, by diffusers' load_lora_weights + fuse_lora with peft.

Run from the repository root: `python test/parity/make_lora_fixtures.py` (versions as in models/requirements.txt; they
are written into the fixture). Base weights and LoRAs come from hash_weights.py; the fixture holds keys, shapes and 48
values of every changed weight. What is not in a case's list of changed weights must be untouched.
"""

import base64
import json
import re
import tempfile
from pathlib import Path

import diffusers
import numpy as np
import peft
import torch
import torch.nn.functional as F
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from hash_weights import hash_uniform, hash_weight
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

PATH = Path(__file__).parents[1] / "fixtures" / "parity" / "lora.json"
SAMPLES = 48
UNET = {
    "in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16, 16, 24], "layers_per_block": 2,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "attention_head_dim": 2, "cross_attention_dim": 12, "norm_num_groups": 4,
}
TEXT = {
    "vocab_size": 40, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "max_position_embeddings": 12, "hidden_act": "quick_gelu", "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}
ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0"
LINEAR = [
    f"{ATTENTION}.attn1.to_q", f"{ATTENTION}.attn1.to_k", f"{ATTENTION}.attn1.to_v", f"{ATTENTION}.attn1.to_out.0",
    f"{ATTENTION}.attn2.to_q", f"{ATTENTION}.attn2.to_k", f"{ATTENTION}.attn2.to_v", f"{ATTENTION}.attn2.to_out.0",
    f"{ATTENTION}.ff.net.0.proj", f"{ATTENTION}.ff.net.2",
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_v",
    "up_blocks.3.attentions.2.transformer_blocks.0.attn1.to_q",
]
PROJECTIONS = ["down_blocks.1.attentions.0.proj_in", "up_blocks.2.attentions.1.proj_out"]
"""1×1 convolutions in this UNet."""
CONVOLUTIONS = [
    "down_blocks.0.resnets.1.conv1", "down_blocks.2.resnets.0.conv2", "up_blocks.1.resnets.2.conv1",
    "up_blocks.0.resnets.0.conv_shortcut", "down_blocks.1.downsamplers.0.conv",
    "up_blocks.2.upsamplers.0.conv",
    "mid_block.resnets.1.conv2", "conv_in", "conv_out",
]
TIME = [
    "down_blocks.3.resnets.0.time_emb_proj", "mid_block.resnets.0.time_emb_proj",
    "time_embedding.linear_1", "time_embedding.linear_2",
]
WORDS = [
    "encoder.layers.0.self_attn.q_proj", "encoder.layers.1.self_attn.k_proj", "encoder.layers.1.self_attn.v_proj",
    "encoder.layers.0.self_attn.out_proj", "encoder.layers.0.mlp.fc1", "encoder.layers.1.mlp.fc2",
]
WORD_ATTENTION = [name for name in WORDS if "self_attn" in name]


Shapes = dict[str, tuple[int, ...]]
"""By key."""


def new_pipeline() -> StableDiffusionPipeline:
    """Tiny networks with hash weights."""
    unet, text = UNet2DConditionModel(**UNET), CLIPTextModel(CLIPTextConfig(**TEXT))
    for module in (unet, text):
        shapes = {name: tuple(values.shape) for name, values in module.state_dict().items()}
        module.load_state_dict({name: torch.from_numpy(hash_weight(name, dims)) for name, dims in shapes.items()})
    return StableDiffusionPipeline(
        vae=None, text_encoder=text, tokenizer=None, unet=unet, scheduler=None, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )


MANY_ALPHAS = "kohya"
REFERENCE = new_pipeline()
BASE = {"unet": REFERENCE.unet.state_dict(), "textEncoder": REFERENCE.text_encoder.state_dict()}


def tensor(key: str, dims: tuple[int, ...], lora: str) -> torch.Tensor:
    """A LoRA's numbers: uniform ± 0.5; alphas 1 to 8 in one file and 3 in the others, magnitudes about 1."""
    uniform = hash_uniform(key, int(np.prod(dims)))
    if key.endswith(".alpha"):
        values = np.round(4.5 + 3.5 * uniform) if lora == MANY_ALPHAS else np.full_like(uniform, 3)
    elif "magnitude" in key:
        values = 1 + 0.5 * uniform
    else:
        values = 0.5 * uniform
    return torch.from_numpy(values.astype(np.float32).reshape(dims))


def factors(module: str, rank: int, network: str = "unet") -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of down and up."""
    out, inputs, *kernel = BASE[network][f"{module}.weight"].shape
    return (rank, inputs, *kernel), (out, rank, *(1 for _ in kernel))


def ranks(modules: list[str], ranks: tuple[int, ...] = (4, 2, 8)) -> list[tuple[str, int]]:
    return [(module, ranks[i % len(ranks)]) for i, module in enumerate(modules)]


def kohya(modules: list[str], words: list[str], ranking: tuple[int, ...] = (4, 2, 8)) -> Shapes:
    shapes = {}
    named = [(f"lora_unet_{m}".replace(".", "_"), m, r, "unet") for m, r in ranks(modules, ranking)]
    named += [(f"lora_te_text_model_{m}".replace(".", "_"), m, r, "textEncoder") for m, r in ranks(words, ranking)]
    for name, module, rank, network in named:
        down, up = factors(module, rank, network)
        shapes |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": ()}
    return shapes


def dotted(modules: list[str], words: list[str], unet: tuple[str, str], text: tuple[str, str]) -> Shapes:
    """`unet` and `text` are the endings of down and up."""
    shapes = {}
    for module, rank in ranks(modules):
        down, up = factors(module, rank)
        shapes |= {f"unet.{module}{unet[0]}": down, f"unet.{module}{unet[1]}": up}
    for module, rank in ranks(words):
        down, up = factors(module, rank, "textEncoder")
        shapes |= {f"text_encoder.text_model.{module}{text[0]}": down, f"text_encoder.text_model.{module}{text[1]}": up}
    return shapes


def old_attention(modules: list[str], words: list[str]) -> Shapes:
    """Keys of diffusers before 0.17: LoRA as attention processors."""
    renamed = (
        (".attn1.", ".attn1.processor."), (".attn2.", ".attn2.processor."), ("to_out.0", "to_out"), ("q_proj", "to_q"),
        ("k_proj", "to_k"), ("v_proj", "to_v"), ("out_proj", "to_out"),
    )
    shapes = {}
    endings = ("_lora.down.weight", "_lora.up.weight")
    for key, dims in dotted(modules, words, endings, endings).items():
        for ours, theirs in renamed:
            key = key.replace(ours, theirs)
        shapes[key] = dims
    return shapes


def original_blocks(modules: dict[str, str]) -> Shapes:
    """kohya keys with the names of the original checkpoint."""
    shapes = {}
    for (module, name), rank in zip(modules.items(), [4, 2, 8] * len(modules), strict=False):
        down, up = factors(module, rank)
        name = f"lora_unet_{name}"
        shapes |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": ()}
    return shapes


ORIGINAL = {
    "down_blocks.0.resnets.1.conv1": "input_blocks_2_0_in_layers_2",
    "down_blocks.2.resnets.0.conv2": "input_blocks_7_0_out_layers_3",
    "down_blocks.1.resnets.0.conv_shortcut": "input_blocks_4_0_skip_connection",
    "down_blocks.1.resnets.0.time_emb_proj": "input_blocks_4_0_emb_layers_1",
    "down_blocks.1.downsamplers.0.conv": "input_blocks_6_0_op",
    f"{ATTENTION}.attn1.to_q": "input_blocks_4_1_transformer_blocks_0_attn1_to_q",
    f"{ATTENTION}.attn2.to_out.0": "input_blocks_4_1_transformer_blocks_0_attn2_to_out_0",
    f"{ATTENTION}.ff.net.0.proj": "input_blocks_4_1_transformer_blocks_0_ff_net_0_proj",
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_v": "middle_block_1_transformer_blocks_0_attn2_to_v",
    "mid_block.resnets.1.conv1": "middle_block_2_in_layers_2",
    "up_blocks.1.attentions.2.proj_in": "output_blocks_5_1_proj_in",
    "up_blocks.3.attentions.0.transformer_blocks.0.attn1.to_k": "output_blocks_9_1_transformer_blocks_0_attn1_to_k",
    "up_blocks.2.upsamplers.0.conv": "output_blocks_8_2_conv",
}


def face_lora(rank: int) -> Shapes:
    """The LoRA part of an IP-Adapter FaceID file; every processor has one."""
    shapes = {}
    for i, processor in enumerate(REFERENCE.unet.attn_processors):
        for part, layer in (("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("out", "to_out.0")):
            down, up = factors(f"{processor.removesuffix('.processor')}.{layer}", rank)
            name = f"ip_adapter.{i}.to_{part}_lora"
            shapes |= {f"{name}.down.weight": down, f"{name}.up.weight": up}
    return shapes


def face_rest() -> Shapes:
    """The other part of such a file."""
    width, embedding, tokens = UNET["cross_attention_dim"], 10, 4
    shapes = {
        "image_proj.proj.0.weight": (2 * embedding, embedding), "image_proj.proj.0.bias": (2 * embedding,),
        "image_proj.proj.2.weight": (tokens * width, 2 * embedding), "image_proj.proj.2.bias": (tokens * width,),
        "image_proj.norm.weight": (width,), "image_proj.norm.bias": (width,),
    }
    for i, name in enumerate(REFERENCE.unet.attn_processors):
        if "attn2" in name:
            hidden = BASE["unet"][f"{name.removesuffix('.processor')}.to_q.weight"].shape[0]
            shapes |= {f"ip_adapter.{i}.to_{part}_ip.weight": (hidden, width) for part in "kv"}
    return shapes


def magnitudes(shapes: Shapes) -> Shapes:
    """DoRA keys beside LoRA's."""
    result = dict(shapes)
    for key, (out, _, *kernel) in shapes.items():
        if ".lora_B." in key:
            result[key.replace("lora_B.weight", "lora_magnitude_vector")] = (1, out, 1, 1) if kernel else (out,)
    return result


PEFT = (".lora_A.weight", ".lora_B.weight")
LORAS: dict[str, Shapes] = {
    "kohya": kohya(LINEAR + PROJECTIONS, WORDS),
    "LCM-LoRA": kohya(LINEAR + PROJECTIONS + CONVOLUTIONS + TIME, [], (4,)),
    "original blocks": original_blocks(ORIGINAL),
    "peft": dotted(LINEAR + PROJECTIONS + CONVOLUTIONS[:6], WORDS, PEFT, PEFT),
    "diffusers": dotted(
        LINEAR + PROJECTIONS, WORD_ATTENTION, (".lora.down.weight", ".lora.up.weight"),
        (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    ),
    "diffusers' attention processors": old_attention([m for m in LINEAR if "attn" in m], WORD_ATTENTION),
    "DoRA": magnitudes(dotted(LINEAR[:6] + CONVOLUTIONS[:3], [], PEFT, PEFT)),
    "FaceID": face_lora(3),
}
NOTED = "peft with alphas in the notes"
LORAS[NOTED] = {
    key.replace("text_model.", ""): dims for key, dims in dotted(LINEAR[::3], WORDS[::3], PEFT, PEFT).items()
}
"""With the names that transformers has from version 5 on."""


def notes() -> dict:
    """What diffusers writes into a file's header: peft's LoraConfig per network."""
    config = {}
    for prefix, modules, alpha in (("unet", LINEAR[::3], 6), ("text_encoder", WORDS[::3], 2)):
        own = {
            "r": 4, "lora_alpha": alpha, "alpha_pattern": {modules[0]: 1}, "use_rslora": False,
            "target_modules": modules,
            "rank_pattern": {module: rank for module, rank in ranks(modules) if rank != 4},
        }
        config |= {f"{prefix}.{key}": value for key, value in own.items()}
    return config


MIDDLE = "kohya with a middle"
LORAS[MIDDLE] = {
    key: dims
    for module, outer, inner in (("down_blocks.2.resnets.0.conv2", 3, 3), ("mid_block.resnets.1.conv1", 2, 5))
    for name in [f"lora_unet_{module}".replace(".", "_")]
    for out, inputs, *kernel in [BASE["unet"][f"{module}.weight"].shape]
    for key, dims in {
        f"{name}.lora_down.weight": (inner, inputs, 1, 1), f"{name}.lora_mid.weight": (outer, inner, *kernel),
        f"{name}.lora_up.weight": (out, outer, 1, 1), f"{name}.alpha": (),
    }.items()
}
"""LyCORIS's cp-decomposed convolutions, which diffusers does not read."""
CASES: dict[str, list[tuple[str, float]]] = {
    "kohya": [("kohya", 1.0)],
    "kohya, weaker": [("kohya", 0.35)],
    "LCM-LoRA": [("LCM-LoRA", 1.0)],
    "original blocks": [("original blocks", 0.8)],
    "peft": [("peft", 1.0)],
    NOTED: [(NOTED, 0.9)],
    "diffusers": [("diffusers", 0.6)],
    "diffusers' attention processors": [("diffusers' attention processors", 1.2)],
    "DoRA": [("DoRA", 0.7)],
    "several": [("kohya", 0.7), ("LCM-LoRA", 1.0), ("peft", -0.4)],
    "several, one of them DoRA": [("peft", 0.5), ("DoRA", 0.7)],
    "FaceID with LCM-LoRA": [("LCM-LoRA", 1.0), ("FaceID", 0.65)],
}


def load(pipeline: StableDiffusionPipeline, name: str, adapter: str) -> None:
    """Give one LoRA to the reference as its users do."""
    state = {key: tensor(key, dims, name) for key, dims in LORAS[name].items()}
    if name == "FaceID":
        state |= {key: tensor(key, dims, name) for key, dims in face_rest().items()}
        halves = {"image_proj": {}, "ip_adapter": {}}
        for key, values in state.items():
            part, rest = key.split(".", 1)
            halves[part][rest] = values
        pipeline.load_ip_adapter(halves, subfolder="", weight_name="", image_encoder_folder=None)
        return
    if name == NOTED:
        with tempfile.TemporaryDirectory() as folder:
            save_file(state, f"{folder}/lora.safetensors", {"lora_adapter_metadata": json.dumps(notes())})
            pipeline.load_lora_weights(folder, weight_name="lora.safetensors", adapter_name=adapter)
        return
    config = {"unet_config": pipeline.unet.config} if name == "original blocks" else {}
    if name != MANY_ALPHAS:
        pipeline.load_lora_weights(state, adapter_name=adapter, **config)
        return
    # What load_lora_weights does, with one mend: where alphas differ, diffusers 0.42 loses those of attention layers
    # ("alpha_pattern keys did not match"), because it leaves old names in the pattern. Here they get the modules'.
    state, alphas = pipeline.lora_state_dict(state)
    alphas = {mended_alpha(key): alpha for key, alpha in alphas.items()}
    given = {"network_alphas": alphas, "adapter_name": adapter, "_pipeline": pipeline}
    pipeline.load_lora_into_unet(state, unet=pipeline.unet, **given)
    pipeline.load_lora_into_text_encoder(state, text_encoder=pipeline.text_encoder, **given)


def mended_alpha(key: str) -> str:
    """`….attn1.processor.to_q_lora.down.weight.alpha` by its module's name, as get_peft_kwargs takes it apart."""
    key = key.replace("text_encoder.text_model.", "text_encoder.")
    found = re.fullmatch(r"(.+?)(\.processor)?\.to_(q|k|v|out)_lora\.down\.weight\.alpha", key)
    if found is None:
        return key
    module, _, part = found.groups()
    if key.startswith("unet."):
        return f"{module}.to_{part}.alpha".replace("to_out", "to_out.0")
    return f"{module}.{part}_proj.lora.down.alpha"


def samples(values: torch.Tensor) -> str:
    """Evenly spaced values as base64 of little-endian f32."""
    flat = values.flatten().numpy().astype("<f4")
    places = [i * (len(flat) - 1) // (SAMPLES - 1) for i in range(SAMPLES)]
    return base64.b64encode(flat[places].tobytes()).decode()


def described(values: torch.Tensor) -> dict:
    return {"largest": values.abs().max().item(), "sum": values.double().sum().item(), "values": samples(values)}


def case(title: str, loras: list[tuple[str, float]]) -> dict:
    pipeline = new_pipeline()
    adapters = []
    for i, (name, _) in enumerate(loras):
        adapters.append("faceid_0" if name == "FaceID" else f"lora_{i}")
        load(pipeline, name, adapters[-1])
    # As the recipe for FaceID with another LoRA has it: load_ip_adapter switches the others off.
    pipeline.set_adapters(adapters, [scale for _, scale in loras])
    pipeline.fuse_lora(adapter_names=adapters)
    pipeline.unload_lora_weights()
    changed = {}
    for network, module in (("unet", pipeline.unet), ("textEncoder", pipeline.text_encoder)):
        after = module.state_dict()
        for key, before in BASE[network].items():
            if not torch.equal(before, after[key]):
                changed[f"{network}/{key}"] = described(after[key])
    words = sum(key.startswith("text") for key in changed)
    print(f"{title}: {len(changed) - words} weights of the UNet and {words} of the text encoder changed")
    return {"title": title, "loras": loras, "changed": changed}


def middle_case(scale: float) -> dict:
    """What LoCon's forward does, up(mid(down(x))) · alpha / rank, read off by giving it impulses."""
    changed = {}
    state = {key: tensor(key, dims, MIDDLE) for key, dims in LORAS[MIDDLE].items()}
    for name in dict.fromkeys(key.split(".")[0] for key in state):
        key = next(k for k in BASE["unet"] if f"lora_unet_{k.removesuffix('.weight')}".replace(".", "_") == name)
        base = BASE["unet"][key]
        down, mid, up = (state[f"{name}.lora_{part}.weight"] for part in ("down", "mid", "up"))
        impulses = torch.zeros(base.shape[1], base.shape[1], 5, 5)
        impulses[range(len(impulses)), range(len(impulses)), 2, 2] = 1
        answer = F.conv2d(F.conv2d(F.conv2d(impulses, down), mid, padding=1), up)[:, :, 1:4, 1:4]
        after = base + scale * state[f"{name}.alpha"] / len(down) * answer.flip(2, 3).transpose(0, 1)
        changed[f"unet/{key}"] = described(after)
    return {"title": "kohya with a middle", "loras": [(MIDDLE, scale)], "changed": changed}


def main() -> None:
    torch.set_num_threads(1)
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "peft": peft.__version__}
    with torch.no_grad():
        cases = [case(title, loras) for title, loras in CASES.items()]
        cases.append(middle_case(0.8))
    shapes = {network: {key: list(p.shape) for key, p in state.items()} for network, state in BASE.items()}
    loras = {name: {key: list(dims) for key, dims in keys.items()} for name, keys in LORAS.items()}
    content = {
        "madeWith": versions, "shapes": shapes, "loras": loras, "manyAlphas": MANY_ALPHAS, "faceRest": face_rest(),
        "metadata": {NOTED: notes()}, "cases": cases,
    }
    PATH.write_text(json.dumps(content, separators=(",", ":")).replace('{"title"', '\n{"title"') + "\n")


if __name__ == "__main__":
    main()
