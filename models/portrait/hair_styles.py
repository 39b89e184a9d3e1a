"""Hair styles as numbers in head units (half the frame's height = 1)."""

# Every field of a style with its default.
HAIR_FIELDS = {
    "top": 0.05,  # thickness above the skull
    "side": 0.03,  # thickness beside the skull
    "line": -0.33,  # height of the hairline (y, negative = up)
    "power": 2.4,  # exponent of the super-ellipse that bounds the open face (2 = ellipse)
    "skew": 0.0,  # how far the parting slants the hairline
    "fringe": 9.0,  # height of a straight fringe; 9 = none
    "side_length": 0.02,  # how far hair falls beside the face (y)
    "inner": 0.97,  # width of the open face relative to the face
    "back_length": -9.0,  # how far hair falls behind the head (y); -9 = none
    "back_width": 0.0,  # half width of the hair behind the head
    "curl": 0.0,  # amplitude of the outline's curls
    "frequency": 9.0,  # their count
    "wave": 0.0,  # amplitude of long waves
    "bun_radius": 0.0,
    "bun_height": 0.0,
    "bun_apart": 0.0,  # half the distance of two buns
    "tuft": 0.0,  # how far locks fall over the hairline
    "sweep": 0.0,  # 1 = strands run across the head, 0 = away from the crown
    "fade": 0.0,  # 1 = the sides are shorn
    "curly": 0.0,  # texture: 1 = curls
    "coily": 0.0,  # texture: 1 = tight coils
    "ropes": 0.0,  # texture: 1 = braids or locs
    "rows": 0.0,  # texture: 1 = braided rows with the scalp between them
    "recede": 0.0,  # how far the hairline recedes over the temples
    "bare": 0.0,  # 1 = the crown is bald
    "sheer": 0.0,  # 1 = the skin shows through
    "ponytail": 0.0,
    "braids": 0.0,  # 1 = one braid over a shoulder, 2 = one on either side
    "fan": 0.0,  # strands fall from a parting
    "side_fan": 0.0,  # … that lies beside the middle
    "mohawk": 0.0,
}  # fmt: skip


def style(**fields: float) -> tuple[float, ...]:
    """A row of HAIR_FIELDS."""
    return tuple((HAIR_FIELDS | fields).values())


