"""What is drawn on the cloth: collars, lapels, plackets, borders, patterns, straps, drapes, scarves."""

import torch
from torch import Tensor

from .canvas import Canvas, blend, constant, cover, darken, paint, shade
from .distance import ellipse, ridge, rounded_box, segment, smooth_max, smooth_min, smoothstep
from .frame import Frame
from .torso import RAISED, TorsoAnchors, TorsoPlanes, draw_garment, draw_skin, garment_distance, torso_planes
from .traits import Traits


def draw_shirt_and_tie(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes) -> Canvas:
    """What shows under a suit."""
    x, y = frame.x, frame.y + RAISED
    coverage = frame.coverage(smooth_max(planes.body, -planes.round_neck - 0.01, 0.01)) * anchors.suit
    canvas = cover(canvas, coverage, constant(x, 0.94, 0.95, 0.98), x * 0.8, (y - 1.0) * 0.5, 0.1)
    tie = x.abs() - 0.036 - 0.05 * smoothstep(0.76, 1.1, y) + 0.016 * smoothstep(0.70, 0.76, y)
    return paint(canvas, frame.coverage(tie) * frame.coverage(0.665 - y) * anchors.suit, anchors.accent)


def draw_hood(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, distance: Tensor) -> Canvas:
    """A hood's edge and its cords."""
    x, y = frame.x, frame.y + RAISED
    edge = ridge(ellipse(x, y - 0.66, anchors.neck + 0.15, 0.19), 0.02) * anchors.hoodie
    canvas = darken(canvas, edge * smoothstep(0.70, 0.78, y) * frame.coverage(distance), 0.74)
    for side in (-1, 1):
        cord, _ = segment(x, y, side * 0.09, 0.80, side * 0.10, 0.97)
        canvas = paint(canvas, frame.coverage(cord - 0.011) * anchors.hoodie, constant(x, 0.97, 0.97, 0.97))
    return canvas


def draw_lapels(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, planes: TorsoPlanes, distance: Tensor) -> Canvas:
    """A suit's lapels; a kimono's crossed border in the accent colour."""
    y = frame.y + RAISED
    worn = frame.coverage(distance)
    outer = planes.v_neck - 0.10 + 0.12 * (y - 0.70).clamp(min=0)
    canvas = darken(canvas, ridge(outer, 0.010) * worn * anchors.suit, 0.62)
    canvas = darken(canvas, ridge(planes.v_neck - 0.006, 0.008) * worn * anchors.suit, 0.7)
    border = frame.coverage(planes.v_neck + 0.04 - 0.115) * worn * anchors.kimono
    canvas = paint(canvas, border, blend(anchors.accent, constant(y, 0.97, 0.95, 0.90), 0.35))
    canvas = darken(canvas, ridge(planes.v_neck + 0.04 - 0.115, 0.006) * worn * anchors.kimono, 0.7)
    inner = frame.coverage(planes.v_neck + 0.04 - 0.062) * worn * anchors.kimono
    canvas = paint(canvas, inner, constant(y, 0.97, 0.96, 0.94))
    fold, _ = segment(frame.x, y, 0.0, 0.885, -0.30 * anchors.side, 1.25)
    canvas = darken(canvas, ridge(fold, 0.010) * worn * anchors.kimono, 0.70)
    petals = torch.sin(frame.x * 26 + 1) * torch.sin(y * 26 + 2)
    print_ = smoothstep(0.80, 0.90, petals) * worn * anchors.kimono * (planes.v_neck > 0.10)
    return paint(canvas, print_, blend(anchors.accent, constant(y, 1.0, 1.0, 1.0), 0.5))


