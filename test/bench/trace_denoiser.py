"""Traces the starter's denoiser with its face adapter by torch.onnx: what the built graph is compared with.

Run from the repository's root with torch 2.13.0, diffusers 0.42.1, onnx 1.23.2, onnxscript 0.7.2:
`python test/bench/trace_denoiser.py OUT`. Writes two f32 models with static shapes and hash weights
(test/parity/hash_weights.py), external data beside each:

- `plain.onnx`: the UNet as diffusers has it: text states and face embedding go in, keys and values are made in every step;
- `keys-values.onnx`: keys and values of every cross-attention layer are inputs of their own, as our denoiser's are.
"""

import argparse
import json
import sys
from pathlib import Path

import onnx
import onnxscript
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel

sys.path.insert(0, str(Path(__file__).parents[1] / "parity"))
from hash_weights import hash_input, hash_weight

ROOT = Path(__file__).parents[2]
SIZE, TOKENS, FACE_TOKENS, EMBEDDING, FACE_SCALE, TIMESTEP = 16, 32, 8, 512, 1.0, 500.0


def fill(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(hash_weight(name, dims)) for name, dims in shapes.items()}


def adapter_shapes(unet: UNet2DConditionModel) -> dict[str, tuple[int, ...]]:
    width = unet.config.cross_attention_dim
    shapes = {
        "image_proj.proj.0.weight": (2 * EMBEDDING, EMBEDDING),
        "image_proj.proj.0.bias": (2 * EMBEDDING,),
        "image_proj.proj.2.weight": (FACE_TOKENS * width, 2 * EMBEDDING),
        "image_proj.proj.2.bias": (FACE_TOKENS * width,),
        "image_proj.norm.weight": (width,),
        "image_proj.norm.bias": (width,),
    }
    for i, name in enumerate(unet.attn_processors):
        if name.endswith("attn2.processor"):
            hidden = unet.get_submodule(name.removesuffix(".processor")).to_q.weight.shape[0]
            shapes |= {f"ip_adapter.{i}.{part}.weight": (hidden, width) for part in ("to_k_ip", "to_v_ip")}
    return shapes


def load_unet() -> UNet2DConditionModel:
    config = json.loads((ROOT / "models/checkpoints/starter/unet/config.json").read_text())
    unet = UNet2DConditionModel.from_config(config)
    unet.load_state_dict(fill({name: tuple(p.shape) for name, p in unet.state_dict().items()}))
    halves = {"image_proj": {}, "ip_adapter": {}}
    for name, value in fill(adapter_shapes(unet)).items():
        part, key = name.split(".", 1)
        halves[part][key] = value
    unet._load_ip_adapter_weights([halves], low_cpu_mem_usage=False)
    for attention in cross_attentions(unet):
        attention.processor.scale = [FACE_SCALE]
    return unet.eval()


def cross_attentions(unet: UNet2DConditionModel) -> list[torch.nn.Module]:
    names = [name.removesuffix(".processor") for name in unet.attn_processors if "attn2" in name]
    return [unet.get_submodule(name) for name in names]


class Plain(torch.nn.Module):
    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, text, face):
        added = {"image_embeds": [face[:, None, :]]}
        return self.unet(sample, timestep, encoder_hidden_states=text, added_cond_kwargs=added, return_dict=False)[0]


class GivenKeysValues:
    """Attention processor: q from the hidden states; text and face keys and values from outside."""

    def __init__(self) -> None:
        self.given: list[torch.Tensor] = []

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None, **_):
        def split(x: torch.Tensor) -> torch.Tensor:
            return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        def attend(key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
            return F.scaled_dot_product_attention(query, split(key), split(value)).transpose(1, 2).flatten(2)

        query = split(attn.to_q(hidden_states))
        text_key, text_value, face_key, face_value = self.given
        return attn.to_out[0](attend(text_key, text_value) + attend(face_key, face_value))


class KeysValues(torch.nn.Module):
    """As `Plain`, but keys and values come in: four tensors per cross-attention layer."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.unet = unet
        self.processors = []
        for attention in cross_attentions(unet):
            attention.set_processor(GivenKeysValues())
            attention.to_k = attention.to_v = None
            self.processors.append(attention.processor)
        unet.encoder_hid_proj = None
        unet.config.encoder_hid_dim_type = None

    def forward(self, sample, timestep, keys_values: list[torch.Tensor]):
        for i, processor in enumerate(self.processors):
            processor.given = keys_values[4 * i : 4 * i + 4]
        states = torch.zeros(1, 1, 1)
        return self.unet(sample, timestep, encoder_hidden_states=states, return_dict=False)[0]


@torch.no_grad()
def keys_values(unet: UNet2DConditionModel, text: torch.Tensor, face: torch.Tensor) -> list[torch.Tensor]:
    tokens = unet.encoder_hid_proj.image_projection_layers[0](face)
    made = []
    for attention in cross_attentions(unet):
        processor = attention.processor
        made += [attention.to_k(text), attention.to_v(text)]
        made += [processor.to_k_ip[0](tokens), processor.to_v_ip[0](tokens) * FACE_SCALE]
    return made


def export(model: torch.nn.Module, args: tuple, names: list[str], path: Path, expected: torch.Tensor) -> None:
    with torch.no_grad():
        assert torch.allclose(model(*args), expected, atol=1e-5)
        program = torch.onnx.export(model, args, dynamo=True, input_names=names, output_names=["out_sample"])
    program.save(path, external_data=True)
    proto = onnx.load(path, load_external_data=False)
    print(path.name, "opset", proto.opset_import[0].version, "nodes", len(proto.graph.node))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    unet = load_unet()
    channels, width = unet.config.in_channels, unet.config.cross_attention_dim
    sample = torch.from_numpy(hash_input("sample", (1, channels, SIZE, SIZE)))
    text = torch.from_numpy(hash_input("text", (1, TOKENS, width)))
    face = torch.from_numpy(hash_input("face", (1, EMBEDDING)))
    timestep = torch.tensor([TIMESTEP])
    given = keys_values(unet, text, face)
    with torch.no_grad():
        expected = Plain(unet)(sample, timestep, text, face)
    plain_names = ["sample", "timestep", "text", "face"]
    export(Plain(unet), (sample, timestep, text, face), plain_names, out / "plain.onnx", expected)
    parts = ("text_key", "text_value", "face_key", "face_value")
    names = [f"{part}_{i}" for i in range(len(given) // 4) for part in parts]
    model = KeysValues(unet)
    export(model, (sample, timestep, given), ["sample", "timestep", *names], out / "keys-values.onnx", expected)
    versions = {"torch": torch.__version__, "onnx": onnx.__version__, "onnxscript": onnxscript.__version__}
    shapes = {name: list(value.shape) for name, value in zip(names, given, strict=True)}
    (out / "traced.json").write_text(json.dumps({"madeWith": versions, "keysValues": shapes}) + "\n")


if __name__ == "__main__":
    main()
