"""Parameters → sentences: a small grammar with synonyms, and the words it knows."""

import random
import re
from typing import Any

from torch import Tensor

from .vocabulary import (
    BACKGROUNDS,
    COLOUR_NAMES,
    EXPRESSIONS,
    EYEWEAR,
    GARMENTS,
    HAIR_COLOUR_NAMES,
    HEADWEAR,
    LIGHTS,
    POSES,
    STYLES,
)

# Per parameter and word: the phrases that say it; "" leaves a default unsaid, {} takes a colour (articles before a
# colour are put right afterwards).
PHRASES: dict[str, dict[str, list[str]]] = {
    "style": {
        "3d": ["", "", "a 3d render of", "a 3d avatar of", "a cartoon 3d portrait of"],
        "pencil": ["a pencil sketch of", "a pencil drawing of", "a graphite sketch of"],
        "watercolour": ["a watercolour of", "a watercolor painting of", "an aquarelle of"],
        "pixel": ["pixel art of", "an 8-bit sprite of", "a pixel portrait of"],
        "comic": ["a comic of", "a comic book drawing of", "halftone pop art of"],
        "oil": ["an oil painting of", "an oil portrait of", "a classical painting of"],
        "neon": ["a neon portrait of", "a glowing neon drawing of", "a cyberpunk neon sign of"],
    },
    "expr": {
        "neutral": ["", "with a neutral expression", "looking serious", "with a calm face"],
        "smile": ["smiling", "with a smile", "looking happy"],
        "big smile": ["laughing", "with a big smile", "grinning"],
        "sad": ["looking sad", "with a sad face", "frowning"],
        "surprised": ["looking surprised", "with a surprised face", "amazed"],
        "wink": ["winking", "with a wink", "winking with one eye"],
    },
    "pose": {
        "front": ["", "", "facing the camera", "front view"],
        "left": ["looking left", "turned to the left"],
        "right": ["looking right", "turned to the right"],
        "up": ["looking up", "gazing upwards"],
        "down": ["looking down", "with the head lowered"],
        "tilt": ["with a tilted head", "tilting the head"],
    },
    "eyewear": {
        "none": [""],
        "glasses": ["glasses", "eyeglasses", "spectacles"],
        "sunglasses": ["sunglasses", "dark sunglasses", "shades"],
    },
    "headwear": {
        "none": [""],
        "hat": ["a {} hat", "a {} brimmed hat"],
        "beanie": ["a {} beanie", "a {} knit cap"],
        "headphones": ["{} headphones", "a pair of {} headphones"],
    },
    "cloth": {
        "t-shirt": ["a {} t-shirt", "a {} tee"],
        "v-neck": ["a {} v-neck", "a {} v-neck sweater"],
        "turtleneck": ["a {} turtleneck", "a {} roll-neck"],
        "hoodie": ["a {} hoodie", "a {} hooded sweatshirt"],
        "suit": ["a {} suit", "a {} suit and tie"],
        "striped shirt": ["a {} striped shirt", "a {} sailor shirt"],
        "tank top": ["a {} tank top", "a {} sleeveless top"],
    },
    "bg": {
        "plain": ["{} background", "plain {} backdrop"],
        "gradient": ["{} gradient background", "soft {} studio background"],
        "bokeh": ["blurred lights", "bokeh background"],
        "city": ["in the city at night", "night city lights"],
        "beach": ["on a beach", "at the sea"],
        "forest": ["in a forest", "among green trees"],
        "stars": ["in space", "under a starry sky"],
        "sunset": ["at sunset", "sunset in the mountains"],
    },
    "light": {
        "soft": ["", "", "soft light"],
        "side": ["side light", "dramatic side lighting"],
        "warm": ["warm light", "golden light"],
        "cold": ["cold light", "blue cold lighting"],
        "rim": ["rim light", "backlit"],
    },
}
WORDS = {
    "style": STYLES, "expr": EXPRESSIONS, "pose": POSES, "eyewear": EYEWEAR, "headwear": HEADWEAR, "cloth": GARMENTS,
    "bg": BACKGROUNDS, "light": LIGHTS,
}  # fmt: skip
WOMAN, MAN, NEUTRAL = ["woman", "lady", "person"], ["man", "guy", "person"], ["character", "face"]
PORTRAIT = "portrait"  # stands alone: neither "a sketch of a portrait" nor "an older portrait"
OLDER = "older"
EARRINGS = ["earrings", "gold earrings"]
WEARING = ["wearing ", "in ", "with "]
LONGEST = 30  # words; with begin and end 32 tokens
OLD_AGE = 0.7  # from this `age` on a person may be called older


