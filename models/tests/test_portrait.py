"""The portrait renderer: repeatable, placed right, and said in the prompt."""

import random
import re

import numpy as np
import pytest
import torch
from models.portrait.align import ARCFACE_TEMPLATE, align_crop
from models.portrait.identity import IDENTITY_SIZE, id_vector, sample_identity
from models.portrait.prompt import PHRASES, WORDS, known_words, prompts, words_in
from models.portrait.render import render
from models.portrait.scene import CANONICAL_YAW, canonical_scene, sample_scene
from models.portrait.stages import fit
from models.portrait.vocabulary import COLOUR_NAMES, COLOURS, INDEX
from models.tests.portrait_golden import FIXTURE, draw_golden


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def portraits(count: int, seed: int, scene=canonical_scene) -> dict[str, torch.Tensor]:
    generator = seeded(seed)
    return sample_identity(count, generator) | scene(count, generator)


def test_golden_pictures():
    stored = np.load(FIXTURE)
    pictures, points = draw_golden()
    difference = np.abs(pictures.astype(int) - stored["pictures"].astype(int))
    assert difference.mean() < 0.1 and difference.max() <= 4
    np.testing.assert_allclose(points, stored["landmarks"], atol=0.01)


def test_a_seed_gives_the_same_people_and_scenes():
    for scene in (canonical_scene, sample_scene):
        first, again, other = (portraits(20, seed, scene) for seed in (3, 3, 4))
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["face_w"], other["face_w"])


def test_a_picture_does_not_depend_on_the_others_of_its_call():
    params = portraits(3, 5, sample_scene)
    together = render(params, 64)["image"]
    last = render({name: values[2:] for name, values in params.items()}, 64)["image"]
    assert torch.equal(together[2:], last)


def test_drawing_in_chunks_changes_nothing_visible():
    params = portraits(4, 6, sample_scene)
    alone, chunked = render(params, 64, chunk=1), render(params, 64, chunk=4)
    # Windows are larger in a chunk, so that soft shadows end later.
    assert (alone["image"] - chunked["image"]).abs().max() < 1e-3
    assert torch.equal(alone["landmarks"], chunked["landmarks"])


def test_the_same_person_in_another_scene_keeps_the_identity_vector():
    people = sample_identity(5, seeded(7))
    vectors = id_vector(people | canonical_scene(5, seeded(1)))
    assert vectors.shape == (5, IDENTITY_SIZE)
    assert torch.equal(vectors, id_vector(people | sample_scene(5, seeded(2))))
    assert vectors[:, :27].abs().max() < 4  # scaled to about unit deviation


def test_landmarks_and_box():
    size = 96
    drawn = render(portraits(24, 8, sample_scene), size)
    points, box = drawn["landmarks"], drawn["box"]
    left_eye, right_eye, nose, left_mouth, right_mouth = points.unbind(1)
    assert ((points > 0) & (points < size)).all()
    assert (left_eye[:, 0] < right_eye[:, 0]).all() and (left_mouth[:, 0] < right_mouth[:, 0]).all()
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    assert (eyes[:, 1] < nose[:, 1]).all() and (nose[:, 1] < mouth[:, 1]).all()
    inside = (points >= box[:, None, :2]) & (points <= box[:, None, 2:])
    assert inside.all()
    assert drawn["image"].shape == (24, 3, size, size)
    assert drawn["image"].min() >= 0 and drawn["image"].max() <= 1


def test_landmarks_lie_on_the_drawn_eyes():
    params = portraits(8, 9)
    params["expr"][:], params["eyewear"][:], params["headwear"][:] = 0, 0, 0
    params["hair"][:] = INDEX["hair"]["buzz"]
    params["iris"][:], params["skin"][:] = INDEX["iris"]["dark brown"], 0.5
    drawn = render(params, 128)
    for picture, points in zip(drawn["image"], drawn["landmarks"], strict=True):
        for x, y in points[:2].round().int().tolist():
            around = picture[:, y - 2 : y + 3, x - 2 : x + 3].mean()
            cheek = picture[:, y + 14 : y + 19, x - 2 : x + 3].mean()
            assert around < cheek - 0.1


def test_turned_heads_look_to_the_named_side():
    people = {name: values[:1].repeat(3) for name, values in sample_identity(1, seeded(1)).items()}
    scene = {name: values[:1].repeat(3) for name, values in canonical_scene(1, seeded(1)).items()}
    scene["yaw"] = torch.tensor([CANONICAL_YAW[word] for word in ("left", "front", "right")])
    nose = render(people | scene, 64)["landmarks"][:, 2, 0]
    assert nose[0] < nose[1] < nose[2]


