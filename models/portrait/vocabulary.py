"""Everything a portrait can be: the ordered lists of words and the colour tables behind them.

The index of a word in its list is the value stored in a parameter dict. Colours are RGB in [0, 1].
"""

from .hair_styles import HAIR_STYLES

# Six skin tones from light to dark; identities interpolate between neighbours.
SKIN_TONES = [
    (0.99, 0.86, 0.77), (0.98, 0.78, 0.66), (0.93, 0.68, 0.52), (0.80, 0.56, 0.40),
    (0.61, 0.40, 0.28), (0.44, 0.285, 0.21),
]  # fmt: skip

HAIR_COLOURS = {
    "black": (0.12, 0.105, 0.12), "dark brown": (0.25, 0.165, 0.125), "brown": (0.42, 0.27, 0.18),
    "chestnut": (0.53, 0.29, 0.17), "red": (0.68, 0.26, 0.13), "ginger": (0.88, 0.47, 0.20),
    "blonde": (0.93, 0.75, 0.44), "platinum": (0.95, 0.89, 0.77), "grey": (0.60, 0.60, 0.63),
    "white": (0.91, 0.91, 0.92), "pink": (0.97, 0.50, 0.68), "blue": (0.25, 0.42, 0.88),
    "green": (0.22, 0.68, 0.50), "purple": (0.56, 0.33, 0.78),
}  # fmt: skip

IRIS_COLOURS = {
    "dark brown": (0.24, 0.13, 0.08), "brown": (0.42, 0.24, 0.12), "hazel": (0.57, 0.39, 0.17),
    "green": (0.36, 0.53, 0.27), "blue": (0.26, 0.50, 0.76), "grey": (0.47, 0.57, 0.65),
}  # fmt: skip

# Colours of garments, headwear and backgrounds.
COLOURS = {
    "white": (0.95, 0.95, 0.96), "black": (0.13, 0.13, 0.16), "grey": (0.55, 0.57, 0.62), "red": (0.85, 0.20, 0.20),
    "orange": (0.96, 0.54, 0.18), "yellow": (0.98, 0.82, 0.28), "green": (0.25, 0.62, 0.36), "teal": (0.14, 0.60, 0.62),
    "blue": (0.22, 0.42, 0.85), "navy": (0.13, 0.19, 0.40), "purple": (0.52, 0.32, 0.74), "pink": (0.97, 0.58, 0.70),
    "brown": (0.48, 0.32, 0.22), "beige": (0.88, 0.80, 0.66),
}  # fmt: skip

# What goes with each of COLOURS: ties, borders, patterns, frames. So a sentence says their colour, too.
ACCENTS = {
    "white": "navy", "black": "beige", "grey": "teal", "red": "white", "orange": "navy", "yellow": "purple",
    "green": "beige", "teal": "orange", "blue": "yellow", "navy": "pink", "purple": "yellow", "pink": "teal",
    "brown": "beige", "beige": "brown",
}  # fmt: skip
ACCENT_COLOURS = {name: COLOURS[accent] for name, accent in ACCENTS.items()}

# Shapes of lenses: half width, half height, corner radius, lift of the outer corner, half thickness of the rim, tint.
EYEWEAR_FIELDS = ("half_width", "half_height", "corner", "lift", "rim", "dark")
EYEWEAR_SHAPES = {
    "none": (0.1, 0.1, 0.05, 0, 0, 0),
    "glasses": (0.118, 0.090, 0.072, 0, 0.0095, 0),
    "sunglasses": (0.124, 0.094, 0.062, 0.1, 0.0100, 1),
    "round glasses": (0.108, 0.108, 0.108, 0, 0.0075, 0),
    "square glasses": (0.122, 0.086, 0.026, 0, 0.0130, 0),
    "cat-eye glasses": (0.120, 0.080, 0.060, 0.42, 0.0115, 0),
    "rimless glasses": (0.112, 0.072, 0.050, 0, 0.0028, 0),
    "round sunglasses": (0.106, 0.106, 0.106, 0, 0.0075, 1),
}  # fmt: skip

HAIR_COLOUR_NAMES = list(HAIR_COLOURS)
IRIS_NAMES = list(IRIS_COLOURS)
COLOUR_NAMES = list(COLOURS)
HAIR_STYLE_NAMES = list(HAIR_STYLES)
FACIAL_HAIR = ["none", "stubble", "moustache", "goatee", "beard", "long beard"]
EXPRESSIONS = ["neutral", "smile", "big smile", "sad", "surprised", "wink", "angry", "closed eyes"]
POSES = ["front", "left", "right", "up", "down", "tilt"]
EYEWEAR = list(EYEWEAR_SHAPES)
HEADWEAR = [
    "none", "hat", "beanie", "headphones", "cap", "straw hat", "beret", "headband", "flower crown", "kippah",
    "turban", "head wrap", "hijab",
]  # fmt: skip
EARRINGS = ["none", "hoops", "studs", "pearls"]
PIERCINGS = ["none", "nose ring", "nose stud", "brow piercing"]
HEARING = ["none", "hearing aid"]
GARMENTS = [
    "t-shirt", "v-neck", "turtleneck", "hoodie", "suit", "striped shirt", "tank top", "sweater", "collared shirt",
    "denim jacket", "overalls", "kurta", "kimono", "sari", "dashiki", "scarf",
]  # fmt: skip
FRAMINGS = ["portrait", "close-up", "bust"]
BACKGROUNDS = ["plain", "gradient", "bokeh", "city", "beach", "forest", "stars", "sunset"]
LIGHTS = ["soft", "side", "warm", "cold", "rim"]
STYLES = ["3d", "pencil", "watercolour", "pixel", "comic", "oil", "neon", "flat"]

# Index of every word: INDEX["expr"]["smile"] == 1. The keys are those of the parameter dicts.
INDEX = {
    key: {word: index for index, word in enumerate(words)}
    for key, words in {
        "iris": IRIS_NAMES, "hair": HAIR_STYLE_NAMES, "hair_col": HAIR_COLOUR_NAMES, "facial": FACIAL_HAIR,
        "expr": EXPRESSIONS, "pose": POSES, "eyewear": EYEWEAR, "headwear": HEADWEAR, "earrings": EARRINGS,
        "piercing": PIERCINGS, "hearing": HEARING, "cloth": GARMENTS, "cloth_col": COLOUR_NAMES,
        "hat_col": COLOUR_NAMES, "framing": FRAMINGS, "bg": BACKGROUNDS, "bg_col": COLOUR_NAMES, "light": LIGHTS,
        "style": STYLES,
    }.items()
}  # fmt: skip
