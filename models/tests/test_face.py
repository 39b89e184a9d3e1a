"""Face networks: crop template, detection decode, losses, exports, the judge's protocol."""

import json

import numpy as np
import pytest
import torch
from models.judge_protocol import COLOUR_RULES, PATH, load_protocol
from models.portrait.vocabulary import COLOURS
from models.starter.background import border_colour, obeys, oklch
from models.starter.embed import letterbox
from models.starter.face_data import ARCFACE_TEMPLATE, align, block_noise, spoil
from models.starter.face_detector import GRID, STRIDE, FaceDetector, decode
from models.starter.face_encoder import EMBEDDING, FaceEncoder
from models.starter.face_onnx import export
from models.starter.judge import Judge, alike_loss
from models.train.face_detector import detection_loss
from models.train.face_scores import area_under_curve, identification, same_person_auc

TEMPLATE = torch.tensor(ARCFACE_TEMPLATE)


def picture_with_dots(points: torch.Tensor, side: int = 200) -> torch.Tensor:
    """A smooth bump at each point of a black picture."""
    step = torch.arange(side) + 0.5
    y, x = torch.meshgrid(step, step, indexing="ij")
    bumps = [torch.exp(-((x - px) ** 2 + (y - py) ** 2) / 18) for px, py in points.tolist()]
    return torch.stack(bumps).amax(0).expand(1, 3, -1, -1)


