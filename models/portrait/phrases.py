"""What people say for each thing that a portrait can show: the data of the grammar in prompt.py.

Per parameter and word the phrases that say it. "" leaves a default unsaid (as often as it stands in the list); {}
takes a colour; things that are worn begin with their article, which is put right afterwards ("an orange suit").
"""

PHRASES: dict[str, dict[str, list[str]]] = {
    "expr": {
        "neutral": ["", "", "with a neutral expression", "looking serious", "with a calm face"],
        "smile": ["smiling", "with a smile", "looking happy", "with a friendly smile"],
        "big smile": ["laughing", "with a big smile", "grinning", "with a wide grin"],
        "sad": ["looking sad", "with a sad face", "frowning", "looking unhappy"],
        "surprised": ["looking surprised", "with a surprised face", "amazed", "with an astonished look"],
        "wink": ["winking", "with a wink", "winking with one eye"],
        "angry": ["looking angry", "with an angry face", "scowling"],
        "closed eyes": ["with closed eyes", "eyes closed", "with the eyes shut"],
    },
    "pose": {
        "front": ["", "", "", "facing the camera", "front view", "seen from the front"],
        "left": ["looking left", "turned to the left", "facing left", "looking to the left"],
        "right": ["looking right", "turned to the right", "facing right", "looking to the right"],
        "up": ["looking up", "gazing upwards", "with the head raised"],
        "down": ["looking down", "with the head lowered", "gazing downwards"],
        "tilt": ["with a tilted head", "tilting the head", "with the head tilted"],
    },
    "framing": {
        "portrait": ["", "", "", "head and shoulders"],
        "close-up": ["close-up", "a close-up", "seen from close up"],
        "bust": ["from the chest up", "upper body", "from further away"],
    },
    "eyewear": {
        "none": ["", "", "", "", "", "", "no glasses", "without glasses"],
        "glasses": ["glasses", "eyeglasses", "spectacles"],
        "sunglasses": ["sunglasses", "dark sunglasses", "shades"],
        "round glasses": ["round glasses", "round spectacles", "round eyeglasses"],
        "square glasses": ["square glasses", "rectangular glasses", "square spectacles"],
        "cat-eye glasses": ["cat-eye glasses", "cat-eye spectacles"],
        "rimless glasses": ["rimless glasses", "rimless spectacles"],
        "round sunglasses": ["round sunglasses", "round shades", "round dark sunglasses"],
    },
    "headwear": {
        "none": ["", "", "", "", "", "", "no hat", "without a hat", "bareheaded"],
        "hat": ["a {} hat", "a {} fedora", "a {} brimmed hat"],
        "beanie": ["a {} beanie", "a {} knitted beanie", "a {} woolly beanie"],
        "headphones": ["{} headphones", "a pair of {} headphones"],
        "cap": ["a {} cap", "a {} baseball cap"],
        "straw hat": ["a straw hat with a {} ribbon", "a sun hat with a {} ribbon"],
        "beret": ["a {} beret", "a {} french beret"],
        "headband": ["a {} headband", "a {} hair band"],
        "flower crown": ["a crown of {} flowers", "a {} flower crown", "a {} floral wreath"],
        "kippah": ["a {} kippah", "a {} yarmulke"],
        "turban": ["a {} turban", "a {} dastar"],
        "head wrap": ["a {} head wrap", "a {} gele"],
        "hijab": ["a {} hijab", "a {} headscarf"],
    },
    "earrings": {
        "none": ["", "", "", "", "", "", "", "", "no earrings", "without earrings"],
        "hoops": ["hoop earrings", "gold hoops", "gold hoop earrings"],
        "studs": ["gold studs", "ear studs"],
        "pearls": ["pearl earrings", "pearls"],
    },
    "piercing": {
        "none": [""],
        "nose ring": ["a nose ring", "a septum ring"],
        "nose stud": ["a nose stud", "a pierced nose"],
        "brow piercing": ["an eyebrow piercing", "a pierced eyebrow"],
    },
    "hearing": {
        "none": [""],
        "hearing aid": ["hearing aids", "a hearing aid"],
    },
    "cloth": {
        "t-shirt": ["a {} t-shirt", "a {} tee"],
        "v-neck": ["a {} v-neck", "a {} v-neck shirt"],
        "turtleneck": ["a {} turtleneck", "a {} roll-neck", "a {} polo-neck"],
        "hoodie": ["a {} hoodie", "a {} hooded sweatshirt"],
        "suit": ["a {} suit", "a {} suit and tie", "a {} business suit"],
        "striped shirt": ["a {} striped shirt", "a {} sailor shirt", "{} stripes"],
        "tank top": ["a {} tank top", "a {} sleeveless top"],
        "sweater": ["a {} sweater", "a {} jumper", "a {} knitted pullover"],
        "collared shirt": ["a {} collared shirt", "a {} button-up", "a {} dress shirt"],
        "denim jacket": ["a {} denim jacket", "a {} jean jacket"],
        "overalls": ["{} overalls", "{} dungarees"],
        "kurta": ["a {} kurta", "a {} tunic"],
        "kimono": ["a {} kimono", "a {} japanese robe"],
        "sari": ["a {} sari", "a {} saree"],
        "dashiki": ["a {} dashiki", "a {} african shirt"],
        "scarf": ["a {} top and a scarf", "a {} shirt with a scarf"],
    },
    "bg": {
        "plain": ["{} background", "plain {} backdrop", "on a {} background", "in front of a {} wall"],
        "gradient": ["{} gradient background", "soft {} studio background", "on a {} gradient"],
        "bokeh": ["blurred lights", "bokeh background", "in front of blurred lights"],
        "city": ["in the city at night", "night city lights", "in front of a skyline"],
        "beach": ["on a beach", "at the sea", "on the sand by the ocean"],
        "forest": ["in a forest", "among green trees", "in the woods"],
        "stars": ["in space", "under a starry sky", "among the stars"],
        "sunset": ["at sunset", "sunset in the mountains", "at dusk"],
    },
    "light": {
        "soft": ["", "", "", "soft light"],
        "side": ["side light", "dramatic side lighting", "lit from the side"],
        "warm": ["warm light", "golden light", "in warm light"],
        "cold": ["cold light", "blue cold lighting", "in cold light"],
        "rim": ["rim light", "backlit", "lit from behind"],
    },
    "hair_as": {
        "bald": ["with a shaved head", "bald"],
        "buzz": ["with a buzz cut", "with cropped hair"],
        "short": ["with short hair"],
        "side part": ["with a side parting", "with parted hair"],
        "afro": ["with an afro"],
        "curly": ["with curly hair", "with curls"],
        "bob": ["with a bob", "with a bob haircut"],
        "long": ["with long hair", "with long straight hair"],
        "wavy": ["with wavy hair", "with long waves"],
        "bun": ["with a bun", "with hair in a bun"],
        "fringe": ["with a fringe", "with bangs"],
        "ponytail": ["with a ponytail"],
        "spiky": ["with spiky hair", "with spikes"],
        "crew cut": ["with a crew cut"],
        "fade": ["with a fade", "with a fade haircut"],
        "quiff": ["with a quiff", "with a pompadour"],
        "slicked back": ["with slicked hair"],
        "receding": ["with a receding hairline"],
        "horseshoe": ["with a bald crown", "balding"],
        "mohawk": ["with a mohawk"],
        "pixie": ["with a pixie cut"],
        "shoulder-length": ["with shoulder-length hair"],
        "long curls": ["with long curls", "with long curly hair"],
        "coily": ["with coily hair", "with short coils"],
        "afro puffs": ["with afro puffs", "with two puffs"],
        "space buns": ["with space buns", "with two buns"],
        "top knot": ["with a top knot"],
        "braid": ["with a braid", "with a side braid"],
        "two braids": ["with two braids", "with plaits"],
        "box braids": ["with box braids"],
        "cornrows": ["with cornrows"],
        "locs": ["with locs", "with dreadlocks"],
    },
}  # fmt: skip

