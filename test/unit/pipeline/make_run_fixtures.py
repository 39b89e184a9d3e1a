"""Writes test/fixtures/pipeline/runs.json: whole runs of the tiny test bundle by diffusers' own pipelines.

Run from the repository's root with diffusers 0.42.1, transformers 5.23.0, torch 2.13.0:
`python test/unit/pipeline/make_run_fixtures.py`. Weights are the hash weights of test/fixtures/tiny-bundle.ts; noise is
Philox4x32-10 + Box-Muller as in src/pipeline/random.ts, written here a second time in numpy. The face adapter goes through
`load_ip_adapter`, the picture through `StableDiffusionImg2ImgPipeline`; from pure noise, `StableDiffusionPipeline`.

Timesteps: DDIM takes no list, so it runs the second half of 40 of its own steps (strength 0.5), and all of 8. The others are
given the list that src/pipeline/schedulers/timesteps.ts documents; LCM that of its own `set_timesteps` with a strength.
"""

import base64
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import diffusers
import diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img as img2img_module
import diffusers.schedulers.scheduling_lcm as lcm_module
import numpy as np
import torch
import transformers
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parents[2] / "parity"))
from hash_weights import hash_uniform, hash_weight
from models.starter.autoencoder import AutoencoderNarrow

WIDTH, TOKENS, FACE_TOKENS, EMBEDDING, SIDE = 16, 16, 4, 32, 128
SHAPE = (1, 16, 8, 8)
SEED = 4_000_000_007
PROMPT_IDS = [1, 6, 9, 10, 8, 30, 28, 2] + [0] * 8
NEGATIVE_IDS = [1, 27, 2] + [0] * 13
AUTOENCODER = {
    "in_channels": 3, "out_channels": 3, "base_channels": 4, "latent_channels": 16, "downscale": 16,
    "encoder_widths": [4, 8, 8], "encoder_blocks": [1, 1, 1], "decoder_widths": [8, 8, 4], "decoder_blocks": [1, 1, 1],
    "scaling_factor": 1.0, "shift_factor": 0.0,
}  # fmt: skip

CASES = {
    "LCM, 4 steps": {"kind": "lcm", "steps": 4, "denoise": 0.6, "guidance": 1.0},
    "DDIM, 20 steps, guidance 7.5, negative prompt": {"kind": "ddim", "steps": 20, "denoise": 0.5, "guidance": 7.5},
    "Euler, 6 steps": {"kind": "euler", "steps": 6, "denoise": 0.75, "guidance": 3.0},
    "DPM++ 2M, 10 steps": {"kind": "dpmpp-2m", "steps": 10, "denoise": 0.7, "guidance": 3.0},
    "adapter scale 0": {"kind": "euler", "steps": 6, "denoise": 0.75, "guidance": 3.0, "scale": 0.0},
    "adapter scale 0.5": {"kind": "euler", "steps": 6, "denoise": 0.75, "guidance": 3.0, "scale": 0.5},
    "v-prediction with zero-terminal-SNR, 8 steps, DDIM from pure noise": {
        "kind": "ddim", "steps": 8, "denoise": 1.0, "guidance": 2.0, "v": True,
    },
    "v-prediction with zero-terminal-SNR, 8 steps, Euler from pure noise": {
        "kind": "euler", "steps": 8, "denoise": 1.0, "guidance": 2.0, "v": True,
    },
    "v-prediction with zero-terminal-SNR, 8 steps, DPM++ 2M from pure noise": {
        "kind": "dpmpp-2m", "steps": 8, "denoise": 1.0, "guidance": 2.0, "v": True,
    },
    "v-prediction with zero-terminal-SNR, 8 steps, LCM": {
        "kind": "lcm", "steps": 8, "denoise": 0.8, "guidance": 2.0, "v": True,
    },
}  # fmt: skip


def picture() -> torch.Tensor:
    """[1,3,SIDE,SIDE] in [-1,1]: a formula over 8-bit pixels that the TypeScript test repeats."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rgb = np.stack([(x * 3 + y) % 200 + 20, (x + y * 2) % 150 + 50, 255 - (x * 2 + y * 2) % 230])
    return torch.from_numpy(rgb.astype(np.float32) / 127.5 - 1)[None]


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
    """weightOf in test/fixtures/tiny-bundle.ts, with `loudDenoiser`."""
    value = hash_weight(f"{role}/{name}", dims)
    if name.endswith("colour.weight"):
        value = np.eye(dims[0], dims[1], dtype=np.float32).reshape(dims)
    if name.endswith("colour.bias"):
        value = np.zeros(dims, dtype=np.float32)
    return torch.from_numpy(value * np.float32(0.02) if "head." in name else value)


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
        sample_size=64, in_channels=16, out_channels=16, block_out_channels=(16, 32), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn", attention_head_dim=2, cross_attention_dim=WIDTH, norm_num_groups=4,
    )  # fmt: skip
    state = {name: tuple(p.shape) for name, p in model.state_dict().items()}
    role = {name: "conditioner" if re.search(r"attn2\.to_[kv]", name) else "denoiser" for name in state}
    model.load_state_dict({name: weight(role[name], name, dims) for name, dims in state.items()})
    return model.eval()


def face_adapter(model: UNet2DConditionModel) -> dict[str, dict[str, torch.Tensor]]:
    """A checkpoint as IP-Adapter FaceID publishes it."""
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
    return {
        part: {key: weight("conditioner", f"{part}.{key}", dims) for key, dims in entries.items()}
        for part, entries in adapter.items()
    }


class Autoencoder(diffusers.ModelMixin, diffusers.ConfigMixin):
    """AutoencoderNarrow with the interface of diffusers' AutoencoderTiny."""

    @diffusers.configuration_utils.register_to_config
    def __init__(self, block_out_channels=(1,) * 5, latent_channels=16, scaling_factor=1.0):
        super().__init__()
        self.narrow = AutoencoderNarrow(AUTOENCODER)
        for role, part in (("latentEncoder", self.narrow.encoder), ("latentDecoder", self.narrow.decoder)):
            prefix = role.removeprefix("latent").lower()
            shapes = {name: tuple(p.shape) for name, p in part.state_dict().items()}
            part.load_state_dict({name: weight(role, f"{prefix}.{name}", dims) for name, dims in shapes.items()})

    def encode(self, image):
        return SimpleNamespace(latents=self.narrow.encode(image))


