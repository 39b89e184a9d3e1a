"""Reading and writing the shipped folder `models/checkpoints/starter` (diffusers' layout, f16 weights).

unet/ · text_encoder/ · tokenizer/ · vae/ · face_adapter/ · scheduler/ · starter.json; face_encoder/ and face_detector/
lie beside them and are not touched here, but the adapter is bound to the SHA-256 of face_encoder/model.onnx.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from models.starter.denoiser import EMBEDDING, FACE_TOKENS, STEPS, TEXT_WIDTH, Denoiser
from models.starter.tokenizer import load_tokenizer

FOLDER = Path("models/checkpoints/starter")
PROCESSOR = ".processor."

SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": STEPS,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": True,
    "steps_offset": 0,
}


def write_json(path: Path, value: object) -> None:
    """Indented JSON with a final newline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_weights(path: Path, state: dict[str, Tensor]) -> None:
    """Weights as f16 safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().half().contiguous() for k, v in state.items()}, path, metadata={"format": "pt"})


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def adapter_state(model: Denoiser) -> dict[str, Tensor]:
    """Weights of the face adapter under IP-Adapter FaceID's names."""
    state = {f"image_proj.{k}": v for k, v in model.image_proj.state_dict().items()}
    for number, processor in model.face_attentions().items():
        state |= {f"ip_adapter.{number}.{k}": v for k, v in processor.state_dict().items()}
    return state


def save_denoiser(model: Denoiser, tokenizer: Tokenizer, folder: Path = FOLDER) -> None:
    """Write unet, text_encoder, tokenizer, face_adapter and scheduler."""
    config = {k: v for k, v in model.unet.config.items() if not k.startswith("_")}
    write_json(folder / "unet/config.json", {"_class_name": "UNet2DConditionModel", **config})
    unet = {k: v for k, v in model.unet.state_dict().items() if PROCESSOR not in k}
    write_weights(folder / "unet/diffusion_pytorch_model.safetensors", unet)
    text = model.text_encoder.config.to_diff_dict() | {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
    }
    for key in (
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "hidden_act",
        "max_position_embeddings",
        "vocab_size",
        "layer_norm_eps",
        "pad_token_id",
        "bos_token_id",
        "eos_token_id",
    ):
        text[key] = getattr(model.text_encoder.config, key)
    write_json(folder / "text_encoder/config.json", text | {"dtype": "float16"})
    write_weights(folder / "text_encoder/model.safetensors", model.text_encoder.state_dict())
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer/tokenizer.json"))
    encoder = folder / "face_encoder/model.onnx"
    if not encoder.exists():
        raise FileNotFoundError(f"{encoder} is missing: the adapter must name the face encoder it was trained with.")
    adapter = {"embedding": EMBEDDING, "tokens": FACE_TOKENS, "cross_attention_dim": TEXT_WIDTH}
    write_json(folder / "face_adapter/config.json", adapter | {"trained_with": file_hash(encoder)})
    write_weights(folder / "face_adapter/model.safetensors", adapter_state(model))
    write_json(folder / "scheduler/scheduler_config.json", SCHEDULER)


def load_denoiser(folder: Path = FOLDER) -> tuple[Denoiser, Tokenizer]:
    """Read what `save_denoiser` wrote; weights become f32.

    Raises ValueError when the adapter was trained with another face encoder than the folder holds.
    """
    adapter = json.loads((folder / "face_adapter/config.json").read_text())
    if adapter["trained_with"] != file_hash(folder / "face_encoder/model.onnx"):
        raise ValueError(
            "The face adapter was trained with another face encoder: train it again or restore the encoder."
        )
    tokenizer = load_tokenizer(folder / "tokenizer")
    unet_config = json.loads((folder / "unet/config.json").read_text())
    text = load_file(folder / "text_encoder/model.safetensors")
    model = Denoiser(
        len(text["embeddings.token_embedding.weight"]), {k: v for k, v in unet_config.items() if k[0] != "_"}
    )
    state = {f"text_encoder.{k}": v for k, v in text.items()}
    state |= {f"unet.{k}": v for k, v in load_file(folder / "unet/diffusion_pytorch_model.safetensors").items()}
    names = {p: n for n, p in model.unet.named_modules()}
    places = {number: names[p] for number, p in model.face_attentions().items()}
    for key, value in load_file(folder / "face_adapter/model.safetensors").items():
        if key.startswith("ip_adapter."):
            _, number, rest = key.split(".", 2)
            key = f"unet.{places[number]}.{rest}"
        state[key] = value
    model.load_state_dict({k: v.float() for k, v in state.items()})
    return model.eval(), tokenizer


def read_state(path: Path) -> dict:
    """A training state that a training command left."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: train first.")
    return torch.load(path)
