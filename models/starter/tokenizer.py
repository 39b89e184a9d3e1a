"""The starter's tokenizer: one token per lower-case word, hyphens kept inside words, everything else ignored.

Ids: 0 [PAD], 1 [BOS], 2 [UNK], 3 [EOS]; words from 4 on. A sentence becomes [BOS] words [EOS], cut to 32 and padded
with [PAD] by the caller (`encode` does both).
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor

LENGTH = 32
PAD, BOS, UNK, EOS = 0, 1, 2, 3
SPECIAL = ["[PAD]", "[BOS]", "[UNK]", "[EOS]"]
WORD = r"[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*"


def build_tokenizer(words: Iterable[str]) -> Tokenizer:
    """A word-level tokenizer that knows `words` (lower-case, each once, in the given order)."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", BOS), ("[EOS]", EOS)]
    )
    return tokenizer


def words_of(sentences: Iterable[str]) -> list[str]:
    """All words of the sentences, sorted, each once."""
    split = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    return sorted({word for s in sentences for word, _ in split.pre_tokenize_str(s.lower())})


def load_tokenizer(folder: str | Path) -> Tokenizer:
    """Read `tokenizer.json` from a folder."""
    return Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))


def encode(tokenizer: Tokenizer, sentences: list[str]) -> Tensor:
    """Token ids `[B,32]` (int64); the 32nd token of a longer sentence is [EOS]."""
    rows = []
    for encoding in tokenizer.encode_batch(sentences):
        ids = encoding.ids if len(encoding.ids) <= LENGTH else [*encoding.ids[: LENGTH - 1], EOS]
        rows.append(ids + [PAD] * (LENGTH - len(ids)))
    return torch.tensor(rows, dtype=torch.long).view(-1, LENGTH)