LONG_FALL = {"fan": 1, "power": 1.5, "line": -0.375, "inner": 0.92, "back_length": 1.10, "back_width": 0.47}
HAIR_STYLES = {
    "bald": style(top=-0.20, side=-0.20, line=-0.60),
    "buzz": style(top=0.016, side=0.012, line=-0.345, power=3, side_length=0.0, inner=1.0, sheer=1),
    "short": style(top=0.105, side=0.034, line=-0.310, power=2.8, skew=0.18, tuft=0.045, sweep=0.7, curl=0.012,
                   frequency=8),
    "side part": style(top=0.110, side=0.040, line=-0.325, power=2.3, skew=0.30, side_length=0.03, sweep=0.9,
                       tuft=0.02, curl=0.006, frequency=5),
    "afro": style(top=0.25, side=0.22, line=-0.300, side_length=0.12, inner=0.95, back_length=0.15, back_width=0.6,
                  curl=0.015, frequency=16, coily=1),
    "curly": style(top=0.150, side=0.105, line=-0.275, side_length=0.20, inner=0.93, back_length=0.30,
                   back_width=0.48, curl=0.030, frequency=10, curly=1, skew=0.1, tuft=0.02),
    "bob": style(top=0.085, side=0.080, line=-0.340, power=1.7, skew=0.30, side_length=0.34, inner=0.90,
                 back_length=0.37, back_width=0.45, wave=0.008, fan=1, side_fan=1),
    "long": style(**LONG_FALL | {"top": 0.075, "side": 0.065, "side_length": 0.98, "wave": 0.010}),
    "wavy": style(**LONG_FALL | {"top": 0.095, "side": 0.090, "side_length": 0.86, "back_length": 0.95,
                                 "back_width": 0.54, "wave": 0.040, "skew": 0.22, "curl": 0.012, "frequency": 7,
                                 "side_fan": 1}),
    "bun": style(top=0.050, side=0.024, line=-0.355, power=2, side_length=0.05, inner=0.97, bun_radius=0.150,
                 bun_height=-0.60),
    "fringe": style(top=0.085, side=0.075, line=-0.330, power=2, fringe=-0.175, side_length=0.40, inner=0.90,
                    back_length=0.45, back_width=0.46, wave=0.008),
    "ponytail": style(top=0.055, side=0.026, line=-0.355, power=2, skew=0.20, ponytail=1),
    "spiky": style(top=0.135, side=0.022, line=-0.310, power=2.8, curl=0.040, frequency=13, tuft=0.05),
    "crew cut": style(top=0.060, side=0.018, line=-0.335, power=3.2, fade=0.55, sheer=0.25, curl=0.006, frequency=12),
    "fade": style(top=0.115, side=0.016, line=-0.330, power=3.4, fade=1, coily=1, curl=0.010, frequency=14),
    "quiff": style(top=0.185, side=0.030, line=-0.335, power=2.8, skew=0.20, fade=0.6, sweep=0.8, curl=0.014,
                   frequency=6),
    "slicked back": style(top=0.070, side=0.026, line=-0.365, power=2.2, recede=0.02),
    "receding": style(top=0.050, side=0.036, line=-0.385, power=2.4, recede=0.075, side_length=0.03, sheer=0.2),
    "horseshoe": style(top=0.012, side=0.014, line=-0.36, power=2.4, side_length=0.05, bare=1, sheer=0.3),
    "mohawk": style(top=0.230, side=0.010, line=-0.330, power=3, fade=0.9, mohawk=1, curl=0.02, frequency=9),
    "pixie": style(top=0.095, side=0.050, line=-0.315, power=2.0, skew=0.34, tuft=0.055, sweep=0.6, side_length=0.09,
                   inner=0.92, curl=0.010, frequency=9),
    "shoulder-length": style(**LONG_FALL | {"top": 0.085, "side": 0.078, "side_length": 0.60, "back_length": 0.64,
                                            "skew": 0.26, "side_fan": 1, "wave": 0.022}),
    "long curls": style(top=0.150, side=0.130, line=-0.300, side_length=0.66, inner=0.92, back_length=0.80,
                        back_width=0.60, curl=0.034, frequency=11, curly=1, wave=0.03),
    "coily": style(top=0.110, side=0.070, line=-0.315, side_length=0.06, inner=0.97, coily=1, curl=0.012,
                   frequency=18),
    "afro puffs": style(top=0.035, side=0.022, line=-0.350, power=2, coily=1, bun_radius=0.200, bun_height=-0.47,
                        bun_apart=0.34),
    "space buns": style(top=0.050, side=0.035, line=-0.350, power=1.8, bun_radius=0.120, bun_height=-0.53,
                        bun_apart=0.24, fan=1),
    "top knot": style(top=0.055, side=0.016, line=-0.360, power=2.4, fade=0.8, bun_radius=0.105, bun_height=-0.58),
    "braid": style(top=0.065, side=0.045, line=-0.355, power=1.7, skew=0.25, side_length=0.12, inner=0.94, braids=1,
                   fan=1, side_fan=1),
    "two braids": style(top=0.060, side=0.040, line=-0.365, power=1.5, side_length=0.14, inner=0.95, braids=2, fan=1),
    "box braids": style(**LONG_FALL | {"top": 0.075, "side": 0.075, "side_length": 0.90, "ropes": 1, "inner": 0.94}),
    "cornrows": style(top=0.026, side=0.022, line=-0.350, power=2.4, rows=1, side_length=0.03),
    "locs": style(top=0.090, side=0.085, line=-0.325, power=1.9, side_length=0.52, inner=0.93, back_length=0.58,
                  back_width=0.50, ropes=1, curl=0.012, frequency=13),
}  # fmt: skip
