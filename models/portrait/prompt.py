"""Parameters → sentences: a small grammar with synonyms, and the words it knows.

A sentence names the subject, then the facts in free order, in one of three manners: prose ("a pencil sketch of an
older man, smiling, wearing a red hoodie, blue background"), the style behind ("a woman in a navy suit, …, watercolour
style"), or bare tags ("man, grinning, round glasses, teal t-shirt, yellow background").
"""

import random
import re
from typing import Any

from torch import Tensor

from .phrases import (
    AGES,
    FUNCTION_WORDS,
    GROUP_NAMES,
    MAN,
    NEUTRAL,
    PHRASES,
    PORTRAIT,
    STYLE_BEFORE,
    STYLE_BEHIND,
    WEARING,
    WOMAN,
)
from .vocabulary import COLOUR_NAMES, HAIR_COLOUR_NAMES, HAIR_STYLE_NAMES, INDEX, STYLES

# The words of every parameter that PHRASES can say, by index.
WORDS = {key: HAIR_STYLE_NAMES if key == "hair_as" else list(INDEX[key]) for key in PHRASES}
LONGEST = 30  # words; with begin and end 32 tokens
NEGATIVE = re.compile(r"^(no |without |bareheaded)")


def prompts(params: dict[str, Tensor], rng: Any = random, drop: float = 0.12) -> list[str]:
    """One sentence per picture.

    Each thing worn and the background are left out with probability `drop`; default facts (3d, neutral, front, soft
    light, nothing worn) are often unsaid. `rng` is the random module or a random.Random.
    """
    words = {name: values.tolist() for name, values in params.items()}
    return [
        short_sentence({name: values[i] for name, values in words.items()}, rng, drop) for i in range(len(words["fem"]))
    ]


def short_sentence(facts: dict[str, float], rng: Any, drop: float) -> str:
    """A sentence that the text encoder can hold; longer ones are drawn again with other synonyms, at last as tags."""
    for attempt in range(12):
        text = sentence(facts, rng, drop, manner="tags" if attempt > 7 else None)
        if len(words_in(text)) <= LONGEST:
            return text
    return short_sentence(facts, rng, max(drop, 0.1))


def sentence(facts: dict[str, float], rng: Any, drop: float, manner: str | None = None) -> str:
    """The sentence for one picture's parameters; `manner`: before, behind, tags (drawn when None)."""
    manner = manner or rng.choice(["before", "before", "before", "behind", "tags"])

    def phrase(key: str) -> str:
        return rng.choice(PHRASES[key][WORDS[key][facts[key]]])

    before, behind = style_phrase(facts, rng, manner)
    who = subject(facts, rng, alone=not before and manner != "tags")
    head = who if manner == "tags" else f"{before} a {who}".strip()
    if who == "someone":
        head = head.replace("a someone", "someone")
    hat = phrase("headwear").format(COLOUR_NAMES[facts["hat_col"]])
    cloth = phrase("cloth").format(COLOUR_NAMES[facts["cloth_col"]])
    worn = [phrase("eyewear"), hat, phrase("earrings"), phrase("piercing"), phrase("hearing"), cloth]
    worn = [thing for thing in worn if thing and rng.random() > drop]
    missing = [thing for thing in worn if NEGATIVE.match(thing)]
    worn = [thing for thing in worn if not NEGATIVE.match(thing)]
    parts = [phrase("expr"), phrase("pose"), phrase("framing"), *hair_phrases(facts, rng)]
    if manner == "tags":
        parts += [without_article(thing) for thing in worn]
    elif worn:
        # One is dressed in a garment and in a hat, but not in earrings.
        manner_of_wearing = WEARING if all(thing in (hat, cloth) for thing in worn) else WEARING[:2]
        parts.append(rng.choice(manner_of_wearing) + listed(worn))
    parts += missing
    if rng.random() > drop:
        parts.append(phrase("bg").format(COLOUR_NAMES[facts["bg_col"]]))
    parts += [phrase("light"), behind]
    parts = [part for part in parts if part]
    if rng.random() < 0.4:
        rng.shuffle(parts)
    return with_articles(", ".join([head] + parts))


def style_phrase(facts: dict[str, float], rng: Any, manner: str) -> tuple[str, str]:
    """What names the style before and behind the subject; one of both is empty."""
    style = STYLES[facts["style"]]
    if manner == "before":
        return rng.choice(STYLE_BEFORE[style]), ""
    return "", rng.choice(STYLE_BEHIND[style])


def hair_phrases(facts: dict[str, float], rng: Any) -> list[str]:
    """What is said of hair that is not the person's own."""
    said = []
    if facts.get("hair_over", -1) >= 0:
        said.append(f"with {HAIR_COLOUR_NAMES[facts['hair_over']]} hair")
    if facts.get("hair_as", -1) >= 0:
        said.append(rng.choice(PHRASES["hair_as"][HAIR_STYLE_NAMES[facts["hair_as"]]]))
    return said


def subject(facts: dict[str, float], rng: Any, alone: bool) -> str:
    """Who is seen, without an article; `alone` when no style is named before."""
    if rng.random() < 0.8:
        noun = rng.choice(WOMAN if facts["fem"] > 0.5 else MAN)
    else:
        noun = rng.choice([PORTRAIT, *NEUTRAL] if alone else NEUTRAL)
    fitting = [word for word, (low, high) in AGES.items() if low <= facts["age"] <= high]
    if fitting and noun not in (PORTRAIT, "someone") and rng.random() < 0.35:
        return f"{rng.choice(fitting)} {noun}"
    return noun


def with_articles(text: str) -> str:
    """ "an" instead of "a" before a vowel and an eight: an orange suit, an older man, an 8-bit sprite."""
    return re.sub(r"\ba (?=[aeiou8])", "an ", text)


def without_article(thing: str) -> str:
    """A thing as a tag: "red hat" for "a red hat"."""
    return re.sub(r"^an? ", "", thing)


def listed(things: list[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)


def words_in(text: str) -> list[str]:
    """Lower-case words; hyphens stay inside words."""
    return re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", text.lower())


def known_words() -> dict[str, list[str]]:
    """Every word that a sentence can hold, by group, each sorted; a word may stand in several groups.

    Groups: person, style, the parameters of GROUP_NAMES, colour, hair colour, and other (words without a fact).
    """
    groups = {"person": words_in(" ".join([*WOMAN, *MAN, *NEUTRAL, PORTRAIT, *AGES]))}
    styles = [*STYLE_BEFORE.values(), *STYLE_BEHIND.values()]
    groups["style"] = words_in(" ".join(phrase for phrases in styles for phrase in phrases))
    for key, name in GROUP_NAMES.items():
        groups[name] = [word for phrases in PHRASES[key].values() for word in words_in(" ".join(phrases))]
    groups["colour"] = list(COLOUR_NAMES)
    groups["hair colour"] = words_in(" ".join(["hair", *HAIR_COLOUR_NAMES]))
    told = {name: sorted(set(words) - FUNCTION_WORDS) for name, words in groups.items()}
    used = set(words_in(" ".join(WEARING))) | set().union(*map(set, groups.values()))
    return told | {"other": sorted(used - set().union(*map(set, told.values())))}