# Styles stand before the subject ("a watercolour of …") or behind it ("…, watercolour style").
STYLE_BEFORE = {
    "3d": ["", "", "", "a 3d render of", "a 3d avatar of", "a cartoon 3d portrait of", "a 3d character of"],
    "pencil": ["a pencil sketch of", "a pencil drawing of", "a graphite sketch of"],
    "watercolour": ["a watercolour of", "a watercolor painting of", "an aquarelle of"],
    "pixel": ["pixel art of", "an 8-bit sprite of", "a pixel portrait of"],
    "comic": ["a comic of", "a comic book drawing of", "halftone pop art of"],
    "oil": ["an oil painting of", "an oil portrait of", "a classical painting of"],
    "neon": ["a neon portrait of", "a glowing neon drawing of", "a cyberpunk neon sign of"],
    "flat": ["a flat poster of", "a flat illustration of", "a vector portrait of"],
}
STYLE_BEHIND = {
    "3d": ["", "", "", "3d render", "3d style"],
    "pencil": ["pencil drawing", "drawn in pencil", "graphite sketch"],
    "watercolour": ["watercolour style", "painted in watercolor", "aquarelle"],
    "pixel": ["pixel art", "8-bit style"],
    "comic": ["comic style", "pop art", "comic book style"],
    "oil": ["oil painting", "painted in oil", "classical painting"],
    "neon": ["neon style", "glowing neon", "cyberpunk neon"],
    "flat": ["flat style", "vector illustration", "poster style"],
}

# Who is seen.
WOMAN, MAN, NEUTRAL = ["woman", "lady", "person"], ["man", "guy", "person"], ["character", "face", "someone"]
PORTRAIT = "portrait"  # stands alone: neither "a sketch of a portrait" nor "an older portrait"
# Words for an age, with the range of the parameter `age` that they fit.
AGES = {"young": (0.0, 0.18), "middle-aged": (0.42, 0.62), "older": (0.70, 1.0), "elderly": (0.80, 1.0)}
WEARING = ["wearing ", "with ", "in ", "dressed in "]

# Words that carry no fact of their own.
FUNCTION_WORDS = {
    "a", "an", "and", "at", "background", "backdrop", "by", "dressed", "drawn", "from", "front", "further", "in", "lit",
    "of", "on", "painted", "pair", "plain", "seen", "soft", "studio", "style", "the", "to", "under", "view", "wall",
    "with", "looking", "wearing", "away",
}  # fmt: skip
# How the parameters are called for people.
GROUP_NAMES = {
    "expr": "expression", "pose": "pose", "framing": "framing", "eyewear": "eyewear", "headwear": "headwear",
    "earrings": "earrings", "piercing": "piercing", "hearing": "hearing", "cloth": "garment", "bg": "background",
    "light": "light", "hair_as": "hair",
}  # fmt: skip
