"""Give a trained denoiser one more layer per block without changing what it computes: `python -m models.train.grow`.

Function-preserving growth in depth (Net2DeeperNet, Chen et al. 2016, arXiv:1511.05641). Every new residual block starts
as the identity (second convolution 0, shortcut [I, 0] over [features, skip]) and so does every new transformer (output
projection 0). On the way down the new layer comes last, so the skip that it adds equals the one before it; on the way
up it stands second, where that skip arrives.
"""

import argparse
import re

import torch
from torch import Tensor

from models.starter.checkpoint import FOLDER, load_denoiser, save_denoiser
from models.starter.denoiser import UNET_CONFIG, Denoiser

PLACE = re.compile(r"unet\.(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)")


def grown_state(old: dict[str, Tensor], fresh: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """State dict of a network with `layers` + 1 layers per block that computes what `old` with `layers` computes.

    fresh: the larger network's own initial state.
    """
    state = {}
    for name, start in fresh.items():
        match = PLACE.fullmatch(name)
        if match is None:
            state[name] = old[name]
            continue
        way, block, kind, layer, rest = match[1], match[2], match[3], int(match[4]), match[5]
        if layer != layers:
            before = layer - (layer > layers)
            state[name] = old[f"unet.{way}_blocks.{block}.{kind}.{before}.{rest}"]
        elif rest.startswith(("conv2.", "proj_out.")) or rest == "conv_shortcut.bias":
            state[name] = torch.zeros_like(start)
        elif rest == "conv_shortcut.weight":
            state[name] = torch.eye(*start.shape[:2]).view_as(start)
        else:
            state[name] = start
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    small, tokenizer = load_denoiser(FOLDER)
    layers = small.unet.config.layers_per_block
    large = Denoiser(tokenizer.get_vocab_size(), UNET_CONFIG | {"layers_per_block": layers + 1})
    large.load_state_dict(grown_state(small.state_dict(), large.state_dict(), layers))
    save_denoiser(large.eval(), tokenizer)
    print(f"{layers} → {layers + 1} layers per block, {sum(p.numel() for p in large.unet.parameters()) / 1e6:.2f} M")


if __name__ == "__main__":
    main()