def draw_collar(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, distance: Tensor) -> Canvas:
    """The turned-down collar and buttons of shirt and denim jacket, the placket of a kurta."""
    x, y = frame.x, frame.y + RAISED
    worn = frame.coverage(distance)
    placket = frame.coverage(x.abs() - 0.042) * frame.coverage(0.69 - y) * worn
    canvas = darken(canvas, placket * (anchors.collared + anchors.kurta), 0.93)
    canvas = darken(canvas, ridge(x.abs() - 0.042, 0.005) * worn * frame.coverage(0.69 - y) * 0.6
                    * (anchors.collared + anchors.kurta + anchors.denim), 0.66)  # fmt: skip
    trim = frame.coverage((x.abs() - 0.035).abs() - 0.008) * frame.coverage(0.70 - y) * frame.coverage(y - 0.98)
    neck_trim = ridge(y - 0.665 + 0.4 * x * x, 0.010) * smoothstep(anchors.neck + 0.02, anchors.neck - 0.01, x.abs())
    gold = blend(anchors.accent, constant(x, 0.95, 0.78, 0.36), 0.6)
    canvas = paint(canvas, (trim + neck_trim).clamp(max=1) * worn * anchors.kurta, gold)
    phase = torch.frac((y - 0.735) / 0.105) - 0.5
    buttons = frame.coverage(((x / 0.105) ** 2 + phase**2).sqrt() * 0.105 - 0.0115) * worn * (y > 0.70)
    shown = anchors.collared + anchors.denim + anchors.kurta
    canvas = paint(canvas, buttons * shown, blend(gold, constant(x, 0.96, 0.95, 0.92), 1 - anchors.denim))
    for side in (-1, 1):
        tilt = (x * side - 0.085) * 0.85 + (y - 0.655) * 0.53
        leaf = rounded_box(tilt, (y - 0.655) * 0.85 - (x * side - 0.085) * 0.53, 0.088, 0.052, 0.012)
        leaf = torch.maximum(leaf, 0.012 - x * side)
        shown = frame.coverage(leaf) * (anchors.collared + anchors.denim)
        canvas = darken(canvas, smoothstep(0.022, 0.0, leaf) * worn * (anchors.collared + anchors.denim) * 0.6, 0.66)
        colour = blend((canvas.red, canvas.green, canvas.blue), constant(x, 1.0, 1.0, 1.0), 0.0)
        canvas = cover(canvas, shown, colour, x * 0.9, -0.45, 0.10)
    seams = ridge(y - 0.90, 0.005) + ridge(x.abs() - 0.30, 0.005) * (y > 0.90)
    return paint(canvas, seams * worn * anchors.denim * 0.6, constant(x, 0.93, 0.72, 0.40))


def draw_straps(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, traits: Traits, distance: Tensor) -> Canvas:
    """The bib, straps and buttons of overalls."""
    x, y = frame.x, frame.y + RAISED
    worn = frame.coverage(distance) * anchors.overalls
    bib = rounded_box(x, y - 1.20, 0.235, 0.30, 0.03)
    strap = torch.maximum((x.abs() - 0.20 - 0.06 * (0.92 - y)).abs() - 0.042, y - 0.95)
    cloth = torch.minimum(bib, strap)
    canvas = darken(canvas, smoothstep(0.025, 0.0, cloth) * worn * 0.5, 0.7)
    canvas = cover(canvas, frame.coverage(cloth) * worn, traits.cloth_colour, x * 0.9, (y - 1.05) * 0.6, 0.1)
    stitch = ridge(bib + 0.014, 0.004) * worn
    canvas = paint(canvas, stitch, constant(x, 0.97, 0.85, 0.55), 0.6)
    button = ((x.abs() - 0.195) ** 2 + (y - 0.925) ** 2).sqrt() - 0.022
    return cover(canvas, frame.coverage(button) * worn, constant(x, 0.95, 0.80, 0.40), 0.0 * x, (y - 0.925) * 20, 0.8)


