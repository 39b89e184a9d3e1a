"""Writes test/fixtures/pipeline/schedulers.json: whole sampling loops by the reference implementation.

Run with diffusers 0.42.1, torch 2.13.0 and numpy: `python test/unit/pipeline/make_scheduler_fixtures.py`.

The "denoiser" is a formula (MODEL below) that the TypeScript test repeats, so that only final samples are stored. Where
diffusers takes the timesteps (its own `trailing` spacing, or a list passed in), its scheduler makes the loop
(source "diffusers"); DDIM with other timesteps, which diffusers cannot do, follows formula 12 of arXiv:2010.02502 in
numpy, and Euler from sigma 4096, where the reference's float32 is coarse, is repeated in double precision (source "numpy").
"""

import json
from pathlib import Path

import diffusers
import diffusers.schedulers.scheduling_lcm as lcm_module
import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler

SIZE = 24
BETAS = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def noise(draw: int) -> torch.Tensor:
    """Any fixed numbers of noise-like size; position i of draw d."""
    i = np.arange(SIZE, dtype=np.float64)
    return torch.from_numpy((1.6 * np.sin(12.9898 * (i + 1) + 78.233 * (draw + 1))).astype(np.float32))


def model(x: torch.Tensor, t: float) -> torch.Tensor:
    """MODEL: mixes neighbours and depends on t, in float32 as a network would."""
    i = np.arange(SIZE, dtype=np.float64)
    wave = torch.from_numpy(np.cos(0.01 * t + i).astype(np.float32))
    return 0.6 * x - 0.3 * torch.roll(x, 1) + 0.25 * wave


def make(kind: str, prediction: str, zero_snr: bool, alpha_to_one: bool):
    common = {**BETAS, "prediction_type": prediction, "rescale_betas_zero_snr": zero_snr}
    last = "zero" if alpha_to_one else "sigma_min"
    if kind == "ddim":
        return DDIMScheduler(
            **common, clip_sample=False, set_alpha_to_one=alpha_to_one, timestep_spacing="trailing", steps_offset=1
        )
    if kind == "lcm":
        return LCMScheduler(**common)
    if kind == "euler":
        return EulerDiscreteScheduler(**common, timestep_spacing="trailing", final_sigmas_type=last)
    return DPMSolverMultistepScheduler(**common, timestep_spacing="trailing", final_sigmas_type=last)


def run(kind: str, scheduler, timesteps: list[int] | None, steps: int, strength: float) -> dict:
    if kind == "lcm" and timesteps is None:
        scheduler.set_timesteps(steps, strength=strength)
    elif timesteps is not None:
        scheduler.set_timesteps(timesteps=timesteps)
    else:
        scheduler.set_timesteps(steps)
    latent = 0.5 * noise(100)
    if strength == 1.0 and timesteps is None:
        x = noise(0) * float(scheduler.init_noise_sigma)
    elif kind in ("euler", "dpmpp-2m"):
        scheduler.set_begin_index(0)
        x = scheduler.add_noise(latent, noise(0), scheduler.timesteps[:1])
    else:
        x = scheduler.add_noise(latent, noise(0), torch.tensor([int(scheduler.timesteps[0])]))
    draws = iter(range(1, steps + 1))
    lcm_module.randn_tensor = lambda *args, **kwargs: noise(next(draws))
    for t in scheduler.timesteps:
        x = scheduler.step(model(scheduler.scale_model_input(x, t), float(t)), t, x).prev_sample
    return {"timesteps": [float(t) for t in scheduler.timesteps], "final": [float(v) for v in x]}


def run_ddim_in_numpy(scheduler, timesteps: list[int], prediction: str, from_noise: bool) -> dict:
    alphas = scheduler.alphas_cumprod.double().numpy()
    last = float(scheduler.final_alpha_cumprod)
    e, z = noise(0).double().numpy(), 0.5 * noise(100).double().numpy()
    first = alphas[timesteps[0]]
    x = e if from_noise else np.sqrt(first) * z + np.sqrt(1 - first) * e
    for t, t_prev in zip(timesteps, [*timesteps[1:], -1], strict=True):
        a, p = alphas[t], alphas[t_prev] if t_prev >= 0 else last
        out = model(torch.from_numpy(x).float(), t).double().numpy()
        if prediction == "epsilon":
            clean, eps = (x - np.sqrt(1 - a) * out) / np.sqrt(a), out
        else:
            clean, eps = np.sqrt(a) * x - np.sqrt(1 - a) * out, np.sqrt(a) * out + np.sqrt(1 - a) * x
        x = np.sqrt(p) * clean + np.sqrt(1 - p) * eps
    return {"timesteps": [float(t) for t in timesteps], "final": [float(v) for v in np.float32(x)]}


