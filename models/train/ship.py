"""Write the denoiser's running average into models/checkpoints/starter: `python -m models.train.ship`.

Training writes it at its end as well; this takes it out of the last training state while training goes on.
"""

import torch

from models.starter.checkpoint import save_denoiser
from models.starter.denoiser import Denoiser
from models.train.denoiser import STATE, starter_tokenizer
from models.train.starter_card import main as write_card


def main() -> None:
    """Load the state's averaged weights and save them in the shipped layout."""
    tokenizer = starter_tokenizer()
    model = Denoiser(tokenizer.get_vocab_size())
    state = torch.load(STATE)
    model.load_state_dict(state["average"])
    save_denoiser(model.eval(), tokenizer)
    write_card()
    print(f"{state['seen']} samples, {state['spent']:.0f} minutes")


if __name__ == "__main__":
    main()