def test_canonical_scenes_fix_what_prompts_do_not_say():
    scene = canonical_scene(300, seeded(11))
    for name, word in (("style", "3d"), ("bg", "plain"), ("light", "soft")):
        assert (scene[name] == INDEX[name][word]).all()
    for name in ("pitch", "roll", "zoom", "tx", "ty", "seed", "hair_over"):
        assert len(scene[name].unique()) == 1
    for word, yaw in CANONICAL_YAW.items():
        assert (scene["yaw"][scene["pose"] == INDEX["pose"][word]] == yaw).all()
    assert set(scene) == set(sample_scene(1, seeded(0)))
    assert (scene["headwear"] != INDEX["headwear"]["headphones"]).all()


def test_plain_background_has_the_named_colour():
    params = portraits(len(COLOUR_NAMES), 12)
    params["bg_col"] = torch.arange(len(COLOUR_NAMES))
    corners = render(params, 64)["image"][:, :, :4, :4].mean((2, 3))
    # A third of white in the paint; wall and lens darken the corners by 0.8 and 0.82.
    expected = (torch.tensor(list(COLOURS.values())) * 0.7 + 0.3) * 0.8 * 0.82
    assert torch.cdist(corners, expected).argmin(1).tolist() == list(range(len(COLOUR_NAMES)))


def words_of_every_sentence(params, drop=0.0) -> list[str]:
    return prompts(params, random.Random(0), drop)


@pytest.mark.parametrize("key", list(PHRASES))
def test_each_word_changes_what_the_sentence_says(key):
    words = WORDS[key]
    params = portraits(40 * len(words), 13, sample_scene)
    params[key] = torch.arange(len(words)).repeat_interleave(40)
    sentences = words_of_every_sentence(params)
    for index, word in enumerate(words):
        patterns = [
            re.escape(phrase).replace(r"\{\}", "[a-z]+").removeprefix("a\\ ") for phrase in PHRASES[key][word] if phrase
        ]
        unsaid = "" in PHRASES[key][word]
        for sentence in sentences[index * 40 : (index + 1) * 40]:
            assert unsaid or any(re.search(pattern, sentence) for pattern in patterns), (word, sentence)


def test_colours_are_those_of_the_parameters():
    params = portraits(60, 14, sample_scene)
    params["bg"][:], params["hair_over"][:], params["headwear"][:] = 0, -1, INDEX["headwear"]["beanie"]
    for i, sentence in enumerate(words_of_every_sentence(params)):
        garment, hat, background = (COLOUR_NAMES[params[name][i]] for name in ("cloth_col", "hat_col", "bg_col"))
        assert re.search(rf"\b{hat} (beanie|knit cap)", sentence)
        assert re.search(rf"({background} background|plain {background} backdrop)", sentence)
        assert re.search(rf"\ban? {garment} ", sentence)


def test_grammar():
    params = portraits(3000, 15, sample_scene)
    for sentence in words_of_every_sentence(params, 0.12):
        assert not re.search(r"\ba [aeiou]", sentence), sentence
        assert not re.search(r"\ban (?![aeiou8])", sentence), sentence
        assert not re.search(r"(of|older) (an? )?portrait", sentence), sentence
        assert "  " not in sentence and not sentence.startswith((",", " "))
        assert len(words_in(sentence)) <= 30  # with begin and end at most 32 tokens


def test_known_words_are_those_of_the_sentences():
    known = set().union(*known_words().values())
    params = portraits(6000, 16, sample_scene)
    spoken = set(words_in(" ".join(words_of_every_sentence(params))))
    assert spoken == known
    assert "orange" in known_words()["colour"] and "beanie" in known_words()["headwear"]


def test_left_out_facts():
    params = portraits(400, 17, sample_scene)
    params["cloth"][:] = INDEX["cloth"]["hoodie"]
    said = [bool(re.search("hood", sentence)) for sentence in words_of_every_sentence(params, 0.5)]
    assert 140 < sum(said) < 260
    assert all(re.search("hood", sentence) for sentence in words_of_every_sentence(params, 0.0))


def test_aligned_crops_put_landmarks_on_the_template():
    size = 112
    template = torch.tensor(ARCFACE_TEMPLATE)
    angle, scale = 0.3, 1.7
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    points = (template @ turn.T * scale + torch.tensor([60.0, 20.0]))[None]
    picture = torch.zeros(1, 1, 256, 256)
    grid_y, grid_x = torch.meshgrid(torch.arange(256) + 0.5, torch.arange(256) + 0.5, indexing="ij")
    for x, y in points[0]:
        picture += torch.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / 18)
    crop = align_crop(picture, points, size)[0, 0]
    for x, y in template:
        assert crop[int(y), int(x)] > 0.85
    with pytest.raises(ValueError, match="square"):
        align_crop(torch.zeros(1, 3, 10, 20), points)


def test_windows_lie_inside_the_picture():
    for start, end in ((-20.0, 30.0), (100.0, 140.0), (3.0, 90.0), (-50.0, 400.0)):
        window = fit(start, end, 128)
        assert 0 <= window.start < window.stop <= 128
        assert window.start <= max(start, 0) and window.stop >= min(end, 128)


def test_no_pictures():
    with pytest.raises(ValueError, match="empty"):
        render({name: values[:0] for name, values in portraits(1, 1).items()})
