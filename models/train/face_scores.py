"""How well embeddings tell people apart."""

import torch
from torch import Tensor


def area_under_curve(positive: Tensor, negative: Tensor) -> float:
    """Chance that a positive score is above a negative one (ties count half): the Mann-Whitney statistic."""
    order = torch.cat([positive, negative]).argsort()
    rank = torch.empty_like(order, dtype=torch.double)
    rank[order] = torch.arange(1, len(order) + 1, dtype=torch.double)
    n, m = len(positive), len(negative)
    return float((rank[:n].sum() - n * (n + 1) / 2) / (n * m))


def same_person_auc(embedding: Tensor, person: Tensor) -> float:
    """Area under the curve of cosine, pairs of one person against pairs of two. ``embedding [N, d]`` of length 1."""
    cosine = embedding @ embedding.T
    same = person[:, None] == person[None]
    upper = torch.ones_like(same).triu(1)
    return area_under_curve(cosine[same & upper], cosine[~same & upper])


def identification(embedding: Tensor, person: Tensor, among: int) -> float:
    """Rank-1 rate: the first picture of each person enrols, the others look for their person among ``among``.

    People are taken in consecutive groups of ``among``; an incomplete last group is left out unless it is the only one.
    """
    people = torch.unique(person)
    groups = [g for g in people.split(among) if len(g) == among] or [people]
    hits = total = 0
    for group in groups:
        first = torch.stack([(person == p).nonzero()[0, 0] for p in group])
        rest = torch.stack([k for p in group for k in (person == p).nonzero()[1:, 0]])
        found = group[(embedding[rest] @ embedding[first].T).argmax(1)]
        hits += int((found == person[rest]).sum())
        total += len(rest)
    return hits / total
