"""The portrait renderer: repeatable, placed right, and said in the prompt."""

import random
import re

import numpy as np
import pytest
import torch
from models.distinguish import alike_people, by_measures, scenes
from models.portrait.align import ARCFACE_TEMPLATE, align_crop
from models.portrait.identity import GEOMETRY, IDENTITY_SCALES, IDENTITY_SIZE, id_vector, sample_identity
from models.portrait.measures import aligned_points
from models.portrait.phrases import PHRASES, STYLE_BEFORE, STYLE_BEHIND
from models.portrait.plan import plan_of
from models.portrait.prompt import WORDS, known_words, prompts, words_in
from models.portrait.render import render
from models.portrait.scene import CANONICAL_YAW, canonical_scene, plain, sample_scene
from models.portrait.stages import fit
from models.portrait.vocabulary import ACCENTS, COLOUR_NAMES, COLOURS, INDEX, STYLES
from models.tests.portrait_golden import FIXTURE, draw_golden

torch.set_num_threads(1)  # two threads beside another busy process are many times slower


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
    measures = id_vector(sample_identity(2000, seeded(3)))[:, : len(IDENTITY_SCALES)]
    assert measures.mean(0).abs().max() < 0.5 and (measures.std(0) - 1).abs().max() < 0.45


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
    plain(params)
    params["hair"][:] = INDEX["hair"]["buzz"]
    params["iris"][:], params["skin"][:] = INDEX["iris"]["dark brown"], 0.5
    drawn = render(params, 128)
    for picture, points in zip(drawn["image"], drawn["landmarks"], strict=True):
        for x, y in points[:2].round().int().tolist():
            around = picture[:, y - 2 : y + 3, x - 2 : x + 3].mean()
            cheek = picture[:, y + 15 : y + 20, x - 2 : x + 3].mean()
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
    for name in ("pitch", "roll", "zoom", "tx", "ty", "seed", "hair_over", "hair_as", "framing"):
        assert len(scene[name].unique()) == 1
    for word, yaw in CANONICAL_YAW.items():
        assert (scene["yaw"][scene["pose"] == INDEX["pose"][word]] == yaw).all()
    assert set(scene) == set(sample_scene(1, seeded(0)))


def test_plain_background_has_the_named_colour():
    params = portraits(len(COLOUR_NAMES), 12)
    params["bg_col"] = torch.arange(len(COLOUR_NAMES))
    corners = render(params, 64)["image"][:, :, :4, :4].mean((2, 3))
    # A third of white in the paint; wall and lens darken the corners by 0.8 and 0.82.
    expected = (torch.tensor(list(COLOURS.values())) * 0.7 + 0.3) * 0.8 * 0.82
    assert torch.cdist(corners, expected).argmin(1).tolist() == list(range(len(COLOUR_NAMES)))


def test_geometry_alone_tells_people_apart():
    figures = by_measures(1500, noise=1.0)
    assert figures["rank1"] > 0.98
    assert figures["nearest neighbour, 1st percentile / own median"] > 1.0


@pytest.mark.parametrize("name", GEOMETRY)
def test_each_number_of_the_geometry_shows(name):
    """From its lowest to its highest value something of the face changes in the picture, and nothing else there."""
    if name in ("peak", "forehead"):  # of the hairline: see hair
        return
    params = alike_people(2, seeded(1)) | scenes(2, seeded(1), neutral=True)
    params = {key: values[:1].repeat(2) for key, values in params.items()}
    low, high, _ = GEOMETRY[name]
    params[name] = torch.tensor([low, high])
    if name in ("dimples", "cleft"):
        params["expr"][:] = INDEX["expr"]["smile"]
    pictures = render(params, 96)["image"]
    assert (pictures[0] - pictures[1]).abs().amax(0).max() > 0.02
    # The background stays; the shoulders follow the neck only.
    corner = (pictures[0] - pictures[1])[:, :8].abs().max()
    assert corner < 1e-3


def changed(key: str, word: str, **others: str) -> tuple[torch.Tensor, torch.Tensor]:
    """How much each pixel [96,96] changes when one person's scene says another word, and the person's landmarks."""
    params = {name: values[:1].repeat(2) for name, values in portraits(1, 21).items()}
    plain(params)
    params["hair"][:], params["facial"][:], params["cloth"][:] = INDEX["hair"]["short"], 0, 0
    for name, value in others.items():
        params[name][:] = INDEX[name][value]
    params[key][1] = INDEX["hair" if key == "hair_as" else key][word]
    drawn = render(params, 96)
    return (drawn["image"][0] - drawn["image"][1]).abs().amax(0), drawn["landmarks"][0]


NEAR_EYES = ("glasses", "sunglasses", "round glasses", "square glasses", "cat-eye glasses", "rimless glasses")