def centre_near(image: torch.Tensor, point: torch.Tensor, reach: int = 7) -> torch.Tensor:
    """Weighted centre of a picture's brightness around a point, in pixels."""
    left, top = (int(v) - reach for v in point)
    window = image[0, 0, top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    step = torch.arange(2 * reach + 1) + 0.5
    x = (window.sum(0) * step).sum() / window.sum() + left
    y = (window.sum(1) * step).sum() / window.sum() + top
    return torch.stack([x, y])


@pytest.mark.parametrize(("turn", "scale"), [(0.0, 1.0), (0.4, 0.8), (-0.7, 1.4)])
def test_landmarks_land_on_the_template(turn: float, scale: float) -> None:
    rotation = torch.tensor([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], dtype=torch.float32)
    landmarks = (TEMPLATE - 56) @ rotation.T * scale + torch.tensor([101.0, 97.0])
    crop = align(picture_with_dots(landmarks), landmarks[None])
    for point in TEMPLATE:
        assert (centre_near(crop, point) - point).norm() < 0.35


def test_crop_size_scales_the_template() -> None:
    landmarks = TEMPLATE + 30
    crop = align(picture_with_dots(landmarks), landmarks[None], 96)
    assert (centre_near(crop, TEMPLATE[2] * 96 / 112) - TEMPLATE[2] * 96 / 112).norm() < 0.35


def outputs_with_faces(*faces: tuple[int, int, float, float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Detector outputs with (row, column, logit, half size in cells) set."""
    heat, box, marks = torch.full((1, GRID, GRID), -9.0), torch.zeros(4, GRID, GRID), torch.zeros(10, GRID, GRID)
    for row, column, logit, half in faces:
        heat[0, row, column] = logit
        box[:, row, column] = half
        marks[:, row, column] = torch.arange(10) / 10
    return heat, box, marks


def test_decode_gives_pixels() -> None:
    (face,) = decode(*outputs_with_faces((3, 5, 2.0, 2.5)))
    assert face.score == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-6)
    assert face.box.tolist() == [44 - 20, 28 - 20, 44 + 20, 28 + 20]
    assert face.landmarks[1].tolist() == pytest.approx([44 + 0.2 * STRIDE, 28 + 0.3 * STRIDE])


def test_decode_drops_weak_neighbouring_and_overlapping_cells() -> None:
    faces = decode(
        *outputs_with_faces((3, 5, 2.0, 4), (3, 6, 1.5, 4), (3, 7, 1.9, 4), (12, 14, 3.0, 2), (16, 2, -0.1, 2))
    )
    assert [round(float(face.box[:2].mean())) for face in faces] == [(14 * 8 + 12 * 8) // 2 + 4 - 16, 36 - 32]


def test_perfect_detection_has_little_loss() -> None:
    from models.starter.face_scenes import Scenes

    box, marks = torch.zeros(1, 3, 4), torch.zeros(1, 3, 5, 2)
    box[0, 0] = torch.tensor([40.0, 44, 84, 92])
    marks[0, 0] = TEMPLATE / 2 + 30
    scenes = Scenes(torch.zeros(1, 3, 160, 160), box, marks, torch.tensor([[True, False, False]]))
    centres = (torch.arange(GRID) + 0.5) * STRIDE
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    heat = torch.full((1, 1, GRID, GRID), -12.0)
    heat[0, 0, 8, 7] = 12
    sides = torch.stack([x - 40, y - 44, 84 - x, 92 - y])[None] / STRIDE
    points = torch.stack([m for px, py in marks[0, 0] for m in (px - x, py - y)])[None] / STRIDE
    right = detection_loss((heat, sides.clamp(min=0), points), scenes)
    wrong = detection_loss((-heat, sides.clamp(min=0) + 1, points - 1), scenes)
    assert max(float(v) for v in right) < 1e-3
    assert min(float(v) for v in wrong) > 0.1


@pytest.mark.parametrize(
    ("network", "side", "outputs"),
    [
        (FaceEncoder, 112, ["embedding"]),
        (FaceDetector, 160, ["heatmap", "box", "landmarks"]),
        (Judge, 96, ["embedding"]),
    ],
)
def test_export_equals_torch(network, side: int, outputs: list[str], tmp_path) -> None:
    torch.manual_seed(0)
    model = network()
    model.train()
    model(torch.randn(4, 3, side, side))
    assert export(model, torch.randn(2, 3, side, side), tmp_path / "m.onnx", ["image"], outputs) < 1e-4


def test_embedding_is_raw_512() -> None:
    assert FaceEncoder().eval()(torch.zeros(1, 3, 112, 112)).shape == (1, EMBEDDING)


def test_alike_loss_prefers_groups() -> None:
    person = torch.tensor([0, 0, 1, 1])
    grouped = torch.tensor([[1.0, 0], [1, 0.1], [-1, 0], [-1, 0.1]])
    assert alike_loss(grouped, person) < alike_loss(grouped[[0, 2, 1, 3]], person) - 1


def test_scores() -> None:
    assert area_under_curve(torch.tensor([3.0, 2.0]), torch.tensor([1.0, 2.5])) == 0.75
    embedding = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.2], [0, 1], [1, 0.9]]), dim=1)
    person = torch.tensor([0, 0, 1, 1])
    assert identification(embedding, person, 2) == 0.5
    assert 0 < same_person_auc(embedding, person) < 1


def test_spoiling_keeps_range_and_shape() -> None:
    image = torch.rand(8, 3, 40, 48)
    spoilt = spoil(image.clone(), torch.Generator().manual_seed(3))
    assert spoilt.shape == image.shape and 0 <= float(spoilt.min()) and float(spoilt.max()) <= 1
    flat = torch.full((1, 3, 16, 16), 0.5)
    assert (block_noise(flat, torch.Generator().manual_seed(0)) - flat).abs().max() < 0.02


def test_letterbox_is_top_left_and_zero_padded() -> None:
    framed, scale = letterbox(torch.ones(3, 50, 100))
    assert scale == 1.6 and framed.shape == (1, 3, 160, 160)
    assert float(framed[..., :80, :].min()) == pytest.approx(1) and float(framed[..., 80:, :].abs().max()) == 0


def test_oklch_of_known_colours() -> None:
    lightness, chroma, hue = oklch(np.array([1.0, 0, 0]))
    assert (lightness, chroma, hue) == (
        pytest.approx(0.628, abs=2e-3),
        pytest.approx(0.2577, abs=2e-3),
        pytest.approx(29.2, abs=0.3),
    )
    assert oklch(np.ones(3))[1] < 1e-3


@pytest.mark.parametrize("word", COLOURS)
def test_each_colour_obeys_its_own_rule_only(word: str) -> None:
    from models.portrait.identity import sample_identity
    from models.portrait.render import render
    from models.portrait.scene import canonical_scene

    generator = torch.Generator().manual_seed(5)
    scene = canonical_scene(1, generator)
    scene["bg_col"][:] = list(COLOURS).index(word)
    picture = render({**sample_identity(1, generator), **scene}, 64)["image"][0]
    colour = oklch(border_colour((picture.permute(1, 2, 0).numpy() * 255).astype(np.uint8)))
    assert [name for name, rule in COLOUR_RULES.items() if obeys(colour, rule)] == [word]


def test_protocol_is_complete() -> None:
    protocol = load_protocol()
    assert len(protocol.references) == 24 and len(protocol.prompts) == 4
    assert protocol.rules == COLOUR_RULES == json.loads(PATH.read_text())["backgroundRules"]
    assert all(prompt["background"] in prompt["text"] for prompt in protocol.prompts)
    assert len({protocol.seed(p, q) for p in range(24) for q in range(4)}) == 96
