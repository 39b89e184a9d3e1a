"""Writes test/fixtures/pipeline/tokenizers.json: small tokenizer.json files and what Hugging Face tokenizers (Rust) makes of texts.

Run with tokenizers 0.23 (comes with transformers 5.23.0): `python test/unit/pipeline/make_tokenizer_fixtures.py`, from the
repository's root. One is the starter's kind (words), one CLIP's kind (byte-pair encoding with end-of-word marks), trained
on a few sentences.
"""

import json
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from models.starter.tokenizer import build_tokenizer, words_of

SENTENCES = [
    "3d portrait of a person with a big smile wearing a red turtleneck, on a teal background",
    "a photo of a woman with sunglasses and a v-neck, looking left",
    "portrait of a man wearing an orange t-shirt, surprised, navy background",
]
TEXTS = [
    *SENTENCES,
    "",
    "   ",
    "Portrait of a PERSON, with   a smile!!",
    "zebra t-shirt; v-neck? (sunglasses)",
    "naïve café – emoji 😀 and 日本",
    "a " * 60,
]


def clip_like() -> Tokenizer:
    """The parts of CLIP's tokenizer.json (openai/clip-vit-large-patch14) with a vocabulary of a few hundred."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    begin, end = (tokenizer.token_to_id(token) for token in ("<|startoftext|>", "<|endoftext|>"))
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", end), ("<|startoftext|>", begin), trim_offsets=False, add_prefix_space=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


if __name__ == "__main__":
    fixture = {"madeWith": {"tokenizers": tokenizers.__version__}, "tokenizers": {}}
    for name, tokenizer in (("words", build_tokenizer(words_of(SENTENCES))), ("clip", clip_like())):
        fixture["tokenizers"][name] = {
            "json": json.loads(tokenizer.to_str()),
            "encodings": [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS],
        }
    path = Path(__file__).parents[2] / "fixtures" / "pipeline" / "tokenizers.json"
    path.write_text(json.dumps(fixture, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(path, path.stat().st_size)