@pytest.mark.parametrize("word", NEAR_EYES)
def test_glasses_change_the_face_around_the_eyes_only(word):
    difference, points = changed("eyewear", word)
    eye_v = int(points[:2, 1].mean())
    assert difference[eye_v - 12 : eye_v + 14].max() > 0.1
    assert difference[: eye_v - 14].max() < 0.01 and difference[eye_v + 17 :].max() < 0.01


@pytest.mark.parametrize("word", list(INDEX["headwear"])[1:])
def test_headwear_leaves_eyes_nose_and_mouth_alone(word):
    difference, points = changed("headwear", word)
    left, right = int(points[0, 0]) - 3, int(points[1, 0]) + 3
    top, bottom = int(points[:2, 1].mean()) - 2, int(points[3:, 1].mean()) + 4
    assert difference.max() > 0.15
    # A brim's soft shadow may reach the eyes.
    assert difference[top:bottom, left:right].max() < 0.16
    assert difference[top + 8 : bottom, left:right].max() < 0.06


@pytest.mark.parametrize("word", list(INDEX["cloth"])[1:])
def test_garments_leave_the_face_alone(word):
    difference, points = changed("cloth", word)
    chin = int(points[3:, 1].mean() + (points[3:, 1].mean() - points[:2, 1].mean()) * 0.55)
    assert difference[chin:].max() > 0.1
    assert difference[: chin - 4].max() < 0.01


@pytest.mark.parametrize(("key", "word"), [("bg_col", "red"), ("bg", "beach"), ("bg", "stars")])
def test_backgrounds_leave_the_person_alone(key, word):
    difference, points = changed(key, word)
    middle = points.mean(0).int().tolist()
    assert difference[:8].max() > 0.1
    assert difference[middle[1] - 15 : middle[1] + 15, middle[0] - 12 : middle[0] + 12].max() < 0.01


@pytest.mark.parametrize("word", list(INDEX["expr"])[1:])
def test_expressions_leave_hair_and_clothes_alone(word):
    difference, points = changed("expr", word)
    eye_v, mouth_v = int(points[:2, 1].mean()), int(points[3:, 1].mean())
    assert difference[eye_v - 12 : mouth_v + 12].max() > 0.1
    assert difference[: eye_v - 22].max() < 0.01 and difference[mouth_v + 20 :].max() < 0.01


@pytest.mark.parametrize("word", ["bald", "afro", "long", "cornrows", "mohawk", "two braids"])
def test_another_hair_style_leaves_eyes_nose_and_mouth_alone(word):
    difference, points = changed("hair_as", word)
    left, right = int(points[0, 0]) - 2, int(points[1, 0]) + 2
    top, bottom = int(points[:2, 1].mean()), int(points[3:, 1].mean()) + 4
    assert difference.max() > 0.2
    assert difference[top:bottom, left:right].max() < 0.06


@pytest.mark.parametrize(("key", "word"), [("earrings", "hoops"), ("earrings", "pearls"), ("hearing", "hearing aid")])
def test_ears_only(key, word):
    difference, points = changed(key, word)
    left, right = int(points[0, 0]) - 6, int(points[1, 0]) + 6
    assert difference.max() > 0.1 and difference[:, left:right].max() < 0.01


def test_a_dyed_head_keeps_brows_and_beard():
    params = {name: values[:1].repeat(2) for name, values in portraits(1, 21).items()}
    plain(params)
    params["hair"][:], params["facial"][:] = INDEX["hair"]["long"], INDEX["facial"]["beard"]
    params["hair_over"] = torch.tensor([-1, INDEX["hair_col"]["pink"]])
    drawn = render(params, 96)
    difference = (drawn["image"][0] - drawn["image"][1]).abs().amax(0)
    points = drawn["landmarks"][0].int()
    assert difference.max() > 0.3
    assert difference[points[0, 1] - 10 : points[3, 1] + 12, points[0, 0] : points[1, 0]].max() < 0.01


def test_every_style_keeps_people_apart():
    """Aligned grey faces of one person in two expressions are nearer than those of two people, in every style."""
    people = {name: values.repeat(2) for name, values in sample_identity(6, seeded(31)).items()}
    for style in STYLES:
        scene = plain(canonical_scene(12, seeded(32)))
        scene["style"][:] = INDEX["style"][style]
        scene["expr"][6:] = INDEX["expr"]["smile"]
        for name in ("cloth", "cloth_col", "bg_col"):
            scene[name][:] = 4
        drawn = render(people | scene, 96)
        faces = align_crop(drawn["image"], drawn["landmarks"], 48)[:, :, 10:36].flatten(1)
        distance = torch.cdist(faces[:6], faces[6:])
        assert (distance.argmin(1) == torch.arange(6)).float().mean() >= 0.8, style


