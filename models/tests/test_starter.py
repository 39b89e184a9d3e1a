"""Autoencoder, tokenizer, denoiser and sampler: shapes, exact identities and refusals."""

import json

import pytest
import torch
from models.starter.autoencoder import AutoencoderNarrow
from models.starter.checkpoint import load_denoiser, save_denoiser
from models.starter.dataset import Portraits
from models.starter.denoiser import TEXT_WIDTH, Denoiser, signal_levels
from models.starter.sample import timestep_grid
from models.starter.tokenizer import BOS, EOS, LENGTH, PAD, UNK, build_tokenizer, encode, words_of
from models.train.grow import grown_state
from models.train.optimiser import orthogonalise

WORDS = ["a", "background", "blue", "man", "t-shirt"]
TINY = dict(
    sample_size=16,
    in_channels=16,
    out_channels=16,
    block_out_channels=(32, 32),
    layers_per_block=1,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    cross_attention_dim=TEXT_WIDTH,
    attention_head_dim=4,
    norm_num_groups=32,
    use_linear_projection=False,
)


@pytest.fixture
def tiny() -> Denoiser:
    torch.manual_seed(3)
    return Denoiser(9, TINY).eval()


def conditions() -> tuple[torch.Tensor, ...]:
    embedding = torch.nn.functional.normalize(torch.randn(2, 512), dim=1)
    return torch.randn(2, 16, 16, 16), torch.tensor([999, 10]), torch.randint(0, 9, (2, LENGTH)), embedding


def test_autoencoder_shapes_and_refusal():
    model = AutoencoderNarrow()
    latent = model.encode(torch.rand(1, 3, 64, 96) * 2 - 1)
    assert latent.shape == (1, 16, 4, 6)
    assert model.decode(latent).shape == (1, 3, 64, 96)
    with pytest.raises(ValueError, match="multiples of 16"):
        model.encode(torch.rand(1, 3, 60, 64))


def test_autoencoder_colour_shortcut_reaches_the_picture():
    model = AutoencoderNarrow()
    flat = torch.zeros(1, 3, 32, 32)
    red = flat.clone()
    red[:, 0] = 1
    with torch.no_grad():
        for layer in (model.encoder.head, model.decoder.head):
            layer.weight.zero_()
            layer.bias.zero_()
        model.encoder.colour.weight.copy_(torch.eye(4, 3).view(4, 3, 1, 1))
        model.decoder.colour.weight.copy_(torch.eye(3, 4).view(3, 4, 1, 1))
        model.encoder.colour.bias.zero_()
        model.decoder.colour.bias.zero_()
        assert torch.allclose(model.decode(model.encode(red)), red, atol=1e-6)


def test_autoencoder_fold_is_exact():
    torch.manual_seed(0)
    model = AutoencoderNarrow()
    image = torch.rand(1, 3, 48, 48) * 2 - 1
    with torch.no_grad():
        z, output = model.encoder(image), model.decode(model.encode(image))
        mean, deviation = torch.tensor([0.3, -0.2, 0.1, 0.5]), torch.tensor([0.5, 2.0, 1.5, 0.7])
        model.fold_normalisation(mean, deviation)
        expected = (z - mean.view(1, 4, 1, 1)) / deviation.view(1, 4, 1, 1)
        assert torch.allclose(model.encoder(image), expected, atol=1e-5)
        assert torch.allclose(model.decode(model.encode(image)), output, atol=1e-5)


def test_autoencoder_folder_round_trip(tmp_path):
    model = AutoencoderNarrow({"encoder_widths": [8, 8, 8], "decoder_widths": [8, 8, 8]})
    model.save(tmp_path)
    again = AutoencoderNarrow.load(tmp_path)
    assert again.config == model.config
    assert torch.equal(again.decoder.stem.weight, model.decoder.stem.weight.half().float())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"_class_name": "AutoencoderTiny"}))
    with pytest.raises(ValueError, match="AutoencoderTiny"):
        AutoencoderNarrow.load(tmp_path)


