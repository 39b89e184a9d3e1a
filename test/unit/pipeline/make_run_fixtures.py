"""Writes test/fixtures/pipeline/runs.json: whole guided sampling runs of the tiny test bundle by transformers and diffusers.

Run from the repository's root with diffusers 0.42.1, transformers 5.23.0, torch 2.13.0:
`python test/unit/pipeline/make_run_fixtures.py`. Weights are the hash weights of test/fixtures/tiny-bundle.ts; noise is
Philox4x32-10 + Box-Muller as in src/pipeline/random.ts, written here a second time in numpy.
"""

import json
import re
import sys
from pathlib import Path

import diffusers
import numpy as np
import torch
import transformers
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.insert(0, str(Path(__file__).parents[2] / "parity"))
from hash_weights import hash_uniform, hash_weight

WIDTH, TOKENS, FACE_TOKENS, EMBEDDING = 16, 16, 4, 32
SHAPE = (1, 16, 8, 8)
SEED, STEPS, GUIDANCE, FACE_SCALE = 4_000_000_007, 4, 2.0, 0.8
PROMPT_IDS = [1, 6, 9, 10, 8, 30, 28, 2] + [0] * 8
NEGATIVE_IDS = [1, 27, 2] + [0] * 13


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """[n,4] u32 counters to [n,4] random u32 (Salmon et al., SC 2011)."""
    c = counter.astype(np.uint64)
    k0, k1 = key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c[:, 0] * np.uint64(0xD2511F53), c[:, 2] * np.uint64(0xCD9E8D57)
        c = np.stack(
            [(p1 >> 32) ^ c[:, 1] ^ np.uint64(k0), p1 & low, (p0 >> 32) ^ c[:, 3] ^ np.uint64(k1), p0 & low], -1
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c.astype(np.uint32)


def normals(count: int, draw: int) -> torch.Tensor:
    blocks = np.zeros((count // 4, 4), dtype=np.uint32)
    blocks[:, 0], blocks[:, 1] = np.arange(count // 4), draw
    u = (philox(blocks, (SEED, 0)).astype(np.float64) + 0.5) / 2**32
    radius, angle = np.sqrt(-2 * np.log(u[:, 0::2])), 2 * np.pi * u[:, 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    return torch.from_numpy(pairs.reshape(-1).astype(np.float32))


def weight(role: str, name: str, dims: tuple[int, ...]) -> torch.Tensor:
    """weightOf in test/fixtures/tiny-bundle.ts."""
    value = hash_weight(f"{role}/{name}", dims)
    return torch.from_numpy(value * np.float32(0.02) if re.search(r"head\.|conv_out\.", name) else value)


def text_encoder() -> CLIPTextModel:
    config = {
        "vocab_size": 41, "hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": TOKENS, "hidden_act": "quick_gelu",
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    model = CLIPTextModel(CLIPTextConfig(**config))
    state = {name: tuple(p.shape) for name, p in model.state_dict().items()}
    model.load_state_dict({name: weight("textEncoder", name, dims) for name, dims in state.items()})
    return model.eval()


def unet() -> UNet2DConditionModel:
    model = UNet2DConditionModel(
        in_channels=16, out_channels=16, block_out_channels=(16, 32), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn", attention_head_dim=2, cross_attention_dim=WIDTH, norm_num_groups=4,
    )  # fmt: skip
    state = {name: tuple(p.shape) for name, p in model.state_dict().items()}
    role = {name: "conditioner" if re.search(r"attn2\.to_[kv]", name) else "denoiser" for name in state}
    model.load_state_dict({name: weight(role[name], name, dims) for name, dims in state.items()})
    adapter = {
        "image_proj": {
            "proj.0.weight": (2 * EMBEDDING, EMBEDDING), "proj.0.bias": (2 * EMBEDDING,),
            "proj.2.weight": (FACE_TOKENS * WIDTH, 2 * EMBEDDING), "proj.2.bias": (FACE_TOKENS * WIDTH,),
            "norm.weight": (WIDTH,), "norm.bias": (WIDTH,),
        },
        "ip_adapter": {},
    }  # fmt: skip
    for i, name in enumerate(model.attn_processors):
        if name.endswith("attn2.processor"):
            hidden = model.get_submodule(name.removesuffix(".processor")).to_q.weight.shape[0]
            adapter["ip_adapter"] |= {f"{i}.to_k_ip.weight": (hidden, WIDTH), f"{i}.to_v_ip.weight": (hidden, WIDTH)}
    halves = {
        part: {key: weight("conditioner", f"{part}.{key}", dims) for key, dims in entries.items()}
        for part, entries in adapter.items()
    }
    model._load_ip_adapter_weights([halves], low_cpu_mem_usage=False)
    for name in model.attn_processors:
        if name.endswith("attn2.processor"):
            model.get_submodule(name.removesuffix(".processor")).processor.scale = [FACE_SCALE]
    return model.eval()


@torch.no_grad()
def run(kind: str, text: CLIPTextModel, model: UNet2DConditionModel) -> torch.Tensor:
    common = {
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
    }  # fmt: skip
    scheduler = {
        "ddim": lambda: DDIMScheduler(**common, clip_sample=False),
        "euler": lambda: EulerDiscreteScheduler(**common),
        "dpmpp-2m": lambda: DPMSolverMultistepScheduler(**common),
    }[kind]()
    states = text(torch.tensor([PROMPT_IDS, NEGATIVE_IDS])).last_hidden_state
    face = torch.from_numpy(hash_uniform("run/face", EMBEDDING).astype(np.float32))
    faces = torch.stack([face / face.norm(), torch.zeros(EMBEDDING)])
    scheduler.set_timesteps(STEPS)
    x = normals(int(np.prod(SHAPE)), 0).reshape(SHAPE) * float(scheduler.init_noise_sigma)
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t)
        added = {"image_embeds": [faces[:, None, :]]}
        out = model(torch.cat([scaled, scaled]), t, encoder_hidden_states=states, added_cond_kwargs=added).sample
        conditional, unconditional = out.chunk(2)
        x = scheduler.step(unconditional + GUIDANCE * (conditional - unconditional), t, x).prev_sample
    return x


if __name__ == "__main__":
    text, model = text_encoder(), unet()
    fixture = {
        "madeWith": {
            "torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__,
        },
        "seed": SEED, "steps": STEPS, "guidanceScale": GUIDANCE, "faceScale": FACE_SCALE,
        "promptIds": PROMPT_IDS, "negativeIds": NEGATIVE_IDS,
        "runs": {
            kind: [float(f"{v:.6g}") for v in run(kind, text, model).flatten().tolist()]
            for kind in ("ddim", "euler", "dpmpp-2m")
        },
    }  # fmt: skip
    path = Path(__file__).parents[2] / "fixtures" / "pipeline" / "runs.json"
    path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, np.std(fixture["runs"]["ddim"]))