def test_measures_move_with_the_numbers():
    params = alike_people(2, seeded(3)) | scenes(2, seeded(3), neutral=True)
    params = {key: values[:1].repeat(2) for key, values in params.items()}
    for name, (low, high, _) in GEOMETRY.items():
        if name in ("forehead", "peak", "neck", "cleft", "cheekbone", "bags", "dimples"):
            continue  # shading and hairline: no points of the face
        points = aligned_points(plan_of(params | {name: torch.tensor([low, high])}))
        assert (points[0] - points[1]).norm(dim=-1).max() > 0.3, name


def test_accents_differ_from_their_cloth():
    assert all(accent != name and accent in COLOURS for name, accent in ACCENTS.items())


def words_of_every_sentence(params, drop=0.0) -> list[str]:
    return prompts(params, random.Random(0), drop)


def patterns_of(phrases: list[str]) -> list[str]:
    """Regular expressions that find a phrase with any colour and without its article."""
    return [re.escape(re.sub("^an? ", "", phrase)).replace(r"\{\}", "[a-z]+") for phrase in phrases if phrase]


@pytest.mark.parametrize("key", list(PHRASES))
def test_each_word_is_said(key):
    words = WORDS[key]
    params = portraits(30 * len(words), 13, sample_scene)
    params[key] = torch.arange(len(words)).repeat_interleave(30)
    sentences = words_of_every_sentence(params)
    for index, word in enumerate(words):
        patterns, unsaid = patterns_of(PHRASES[key][word]), "" in PHRASES[key][word]
        said = [any(re.search(p, text) for p in patterns) for text in sentences[index * 30 : (index + 1) * 30]]
        assert unsaid or sum(said) >= 27, (word, sentences[index * 30])  # overlong ones may leave a thing out


def test_each_style_is_said():
    for index, style in enumerate(STYLES):
        params = portraits(60, 18, sample_scene)
        params["style"][:] = index
        patterns = patterns_of(STYLE_BEFORE[style] + STYLE_BEHIND[style])
        said = [any(re.search(p, text) for p in patterns) for text in words_of_every_sentence(params)]
        assert all(said) or style == "3d"


def test_colours_are_those_of_the_parameters():
    params = portraits(120, 14)
    params["headwear"][:], params["eyewear"][:] = INDEX["headwear"]["beret"], 0
    for i, sentence in enumerate(words_of_every_sentence(params)):
        garment, hat, background = (COLOUR_NAMES[params[name][i]] for name in ("cloth_col", "hat_col", "bg_col"))
        assert re.search(rf"\b{hat} (french )?beret", sentence)
        assert re.search(rf"\b{background} (background|backdrop|wall)", sentence)
        assert re.search(rf"\b{garment} ", sentence)


def test_grammar():
    params = portraits(3000, 15, sample_scene)
    for sentence in words_of_every_sentence(params, 0.12):
        assert not re.search(r"\ba [aeiou8]", sentence), sentence
        assert not re.search(r"\ban (?![aeiou8])", sentence), sentence
        assert not re.search(r"(of|older|elderly|young) (an? )?portrait\b", sentence), sentence
        assert not re.search(
            r"(in|dressed in) (an? )?([a-z]+ )*(ring|stud|studs|piercing|glasses)\b(?!.*(,| and ))", sentence
        )
        assert not re.search(r"(wearing|with) (no|without) ", sentence), sentence
        assert "a someone" not in sentence and "{" not in sentence
        assert "  " not in sentence and not sentence.startswith((",", " "))
        assert len(words_in(sentence)) <= 30  # with begin and end at most 32 tokens


def test_nothing_worn_may_be_said():
    params = portraits(400, 19)
    plain(params)
    text = " | ".join(words_of_every_sentence(params))
    assert "no glasses" in text and "without a hat" in text and "no earrings" in text
    params["eyewear"][:], params["headwear"][:], params["earrings"][:] = 1, 1, 1
    assert not re.search(r"\b(no|without|bareheaded)\b", " | ".join(words_of_every_sentence(params)))


def test_word_order_is_free():
    params = {name: values[:1].repeat(60) for name, values in portraits(1, 20).items()}
    params["expr"][:], params["pose"][:] = INDEX["expr"]["wink"], INDEX["pose"]["left"]
    sentences = words_of_every_sentence(params)
    first = [text.index("wink") < text.index("left") for text in sentences]
    assert 5 < sum(first) < 55 and len(set(sentences)) > 50


def test_known_words_are_those_of_the_sentences():
    known = set().union(*known_words().values())
    params = portraits(9000, 16, sample_scene)
    spoken = set(words_in(" ".join(words_of_every_sentence(params))))
    assert spoken == known
    groups = known_words()
    assert "orange" in groups["colour"] and "beanie" in groups["headwear"] and "braids" in groups["hair"]


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
