"""Muon for the matrices inside the network, AdamW for everything else.

Muon (Jordan et al. 2024, github.com/KellerJordan/Muon) replaces the momentum of a weight matrix by its nearest
orthogonal matrix, found by five Newton-Schulz steps; updates are scaled to AdamW's size as in Liu et al. 2025
(arXiv:2502.16982), 0.2·√max(rows, columns), so that both share one learning rate.
"""

import torch
from torch import Tensor


def orthogonalise(batch: Tensor, steps: int = 5) -> Tensor:
    """Nearest (semi-)orthogonal matrices to `[n,rows,columns]`, roughly: singular values land in about 0.7…1.2."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = batch.to(torch.bfloat16)
    if tall := x.shape[1] > x.shape[2]:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * s @ s) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; parameters with more than two axes count as `[first, rest]`."""

    def __init__(self, params, lr: float = 1e-3, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            alike: dict[tuple, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    alike.setdefault((p.shape[0], p[0].numel()), []).append(p)
            for (rows, columns), params in alike.items():
                updates = []
                for p in params:
                    momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    momentum.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(momentum, group["momentum"]).reshape(rows, columns))
                size = 0.2 * max(rows, columns) ** 0.5 * group["lr"]
                for p, update in zip(params, orthogonalise(torch.stack(updates)), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update.view(p.shape), alpha=-size)
