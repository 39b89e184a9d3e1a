"""Everything a portrait can be: the ordered lists of words and the colour and shape tables behind them.

The index of a word in its list is the value stored in a parameter dict. Colours are RGB in [0, 1].
"""

# Six skin tones from light to dark; identities interpolate between neighbours.
SKIN_TONES = [
    (0.99, 0.84, 0.74), (0.98, 0.77, 0.64), (0.93, 0.68, 0.52), (0.80, 0.56, 0.40),
    (0.60, 0.39, 0.27), (0.42, 0.27, 0.20),
]  # fmt: skip

HAIR_COLOURS = {
    "black": (0.10, 0.09, 0.11), "dark brown": (0.24, 0.15, 0.11), "brown": (0.40, 0.25, 0.16),
    "chestnut": (0.52, 0.28, 0.16), "red": (0.68, 0.25, 0.12), "ginger": (0.88, 0.46, 0.18),
    "blonde": (0.93, 0.74, 0.40), "platinum": (0.95, 0.89, 0.76), "grey": (0.60, 0.60, 0.63),
    "white": (0.91, 0.91, 0.92), "pink": (0.97, 0.50, 0.68), "blue": (0.25, 0.42, 0.88),
    "green": (0.22, 0.68, 0.50), "purple": (0.56, 0.33, 0.78),
}  # fmt: skip

IRIS_COLOURS = {
    "dark brown": (0.22, 0.12, 0.07), "brown": (0.38, 0.21, 0.10), "hazel": (0.55, 0.36, 0.14),
    "green": (0.36, 0.50, 0.24), "blue": (0.24, 0.48, 0.72), "grey": (0.45, 0.55, 0.62),
}  # fmt: skip

# Colours of garments, headwear and backgrounds.
COLOURS = {
    "white": (0.95, 0.95, 0.96), "black": (0.13, 0.13, 0.16), "grey": (0.55, 0.57, 0.62), "red": (0.85, 0.20, 0.20),
    "orange": (0.96, 0.54, 0.18), "yellow": (0.98, 0.82, 0.28), "green": (0.25, 0.62, 0.36), "teal": (0.14, 0.60, 0.62),
    "blue": (0.22, 0.42, 0.85), "navy": (0.13, 0.19, 0.40), "purple": (0.52, 0.32, 0.74), "pink": (0.97, 0.58, 0.70),
    "brown": (0.48, 0.32, 0.22), "beige": (0.88, 0.80, 0.66),
}  # fmt: skip

# Hair styles as numbers in head units (half the frame's height = 1), in the order of HAIR_FIELDS.
HAIR_FIELDS = (
    "top",  # thickness above the skull
    "side",  # thickness beside the skull
    "line",  # height of the hairline (y, negative = up)
    "power",  # exponent of the super-ellipse that bounds the open face (2 = ellipse)
    "skew",  # how far the parting slants the hairline
    "fringe",  # height of a straight fringe; 9 = none
    "side_length",  # how far hair falls beside the face (y)
    "inner",  # width of the open face relative to the face
    "back_length",  # how far hair falls behind the head (y); -9 = none
    "back_width",  # half width of the hair behind the head
    "curl", "frequency",  # amplitude and count of the outline's curls
    "wave",  # amplitude of long waves
    "bun_radius", "bun_height",
)  # fmt: skip
HAIR_STYLES = {
    "bald": (-0.20, -0.20, -0.60, 2, 0, 9, -9, 1.0, -9, 0, 0, 0, 0, 0, 0),
    "buzz": (0.015, 0.012, -0.355, 3, 0, 9, -0.02, 1.02, -9, 0, 0, 0, 0, 0, 0),
    "short": (0.090, 0.035, -0.330, 3, 0.15, 9, 0.00, 0.98, -9, 0, 0.006, 9, 0, 0, 0),
    "side part": (0.105, 0.045, -0.300, 2.4, 0.50, 9, 0.03, 0.96, -9, 0, 0, 0, 0, 0, 0),
    "afro": (0.270, 0.230, -0.310, 2.2, 0, 9, 0.12, 0.95, 0.15, 0.62, 0.016, 15, 0, 0, 0),
    "curly": (0.150, 0.100, -0.290, 2.2, 0.08, 9, 0.20, 0.93, 0.30, 0.48, 0.028, 10, 0, 0, 0),
    "bob": (0.075, 0.075, -0.345, 1.7, 0.34, 9, 0.36, 0.88, 0.38, 0.44, 0, 0, 0.01, 0, 0),
    "long": (0.070, 0.060, -0.385, 1.45, 0, 9, 0.98, 0.90, 1.10, 0.46, 0, 0, 0.01, 0, 0),
    "wavy": (0.085, 0.080, -0.375, 1.5, 0.22, 9, 0.92, 0.89, 1.00, 0.52, 0.012, 7, 0.045, 0, 0),
    "bun": (0.045, 0.020, -0.370, 2, 0, 9, 0.06, 0.96, -9, 0, 0, 0, 0, 0.165, -0.74),
    "fringe": (0.075, 0.070, -0.330, 2, 0, -0.185, 0.40, 0.88, 0.45, 0.45, 0, 0, 0.008, 0, 0),
    "ponytail": (0.050, 0.022, -0.360, 2, 0.20, 9, 0.02, 0.96, -9, 0, 0, 0, 0, 0.0, 0),
    "spiky": (0.130, 0.020, -0.330, 3, 0, 9, -0.03, 1.0, -9, 0, 0.045, 13, 0, 0, 0),
}

HAIR_COLOUR_NAMES = list(HAIR_COLOURS)
IRIS_NAMES = list(IRIS_COLOURS)
COLOUR_NAMES = list(COLOURS)
HAIR_STYLE_NAMES = list(HAIR_STYLES)
FACIAL_HAIR = ["none", "stubble", "moustache", "goatee", "beard"]
EXPRESSIONS = ["neutral", "smile", "big smile", "sad", "surprised", "wink"]
POSES = ["front", "left", "right", "up", "down", "tilt"]
EYEWEAR = ["none", "glasses", "sunglasses"]
HEADWEAR = ["none", "hat", "beanie", "headphones"]
GARMENTS = ["t-shirt", "v-neck", "turtleneck", "hoodie", "suit", "striped shirt", "tank top"]
BACKGROUNDS = ["plain", "gradient", "bokeh", "city", "beach", "forest", "stars", "sunset"]
LIGHTS = ["soft", "side", "warm", "cold", "rim"]
STYLES = ["3d", "pencil", "watercolour", "pixel", "comic", "oil", "neon"]

# Index of every word: INDEX["expr"]["smile"] == 1. The keys are those of the parameter dicts.
INDEX = {
    key: {word: index for index, word in enumerate(words)}
    for key, words in {
        "iris": IRIS_NAMES, "hair": HAIR_STYLE_NAMES, "hair_col": HAIR_COLOUR_NAMES, "facial": FACIAL_HAIR,
        "expr": EXPRESSIONS, "pose": POSES, "eyewear": EYEWEAR, "headwear": HEADWEAR, "cloth": GARMENTS,
        "cloth_col": COLOUR_NAMES, "hat_col": COLOUR_NAMES, "bg": BACKGROUNDS, "bg_col": COLOUR_NAMES,
        "light": LIGHTS, "style": STYLES,
    }.items()
}  # fmt: skip