def run_euler_in_numpy(scheduler, steps: int) -> dict:
    """The reference's own sigmas, but in double precision: at sigma 4096 its float32 loses four digits."""
    scheduler.set_timesteps(steps)
    sigmas = scheduler.sigmas.double().numpy()
    x = noise(0).double().numpy() * sigmas[0]
    for t, sigma, sigma_next in zip(scheduler.timesteps.tolist(), sigmas[:-1], sigmas[1:], strict=True):
        out = model(torch.from_numpy(x / np.sqrt(sigma**2 + 1)).float(), t).double().numpy()
        clean = x / (sigma**2 + 1) - out * sigma / np.sqrt(sigma**2 + 1)
        x = x + (x - clean) / sigma * (sigma_next - sigma)
    return {"timesteps": scheduler.timesteps.tolist(), "final": [float(v) for v in np.float32(x)]}


def part_of_schedule(steps: int, denoise: float) -> list[int]:
    n = max(round(1000 * denoise), steps)
    return [int(np.round(n * (steps - k) / steps)) - 1 for k in range(steps)]


def cases():
    for prediction, zero_snr in (("epsilon", False), ("v_prediction", False), ("v_prediction", True)):
        for alpha_to_one in (True, False):
            base = {"prediction": prediction, "zeroTerminalSnr": zero_snr, "setAlphaToOne": alpha_to_one}
            for kind in ("ddim", "lcm", "euler", "dpmpp-2m"):
                if kind == "lcm" and not alpha_to_one:
                    continue
                # DDIM derives t_prev from N; where 1000/N is whole, that is the next timestep of the list.
                for steps in (1, 4, 8, 20, 25):
                    scheduler = make(kind, prediction, zero_snr, alpha_to_one)
                    if kind == "dpmpp-2m" and not alpha_to_one and steps >= 15:
                        continue  # the reference keeps order 2 in the last step there; ours is always of order 1
                    result = run(kind, scheduler, None, steps, 1.0)
                    yield {"kind": kind, **base, "steps": steps, "denoise": 1.0, "source": "diffusers", **result}
                    if kind == "euler" and zero_snr:
                        result = run_euler_in_numpy(make(kind, prediction, zero_snr, alpha_to_one), steps)
                        yield {"kind": kind, **base, "steps": steps, "denoise": 1.0, "source": "numpy", **result}
                for steps, denoise in ((4, 0.5), (6, 0.865), (12, 0.28)):
                    scheduler = make(kind, prediction, zero_snr, alpha_to_one)
                    timesteps = part_of_schedule(steps, denoise)
                    case = {"kind": kind, **base, "steps": steps, "denoise": denoise}
                    if kind == "ddim":
                        result = run_ddim_in_numpy(scheduler, timesteps, prediction, False)
                        yield {**case, "source": "numpy", **result}
                    elif kind == "lcm":
                        yield {**case, "source": "diffusers", **run(kind, scheduler, None, steps, denoise)}
                    else:
                        yield {**case, "source": "diffusers", **run(kind, scheduler, timesteps, steps, denoise)}
                if kind == "ddim":
                    for steps in (6, 7):
                        scheduler = make(kind, prediction, zero_snr, alpha_to_one)
                        result = run_ddim_in_numpy(scheduler, part_of_schedule(steps, 1.0), prediction, True)
                        yield {"kind": kind, **base, "steps": steps, "denoise": 1.0, "source": "numpy", **result}


def trailing(steps: int) -> list[int]:
    scheduler = make("ddim", "epsilon", False, True)
    scheduler.set_timesteps(steps)
    return scheduler.timesteps.tolist()


def lcm_grid(steps: int, strength: float) -> list[int]:
    scheduler = make("lcm", "epsilon", False, True)
    scheduler.set_timesteps(steps, strength=strength)
    return scheduler.timesteps.tolist()


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    picked = [0, 1, 19, 499, 980, 998, 999]
    fixture = {
        "madeWith": {"diffusers": diffusers.__version__, "torch": torch.__version__, "numpy": np.__version__},
        "alphaBars": {
            name: [[t, float(make("ddim", "v_prediction", zero_snr, True).alphas_cumprod[t])] for t in picked]
            for name, zero_snr in (("plain", False), ("zeroTerminalSnr", True))
        },
        "trailing": {str(steps): trailing(steps) for steps in range(1, 51)},
        "lcmGrid": [
            {"steps": steps, "denoise": strength, "timesteps": lcm_grid(steps, strength)}
            for steps in (1, 2, 3, 4, 6, 8, 12)
            for strength in (0.3, 0.5, 0.6, 0.75, 0.865, 1.0)
        ],
        "loops": list(cases()),
    }
    path = Path(__file__).parents[2] / "fixtures" / "pipeline" / "schedulers.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rounded(fixture), separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, len(fixture["loops"]))