def prompts(params: dict[str, Tensor], rng: Any = random, drop: float = 0.12) -> list[str]:
    """One sentence per picture.

    Garment, eyewear, headwear, earrings and background are each left out with probability `drop`; default facts
    (3d, neutral, front, soft light) are often unsaid. `rng` is the random module or a random.Random.
    """
    words = {name: values.tolist() for name, values in params.items()}
    return [
        short_sentence({name: values[i] for name, values in words.items()}, rng, drop) for i in range(len(words["fem"]))
    ]


def short_sentence(facts: dict[str, float], rng: Any, drop: float) -> str:
    """A sentence that the text encoder can hold; the rare longer ones are drawn again with other synonyms."""
    while len(words_in(text := sentence(facts, rng, drop))) > LONGEST:
        pass
    return text


def sentence(facts: dict[str, float], rng: Any, drop: float) -> str:
    """The sentence for one picture's parameters."""

    def phrase(key: str) -> str:
        return rng.choice(PHRASES[key][WORDS[key][facts[key]]])

    style = phrase("style")
    head = f"{style} a {subject(facts, rng, alone=not style)}".strip()
    parts = [phrase("expr"), phrase("pose")]
    worn = [
        phrase("eyewear"),
        phrase("headwear").format(COLOUR_NAMES[facts["hat_col"]]),
        rng.choice(EARRINGS) if facts["earrings"] else "",
        phrase("cloth").format(COLOUR_NAMES[facts["cloth_col"]]),
    ]
    worn = [thing for thing in worn if thing and rng.random() > drop]
    if facts["hair_over"] >= 0:
        parts.append(f"with {HAIR_COLOUR_NAMES[facts['hair_over']]} hair")
    if worn:
        parts.append(rng.choice(WEARING) + listed(worn))
    if rng.random() > drop:
        parts.append(phrase("bg").format(COLOUR_NAMES[facts["bg_col"]]))
    parts.append(phrase("light"))
    parts = [part for part in parts if part]
    if rng.random() < 0.3:
        rng.shuffle(parts)
    return with_articles(", ".join([head] + parts))


def subject(facts: dict[str, float], rng: Any, alone: bool) -> str:
    """Who is seen, without an article; `alone` when no style is named before."""
    if rng.random() < 0.8:
        noun = rng.choice(WOMAN if facts["fem"] > 0.5 else MAN)
    else:
        noun = rng.choice([PORTRAIT, *NEUTRAL] if alone else NEUTRAL)
    if facts["age"] > OLD_AGE and noun != PORTRAIT and rng.random() < 0.5:
        return f"{OLDER} {noun}"
    return noun


def with_articles(text: str) -> str:
    """ "an" instead of "a" before a vowel: an orange suit, an older man."""
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def listed(things: list[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)


# Words that carry no fact of their own.
FUNCTION_WORDS = {
    "a", "an", "and", "at", "background", "backdrop", "in", "of", "on", "pair", "soft", "studio", "plain", "the", "to",
    "under", "with",
}  # fmt: skip
# How the parameters are called for people.
GROUP_NAMES = {
    "style": "style", "expr": "expression", "pose": "pose", "eyewear": "eyewear", "headwear": "headwear",
    "cloth": "garment", "bg": "background", "light": "light",
}  # fmt: skip


def words_in(text: str) -> list[str]:
    """Lower-case words; hyphens stay inside words."""
    return re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text.lower())


def known_words() -> dict[str, list[str]]:
    """Every word that a sentence can hold, by group, each sorted; a word may stand in several groups.

    Groups: person, the parameters of GROUP_NAMES, earrings, colour, hair colour, and other (words without a fact).
    """
    groups = {"person": words_in(" ".join([*WOMAN, *MAN, *NEUTRAL, PORTRAIT, OLDER]))}
    for key, name in GROUP_NAMES.items():
        groups[name] = [word for phrases in PHRASES[key].values() for word in words_in(" ".join(phrases))]
    groups["earrings"] = words_in(" ".join(EARRINGS))
    groups["colour"] = list(COLOUR_NAMES)
    groups["hair colour"] = words_in(" ".join(["hair", *HAIR_COLOUR_NAMES]))
    told = {name: sorted(set(words) - FUNCTION_WORDS) for name, words in groups.items()}
    used = set(words_in(" ".join(WEARING))) | set().union(*map(set, groups.values()))
    return told | {"other": sorted(used - set().union(*map(set, told.values())))}
