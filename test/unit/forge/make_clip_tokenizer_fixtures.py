"""Writes test/fixtures/forge/clip-tokenizer/: a tokenizer of CLIP's kind in its official files, and what transformers
makes of prompts.

Run with transformers 5.23.0 and tokenizers 0.23.3: `python test/unit/forge/make_clip_tokenizer_fixtures.py`, from the
repository's root. The vocabulary is trained here (CLIP's own is not needed to prove that the rules are the same): the
byte alphabet, the same with "</w>", the merges, the two special tokens, in CLIP's order.

The reference is transformers' CLIPTokenizerFast; CLIPTokenizer is the same class since transformers 5, which the script
asserts. The last CLIPTokenizer in Python (transformers 4.57.1) gives other ids for 142 of these prompts with ftfy and 242
without: it rewrites quotes, widths and accents before it splits. The fast one counts; that of 4.57.1 differs in
"<|EndOfText|>a" alone.

The merges are kept unless `--train` asks for new ones. `--merges FILE --out FOLDER` takes others, for instance the first
48,894 of OpenAI's bpe_simple_vocab_16e6.txt: the vocabulary of Stable Diffusion 1.5's text encoder.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import unicodedata
from pathlib import Path

import tokenizers
import transformers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

OUT = Path(__file__).parents[2] / "fixtures" / "forge" / "clip-tokenizer"
VOCABULARY = 3_000
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
WORD = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""

SENTENCES = [
    "a photo of a person with a big smile, wearing a red turtleneck sweater, soft light, 85mm",
    "portrait of an old woman looking over her shoulder at sunset, highly detailed, 4k",
    "the knight's armour doesn't shine; it's dull, they're tired, we've won, I'm here, he'll go, she'd stay",
    "un portrait d'une femme souriante à côté d'un café, lumière d'été, naïve",
    "ein Porträt eines Mannes mit Hut, grüner Hintergrund, schöne Straße, Größe",
    "retrato de una niña con gafas y flores, mañana de otoño",
    "портрет девушки в красном платье на фоне зимнего леса",
    "πορτρέτο ενός άντρα με γυαλιά, ο σοφός Οδυσσέας στη θάλασσα",
    "صورة شخصية لامرأة مبتسمة في حديقة خضراء",
    "דיוקן של ילד עם כובע כחול ליד הים",
    "एक मुस्कुराती हुई महिला का चित्र, नीली पृष्ठभूमि",
    "ภาพเหมือนของผู้หญิงยิ้มในสวนดอกไม้",
    "微笑む女性の肖像、赤いセーター、東京の夜",
    "一个戴眼镜的男人的肖像，蓝色背景，高清",
    "웃고 있는 여자의 초상화, 초록색 배경",
    "chân dung một người phụ nữ mỉm cười, ánh sáng dịu",
    "smiling 😀 face 😎 with 👍🏽 and ❤️ family 👨‍👩‍👧‍👦 flag 🇫🇷🇯🇵",
]
SCRIPTS = (
    "LATIN GREEK CYRILLIC ARMENIAN HEBREW ARABIC SYRIAC THAANA DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL TELUGU "
    "KANNADA MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR GEORGIAN HANGUL ETHIOPIC CHEROKEE CANADIAN OGHAM RUNIC KHMER "
    "MONGOLIAN HIRAGANA KATAKANA BOPOMOFO CJK YI GLAGOLITIC COPTIC TIFINAGH DESERET GOTHIC LINEAR CUNEIFORM EGYPTIAN "
    "MATHEMATICAL MUSICAL BRAILLE FULLWIDTH HALFWIDTH CIRCLED PARENTHESIZED ROMAN ADLAM OSAGE VITHKUQI WARANG"
).split()
CASES = [
    *[
        "",
        " ",
        "   ",
        "\n",
        "a",
        "A",
        "'",
        "''s",
        "'S",
        "it's",
        "IT'S",
        "don’t",
        "rock'n'roll",
        "x'",
        "'ll'd've're'm't's",
    ],
    *["ΟΔΥΣΣΕΑΣ", "ΣΑΣ ΣΟΦΟΣ.", "Σ", "ΑΣ", "ΑΣΑ ΑΣ' ΑΣ\u0301 ΑΣ\u200dΑ", "ς σ Σ", "ΣΣΣ", "Σ\u0307ΑΣ\u0307", "1Σ aΣ Σa"],
    *["İstanbul I ı i̇", "STRASSE Straße ẞ", "ﬁ ﬂ ﬃ ĳ Ǆ ǅ ǆ", "K Å Ω", "K Å Ω", "Ⅷ ⅷ ⓐ Ⓐ", "ᾳ ᾼ ᾈ", "Ა ა Ⴀ ⴀ", "𐐀𐐨 𐒰 𞤀"],
    *[
        "é e\u0301",
        "ñ n\u0303",
        "Å A\u030a Å",
        "각 \u1100\u1161\u11a8",
        "ậ a\u0323\u0302 a\u0302\u0323",
        "が か\u3099",
        "ﬀ ﬆ",
        "豈 豈",
    ],
    *[
        "z\u0351\u036b\u0343\u034f\u0321a\u0316\u0317\u0318\u0319l\u0300\u0301\u0302g\u0323o\u0308\u030c",
        "\u0301a",
        "\u0301",
        "a\u20dd",
    ],
    *[
        "👩🏽‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "🇩🇪🇫🇷",
        "1️⃣ #️⃣ *️⃣",
        "❤ ❤️ ❤︎",
        "😀😀😀",
        "a😀b",
        "😀'",
        "🫠🫨",
        "☃☂★",
        "\u200d\u200d",
        "a\u200db c\u200cd",
    ],
    *["שָׁלוֹם", "السَّلَامُ", "\u202eabc\u202c", "\u200fא\u200ea", "ﷺ ﷽", "לְ\u05bc", "١٢٣ ۴۵۶ ९", "٪ ؟ ،"],
    *[
        "a\u00a0b",
        "a\u1680b\u2000c\u2001d\u2002e\u2003f",
        "a\u2028b\u2029c",
        "a\u202fb\u205fc\u3000d",
        "a\u200bb\ufeffc\u2060d",
        "a\u180eb",
    ],
    *[
        "a\tb\r\nc\x0bd\x0ce\x85f",
        "a  b   c    d",
        " a ",
        "\u3000a\u3000",
        "a\x1cb\x1dc\x1ed\x1ff",
        "\ufeffa",
        "a\u00adb",
    ],
    *["x²y³ ½ ¼ ㎏ ㍿ №", "1234567890", "3.14e-10", "1,000,000.00", "２０２４", "①②③", "百二十", "10k 4k 85mm f/1.8"],
    *[
        "<|startoftext|>",
        "<|endoftext|>",
        "a <|endoftext|> b",
        "<|STARTOFTEXT|>",
        "<|EndOfText|>a",
        "<|endoftext|",
        "|endoftext|>",
        "a<|startoftext|>b",
    ],
    *[
        "<|endoftext|><|endoftext|>",
        " <|endoftext|> ",
        "<<|endoftext|>>",
        "</w>",
        "a</w>b",
        "</w></w>",
        "Ġa",
        "Ā Ă Ġ Ċ",
        "ġ Ł łł",
        "<pad>",
        "[MASK]",
    ],
    *[
        "!!!",
        "?!?!",
        "...",
        "…",
        "-- — –",
        "(((a:1.2)))",
        "[a|b]",
        "{a}",
        "a_b_c",
        "a/b\\c",
        "#tag @me",
        "100%",
        "$5 €6 £7",
        "a+b=c",
        "~`^",
        '"q" “q” „q“ «q»',
    ],
    *[
        "http://example.com/a?b=c&d=e#f",
        "user@example.com",
        "C++ C# .NET",
        "AT&T",
        "U.S.A.",
        "e.g., i.e.",
        "file.tar.gz",
        "&amp; &lt; &#39;",
    ],
    *[
        "\x00",
        "a\x00b",
        "\x01\x02\x03",
        "\x7f",
        "\x80\x81\x9f",
        "\ue000\uf8ff",
        "\U000f0000",
        "\U0010fffd",
        "\ufffd",
        "\ufffe\uffff",
        "\ufdd0",
        "\ufff9\ufffa\ufffb",
    ],
    *[
        "\U000e0001\U000e0041",
        "a\ufe0f",
        "\U000e0100",
        "葛\U000e0100",
        "\u0378",
        "\u2fff",
        "ªº",
        "ʰʲ",
        "ㅎㅎㅎ ㅋㅋㅋ",
        "ᄒ",
        "〆 々 〇 ヶ",
        "ｶﾞｷﾞ",
        "ﾡ",
    ],
    *[
        "word " * 2_000,
        "a" * 3_000,
        "x y" * 500,
        "é" * 700,
        "e\u0301" * 700,
        "😀" * 400,
        "日本" * 400,
        " " * 3_000,
        "a\u0301\u0302\u0303" * 200,
        "Σ" * 300,
    ],
]


def byte_alphabet() -> list[str]:
    """The characters that stand for the 256 bytes, in CLIP's order: printable bytes as themselves, then the others."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def trained_merges() -> list[tuple[str, str]]:
    """Merges of a byte-level BPE over the sentences above and the names of characters, which are plenty of words."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    names = [unicodedata.name(chr(code), "") for code in range(0x20, 0x3400)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 20 + names, trainer)
    return [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]


def write_official_files(folder: Path, merges: list[tuple[str, str]]) -> None:
    """The four files of a CLIP tokenizer folder, as openai/clip-vit-large-patch14 and Stable Diffusion 1.5 have them."""
    folder.mkdir(parents=True, exist_ok=True)
    alphabet = byte_alphabet()
    tokens = [*alphabet, *(char + "</w>" for char in alphabet), *("".join(merge) for merge in merges), *SPECIAL]
    assert len(set(tokens)) == len(tokens)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(merge) + "\n" for merge in merges))
    plain = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    begin, end = ({"content": token, **plain} for token in SPECIAL)
    special = {"bos_token": begin, "eos_token": end, "pad_token": "<|endoftext|>", "unk_token": end}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    typed = {k: {"__type": "AddedToken", **v} if isinstance(v, dict) else v for k, v in special.items()}
    config = {"add_prefix_space": False, **typed, "do_lower_case": True, "errors": "replace", "model_max_length": 77}
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": "CLIPTokenizer"}))


def is_ordered(char: str) -> bool:
    """Whether the reference's NFC sorts this mark among others: its tables are Unicode 9's, and younger marks stay put."""
    text = f"a\u0301{char}\u0334"
    return normalizers.NFC().normalize_str(text) == unicodedata.normalize("NFC", text)


def prompts() -> list[str]:
    rng = random.Random(7)
    assigned = [chr(c) for c in range(0x20, 0x20000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    assigned = [char for char in assigned if is_ordered(char)]
    by_script: dict[str, list[str]] = {}
    for char in assigned:
        by_script.setdefault(unicodedata.name(char, "?").split()[0], []).append(char)
    texts = [
        *SENTENCES,
        *(text.upper() for text in SENTENCES),
        *(unicodedata.normalize("NFD", text) for text in SENTENCES),
        *CASES,
    ]

    def words(chars: list[str], count: int) -> str:
        return " ".join("".join(rng.choices(chars, k=rng.randint(1, 8))) for _ in range(count))

    for script in SCRIPTS:
        chars = by_script.get(script, [])
        if chars:
            texts += [words(chars, 5), words(chars, 5).upper(), words(chars + list("aA1 .'"), 5)]
            texts.append(unicodedata.normalize("NFD", words(chars, 4)))
    marks = [char for char in assigned if unicodedata.category(char).startswith("M")]
    spaces = [
        chr(c)
        for c in (
            9,
            10,
            11,
            12,
            13,
            0x20,
            0x85,
            0xA0,
            0x1680,
            *range(0x2000, 0x200B),
            0x2028,
            0x2029,
            0x202F,
            0x205F,
            0x3000,
            0x200B,
            0xFEFF,
        )
    ]
    controls = [
        chr(c)
        for c in (
            *range(0x20),
            *range(0x7F, 0xA0),
            *range(0x200B, 0x2010),
            *range(0x202A, 0x202F),
            *range(0x2060, 0x2070),
        )
    ]
    emoji = [
        chr(c)
        for c in (*range(0x1F300, 0x1F650), *range(0x1F680, 0x1F6D0), *range(0x1F900, 0x1FA00), *range(0x2600, 0x27C0))
    ]
    joiners = ["\u200d", "\ufe0f", "\U0001f3fb", "\U0001f3ff", "\u20e3", ""]
    for _ in range(40):
        texts += [
            "".join(
                rng.choice("aeiouAEIOUnsk日") + "".join(rng.choices(marks, k=rng.randint(0, 3))) for _ in range(12)
            ),
            "".join(rng.choice(["a", "B", "1", ","]) + rng.choice(spaces) * rng.randint(1, 2) for _ in range(12)),
            "".join(rng.choice(["ab", "C", "2", "!"]) + rng.choice(controls) for _ in range(10)),
            "".join(rng.choice(emoji) + rng.choice(joiners) for _ in range(8)),
            "".join(rng.choices(assigned, k=30)),
            "".join(rng.choices([chr(c) for c in range(0x20, 0x250)], k=40)),
            "".join(rng.choices(["'", "s", "t", "re", "ve", "m", "ll", "d", "S", "LL", " ", "1", "x", "!", "é"], k=20)),
        ]
    return list(dict.fromkeys(texts))


# Marks of Unicode 10 and later beside older ones: JavaScript's NFC sorts them, the reference's does not.
LISTED = ["a\u1df6\u0334", "u\u1ac2\u05c2", "s\u08cd\u0323"]

TYPED = {"__type": "AddedToken", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
PLAIN = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
# Ways in which published folders name their special tokens: tokenizer_config.json and special_tokens_map.json.
CONFIGS: dict[str, tuple[dict | None, dict | None]] = {
    "neither file": (None, None),
    "texts alone": (
        {
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
        },
        None,
    ),
    "Stable Diffusion 2": (
        {
            "bos_token": {"content": SPECIAL[0], **TYPED},
            "eos_token": {"content": SPECIAL[1], **TYPED},
            "unk_token": {"content": SPECIAL[1], **TYPED},
            "pad_token": "!",
        },
        None,
    ),
    "all objects": (
        {f"{kind}_token": {"content": SPECIAL[kind != "bos"], **TYPED} for kind in ("bos", "eos", "unk", "pad")},
        None,
    ),
    "stripping": ({"bos_token": {"content": SPECIAL[0], **TYPED, "lstrip": True, "rstrip": True}}, None),
    "map alone": (None, {"bos_token": {"content": SPECIAL[0], **PLAIN}, "eos_token": {"content": SPECIAL[1], **PLAIN}}),
    "map against config": ({"bos_token": SPECIAL[0]}, {"bos_token": {"content": SPECIAL[0], **PLAIN}}),
    "added_tokens_decoder": (
        {
            "added_tokens_decoder": {
                "3172": {"content": SPECIAL[0], **PLAIN, "special": True},
                "3173": {"content": SPECIAL[1], **PLAIN, "normalized": False, "special": True},
                "3174": {"content": "<my-style>", **PLAIN, "normalized": False, "special": False},
            }
        },
        None,
    ),
}


def configured(folder: Path) -> dict:
    """What transformers makes of the special tokens in each of these folders."""
    out = {}
    for name, (config, special) in CONFIGS.items():
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary)
            for file in ("vocab.json", "merges.txt"):
                shutil.copy(folder / file, copy / file)
            if config is not None:
                (copy / "tokenizer_config.json").write_text(json.dumps(config))
            if special is not None:
                (copy / "special_tokens_map.json").write_text(json.dumps(special))
            backend = json.loads(transformers.CLIPTokenizerFast.from_pretrained(copy).backend_tokenizer.to_str())
        out[name] = {"config": config, "special": special, "added_tokens": backend["added_tokens"]}
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--merges", type=Path, default=OUT / "merges.txt")
    parser.add_argument(
        "--train", action="store_true", help="new merges; the trainer breaks ties otherwise on every run"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    lines = [] if options.train else options.merges.read_text().splitlines()
    merges = [tuple(line.split()) for line in lines if line and not line.startswith("#version")] or trained_merges()
    write_official_files(options.out, merges)

    assert transformers.CLIPTokenizer is transformers.CLIPTokenizerFast
    reference = transformers.CLIPTokenizerFast.from_pretrained(options.out)
    texts = prompts()
    encodings = [{"text": text, "ids": reference(text).input_ids} for text in texts]
    backend = json.loads(reference.backend_tokenizer.to_str())
    # These two are the files themselves.
    del backend["model"]["vocab"], backend["model"]["merges"]
    made_with = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    fixture = {"madeWith": made_with, "tokenizer": backend, "encodings": encodings}
    fixture["listed"] = [{"text": text, "ids": reference(text).input_ids} for text in LISTED]
    if options.out == OUT:
        fixture["configs"] = configured(options.out)
    (options.out / "reference.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    print(len(merges), "merges,", len(texts), "prompts,", sum(len(e["ids"]) for e in encodings), "ids", file=sys.stderr)


if __name__ == "__main__":
    main()