def make_scheduler(kind: str, v: bool):
    common = {
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction" if v else "epsilon", "rescale_betas_zero_snr": v, "steps_offset": 1,
    }  # fmt: skip
    return {
        "ddim": lambda: DDIMScheduler(**common, clip_sample=False, timestep_spacing="trailing"),
        "euler": lambda: EulerDiscreteScheduler(**common, timestep_spacing="trailing"),
        "dpmpp-2m": lambda: DPMSolverMultistepScheduler(**common, timestep_spacing="trailing"),
        "lcm": lambda: LCMScheduler(**common),
    }[kind]()


def timestep_arguments(case: dict, scheduler) -> dict:
    kind, steps, denoise = case["kind"], case["steps"], case["denoise"]
    if kind == "ddim":
        return {"num_inference_steps": round(steps / denoise), "strength": denoise}
    if kind == "lcm":
        scheduler.set_timesteps(steps, strength=denoise)
        return {"timesteps": scheduler.timesteps.tolist(), "strength": 1.0}
    if denoise == 1.0:
        return {"num_inference_steps": steps, "strength": 1.0}
    n = 1000 * denoise
    return {"timesteps": [int(np.round(n * (steps - k) / steps)) - 1 for k in range(steps)], "strength": 1.0}


@torch.no_grad()
def run(case: dict) -> torch.Tensor:
    from_noise = case["denoise"] == 1.0
    text, model = text_encoder(), unet()
    adapter = face_adapter(model)
    cls = StableDiffusionPipeline if from_noise else StableDiffusionImg2ImgPipeline
    pipe = cls(
        vae=Autoencoder().eval(), text_encoder=text, tokenizer=None, unet=model, safety_checker=None,
        scheduler=make_scheduler(case["kind"], case.get("v", False)), feature_extractor=None,
        requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    pipe.load_ip_adapter(adapter, subfolder="", weight_name="", image_encoder_folder=None, low_cpu_mem_usage=False)
    pipe.set_ip_adapter_scale(case.get("scale", 1.0))
    prompt, negative = text(torch.tensor([PROMPT_IDS, NEGATIVE_IDS])).last_hidden_state.split(1)
    face = torch.from_numpy(hash_uniform("run/face", EMBEDDING).astype(np.float32))
    faces = (face / face.norm())[None, None]
    guided = case["guidance"] > 1
    img2img_module.randn_tensor = lambda *args, **kwargs: normals(int(np.prod(SHAPE)), 0).reshape(SHAPE)
    draws = iter(range(1, case["steps"] + 1))
    lcm_module.randn_tensor = lambda *args, **kwargs: normals(int(np.prod(SHAPE)), next(draws)).reshape(SHAPE)
    arguments = timestep_arguments(case, pipe.scheduler)
    if from_noise:
        del arguments["strength"]
        arguments |= {"latents": img2img_module.randn_tensor(), "height": SIDE, "width": SIDE}
    else:
        arguments["image"] = picture()
    return pipe(
        prompt_embeds=prompt, negative_prompt_embeds=negative if guided else None, guidance_scale=case["guidance"],
        ip_adapter_image_embeds=[torch.cat([torch.zeros_like(faces), faces]) if guided else faces],
        output_type="latent", **arguments,
    ).images  # fmt: skip


if __name__ == "__main__":
    runs = []
    for title, case in CASES.items():
        latent = run(case)
        print(title, float(latent.abs().max()))
        data = base64.b64encode(latent.numpy().astype("<f4").tobytes()).decode()
        encoded = {"dims": list(latent.shape), "float32": data}
        runs.append({"title": title, "scale": 1.0, "v": False, **case, "latent": encoded})
    versions = {"torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__}
    path = Path(__file__).parents[2] / "fixtures" / "pipeline" / "runs.json"
    path.write_text(json.dumps({"madeWith": versions, "seed": SEED, "runs": runs}, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)