def test_tokenizer_words_padding_and_truncation():
    tokenizer = build_tokenizer(WORDS)
    row = encode(tokenizer, ["A man, blue T-shirt; a zebra."])[0].tolist()
    assert row[:8] == [BOS, 4, 7, 6, 8, 4, UNK, EOS] and set(row[8:]) == {PAD}
    assert encode(tokenizer, [""])[0, :2].tolist() == [BOS, EOS]
    long = encode(tokenizer, ["man " * 50])[0]
    assert len(long) == LENGTH and long[-1] == EOS


def test_words_of_is_sorted_and_lower_case():
    assert words_of(["A Man, a t-shirt", "a background"]) == ["a", "background", "man", "t-shirt"]


def test_schedule_ends_without_signal():
    levels = signal_levels()
    assert levels[-1] == 0 and abs(levels[0] - 0.99915) < 1e-8 and (levels.diff() < 0).all()


def test_timestep_grid_is_trailing():
    assert timestep_grid(4) == [999, 749, 499, 249]
    assert timestep_grid(8)[0] == 999 and timestep_grid(2, 0.5) == [499, 249]
    assert timestep_grid(4, 0.001) == [3, 2, 1, 0]


def test_adapter_numbers_follow_down_up_mid(tiny):
    names = {p: n for n, p in tiny.unet.named_modules()}
    places = [names[p].split(".attentions")[0] for p in tiny.face_attentions().values()]
    assert list(tiny.face_attentions()) == ["1", "3", "5", "7"]
    assert places == ["down_blocks.1", "up_blocks.0", "up_blocks.0", "mid_block"]


def test_face_scale_zero_takes_the_face_out(tiny):
    sample, t, ids, embedding = conditions()
    with torch.no_grad():
        tiny.set_face_scale(0)
        assert torch.allclose(tiny(sample, t, ids, embedding), tiny(sample, t, ids, -embedding))
        tiny.set_face_scale(1)
        assert not torch.allclose(tiny(sample, t, ids, embedding), tiny(sample, t, ids, -embedding))


def test_checkpoint_round_trip_and_bound_encoder(tiny, tmp_path):
    encoder = tmp_path / "face_encoder/model.onnx"
    encoder.parent.mkdir()
    encoder.write_bytes(b"one")
    save_denoiser(tiny, build_tokenizer(WORDS), tmp_path)
    again, tokenizer = load_denoiser(tmp_path)
    assert tokenizer.get_vocab_size() == 9
    sample, t, ids, embedding = conditions()
    with torch.no_grad():
        assert torch.allclose(again(sample, t, ids, embedding), tiny(sample, t, ids, embedding), atol=2e-2)
    encoder.write_bytes(b"another")
    with pytest.raises(ValueError, match="another face encoder"):
        load_denoiser(tmp_path)


def test_mates_are_other_pictures_of_the_same_person(tmp_path):
    n = 10
    torch.save(
        dict(
            latent=torch.zeros(n, 16, 16, 16).half(),
            ids=torch.zeros(n, 4, 32).short(),
            weight=torch.ones(n, 16, 16).byte(),
            person=torch.tensor([5, 5, 6, 6, 6, 6, 9, 9, 2, 2]),
        ),
        tmp_path / "1.pt",
    )
    torch.save(torch.zeros(n, 2, 512).half(), tmp_path / "embeddings.pt")
    (tmp_path / "e").mkdir()
    (tmp_path / "embeddings.pt").rename(tmp_path / "e/1.pt")
    data = Portraits([tmp_path / "1.pt"], embeddings=tmp_path / "e")
    index = torch.arange(n).repeat(20)
    mate = data.mate(index)
    assert (data.person[mate] == data.person[index]).all() and (mate != index).all()


def test_orthogonalise_flattens_singular_values():
    torch.manual_seed(1)
    for shape in ((3, 16, 40), (3, 40, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.min() > 0.5 and values.max() < 1.4


def test_growing_in_depth_changes_nothing_at_first(tiny):
    larger = Denoiser(9, TINY | {"layers_per_block": 2}).eval()
    larger.load_state_dict(grown_state(tiny.state_dict(), larger.state_dict(), 1))
    inputs = conditions()
    with torch.no_grad():
        assert torch.equal(larger(*inputs), tiny(*inputs))