def draw_drapes(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, traits: Traits, distance: Tensor) -> Canvas:
    """A sari's drape with its border; a dashiki's embroidery; a scarf around the neck."""
    x, y = frame.x * anchors.side, frame.y + RAISED
    worn = frame.coverage(distance)
    gold = constant(x, 0.96, 0.80, 0.38)
    # The sari's cloth comes from the hip over one shoulder; the blouse beneath has the accent colour.
    edge = (x + 0.08) * 0.80 - (y - 0.86) * 0.60
    canvas = paint(canvas, worn * smoothstep(0.0, 0.006, -edge) * anchors.sari, anchors.accent)
    over = worn * frame.coverage(-edge) * anchors.sari
    pleats = 1 + 0.10 * torch.sin(edge * 70 + 0.8 * torch.sin(y * 9))
    canvas = paint(canvas, over, shade(traits.cloth_colour, pleats))
    canvas = darken(canvas, ridge(edge + 0.008, 0.012) * worn * anchors.sari, 0.72)
    border = frame.coverage((edge - 0.034).abs() - 0.030) * worn * anchors.sari
    beads = 0.85 + 0.25 * (torch.sin((x * 0.6 + y * 0.8) * 90) > 0)
    canvas = paint(canvas, border, shade(gold, beads))

    neckline = smooth_min(
        ellipse(x, y - 0.60, anchors.neck + 0.055, 0.135), x.abs() * 1.0 - 0.05 + (y - 1.0).clamp(min=0), 0.03
    )
    rings = neckline * 100
    embroidery = smoothstep(0.115, 0.105, neckline) * worn * anchors.dashiki
    canvas = paint(canvas, embroidery, anchors.accent)
    zigzag = torch.sin(rings + 2.2 * torch.asin((0.97 * torch.sin(y * 64)).clamp(-1, 1)))
    canvas = paint(canvas, embroidery * smoothstep(0.2, 0.5, zigzag), gold)
    canvas = paint(canvas, ridge(neckline - 0.11, 0.007) * worn * anchors.dashiki, traits.white)
    motif = smoothstep(0.70, 0.80, torch.sin(x * 30) * torch.sin(y * 30)) * worn * anchors.dashiki
    canvas = paint(canvas, motif * (neckline > 0.14), blend(traits.cloth_colour, gold, 0.75))

    tilted = y - 0.640 - 0.05 * x + 0.35 * x * x
    roll = rounded_box(x, tilted, anchors.neck + 0.125, 0.100, 0.095)
    hanging = rounded_box(x - 0.12 - 0.10 * (y - 0.8), y - 0.92, 0.085, 0.30, 0.03)
    scarf = smooth_min(roll, hanging, 0.03)
    canvas = darken(canvas, smoothstep(0.05, 0.0, scarf) * worn * anchors.scarf * 0.6, 0.65)
    folds = torch.sin((tilted + 0.25 * x) * 58) * (hanging > 0) + torch.sin(x * 70) * (hanging < 0)
    wool = shade(anchors.accent, 0.95 + 0.10 * folds)
    wool = shade(wool, 1 - 0.25 * smoothstep(0.60, 0.52, y))
    wool = shade(wool, 1 - 0.24 * ridge(y - 0.655 - 0.30 * x, 0.016) * (hanging > 0))
    canvas = cover(canvas, frame.coverage(scarf) * anchors.scarf, wool, x * 1.6, (y - 0.62) * 2 + 0.2 * folds, 0.06)
    fringe = smoothstep(0.3, 0.6, torch.sin(x * 150)) * (hanging < 0) * smoothstep(1.13, 1.15, y)
    return darken(canvas, fringe * frame.coverage(scarf) * anchors.scarf, 0.7)


def draw_torso(canvas: Canvas, frame: Frame, anchors: TorsoAnchors, traits: Traits) -> Canvas:
    """Neck, chest and the worn garment. The frame need not reach above BODY_TOP."""
    planes = torso_planes(frame, anchors)
    canvas = draw_skin(canvas, frame, anchors, planes, traits)
    canvas = draw_shirt_and_tie(canvas, frame, anchors, planes)
    distance = garment_distance(frame, anchors, planes)
    canvas = draw_garment(canvas, frame, anchors, traits, distance)
    canvas = draw_hood(canvas, frame, anchors, distance)
    canvas = draw_lapels(canvas, frame, anchors, planes, distance)
    canvas = draw_collar(canvas, frame, anchors, distance)
    canvas = draw_straps(canvas, frame, anchors, traits, distance)
    return draw_drapes(canvas, frame, anchors, traits, distance)
