"""Writes test/fixtures/pipeline/schedulers.json: whole sampling loops by the reference implementation.

Run with diffusers 0.42.1, torch 2.13.0 and numpy: `python test/unit/pipeline/make_scheduler_fixtures.py`.

The "denoiser" is a formula (MODEL below) that the TypeScript test repeats, so that only final samples are stored. Where
diffusers takes the timesteps (its own `trailing` spacing, or a list passed in), its scheduler makes the loop (source
"diffusers"); other lists follow the papers in numpy in double precision (source "numpy"), and so does, a second time, Euler
from sigma 4096, where the reference's float32 samples lose four digits.
"""

import json
from pathlib import Path

import diffusers
import diffusers.schedulers.scheduling_lcm as lcm_module
import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, LCMScheduler

SIZE = 24
UNEVEN = [963, 701, 520, 333, 90, 2]
# DPM++ divides by differences of log sigma: neighbours in float32 are worth 2e-5 (701, 700), here and in the reference.
CLOSE = [963, 701, 690, 333, 90, 2]
FRACTIONAL = [941.75, 620.5, 333.125, 99.9, 4.25]
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


def run(kind: str, scheduler, timesteps: list[float] | None, steps: int, strength: float) -> dict:
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


class Levels:
    """Noise levels in double precision from the reference's own float32 table; between timesteps linear in sigma."""

    def __init__(self, kind: str, prediction: str, zero_snr: bool, alpha_to_one: bool) -> None:
        scheduler = make("ddim", prediction, zero_snr, alpha_to_one)
        self.table = scheduler.alphas_cumprod.double().numpy()
        self.last = float(scheduler.final_alpha_cumprod)
        finite = self.table.copy()
        if zero_snr:
            finite[-1] = 2**-24  # as the reference's Euler and DPM++ do
        self.sigmas = np.sqrt((1 - finite) / finite)
        self.by_sigma = kind in ("euler", "dpmpp-2m")

    def sigma(self, t: float) -> float:
        if t == -1:
            return np.sqrt((1 - self.last) / self.last)
        return float(np.interp(t, np.arange(len(self.sigmas)), self.sigmas))

    def alpha_bar(self, t: float) -> float:
        if t == -1:
            return self.last
        if float(t).is_integer() and not self.by_sigma:
            return self.table[int(t)]
        return 1 / (1 + self.sigma(t) ** 2)


def run_in_numpy(kind: str, levels: Levels, timesteps: list[float], prediction: str, from_noise: bool) -> dict:
    """The maths of each method in double precision; only the model is float32, as a network is."""
    e, z = noise(0).double().numpy(), 0.5 * noise(100).double().numpy()
    exploding = kind == "euler"
    a, s = levels.alpha_bar(timesteps[0]), levels.sigma(timesteps[0])
    if exploding:
        x = s * e if from_noise else z + s * e
    else:
        x = e if from_noise else np.sqrt(a) * z + np.sqrt(1 - a) * e
    remembered = None
    for k, (t, t_prev) in enumerate(zip(timesteps, [*timesteps[1:], -1], strict=True)):
        a, p, s, s_prev = levels.alpha_bar(t), levels.alpha_bar(t_prev), levels.sigma(t), levels.sigma(t_prev)
        scaled = x / np.sqrt(s**2 + 1) if exploding else x
        out = model(torch.from_numpy(scaled).float(), t).double().numpy()
        if exploding:
            clean = x - s * out if prediction == "epsilon" else x / (s**2 + 1) - out * s / np.sqrt(s**2 + 1)
            x = x + (x - clean) / s * (s_prev - s)
            continue
        if prediction == "epsilon":
            clean, eps = (x - np.sqrt(1 - a) * out) / np.sqrt(a), out
        else:
            clean, eps = np.sqrt(a) * x - np.sqrt(1 - a) * out, np.sqrt(a) * out + np.sqrt(1 - a) * x
        if kind == "ddim":  # formula 12 of arXiv:2010.02502
            x = np.sqrt(p) * clean + np.sqrt(1 - p) * eps
        elif kind == "lcm":  # arXiv:2310.04378
            scaled_t = t * 10
            skip, through = 0.25 / (scaled_t**2 + 0.25), scaled_t / np.sqrt(scaled_t**2 + 0.25)
            x = through * clean + skip * x
            if t_prev != -1:
                x = np.sqrt(p) * x + np.sqrt(1 - p) * noise(k + 1).double().numpy()
        else:  # algorithm 2 of arXiv:2211.01095; first and last step of order 1
            ratio = s_prev / s  # exp(-h)
            correction = 0
            if remembered is not None and t_prev != -1:
                r = (np.log(remembered[1]) - np.log(s)) / -np.log(ratio)
                correction = (clean - remembered[0]) / (2 * r)
            x = np.sqrt(1 - p) / np.sqrt(1 - a) * x - np.sqrt(p) * (ratio - 1) * (clean + correction)
            remembered = (clean, s)
    return {"timesteps": [float(t) for t in timesteps], "final": [float(v) for v in np.float32(x)]}


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
                yield from cases_of(kind, base, Levels(kind, prediction, zero_snr, alpha_to_one))


def cases_of(kind: str, base: dict, levels: Levels):
    prediction, zero_snr, alpha_to_one = base.values()

    def by_diffusers(steps: int, denoise: float, timesteps: list[float] | None = None) -> dict:
        result = run(kind, make(kind, prediction, zero_snr, alpha_to_one), timesteps, steps, denoise)
        return {"kind": kind, **base, "steps": steps, "denoise": denoise, "source": "diffusers", "givenList": False, **result}

    def by_numpy(timesteps: list[float], denoise: float) -> dict:
        result = run_in_numpy(kind, levels, timesteps, prediction, denoise == 1.0)
        return {"kind": kind, **base, "steps": len(timesteps), "denoise": denoise, "source": "numpy", "givenList": False, **result}

    # DDIM derives t_prev from N; where 1000/N is whole, that is the next timestep of the list.
    for steps in (1, 4, 8, 20, 25):
        if kind == "dpmpp-2m" and not alpha_to_one and steps >= 15:
            continue  # the reference keeps order 2 in the last step there; ours is always of order 1
        yield by_diffusers(steps, 1.0)
        if kind == "euler" and zero_snr:
            yield by_numpy(part_of_schedule(steps, 1.0), 1.0)
    for steps, denoise in ((4, 0.5), (6, 0.865), (12, 0.28)):
        timesteps = part_of_schedule(steps, denoise)
        if kind == "ddim":
            yield by_numpy(timesteps, denoise)
        else:
            yield by_diffusers(steps, denoise, None if kind == "lcm" else timesteps)
    if kind == "ddim":
        for steps in (6, 7):
            yield by_numpy(part_of_schedule(steps, 1.0), 1.0)
    # Lists of one's own; the reference takes whole ones (not in DDIM), and fractional ones in Euler alone.
    uneven = by_numpy(UNEVEN, 0.0) if kind == "ddim" else by_diffusers(len(UNEVEN), 0.0, UNEVEN)
    between = by_diffusers(len(FRACTIONAL), 0.0, FRACTIONAL) if kind == "euler" else by_numpy(FRACTIONAL, 0.0)
    for case in (uneven, between, by_numpy(CLOSE, 0.0), by_numpy([998.5, *FRACTIONAL], 1.0)):
        yield {**case, "givenList": True}


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
