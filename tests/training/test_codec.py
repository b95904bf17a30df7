"""The codec: frames where Code2Wav has them, one set of codebooks, gradients through the rounding, honest losses."""

import numpy as np
import pytest
import scipy.signal
import torch
from training_corpora import replies

from omni_ref import OmniConfig
from omni_ref.code2wav import Code2Wav
from omni_ref.training.codec import ENCODER_MELS, Codec, CodecStage, pieces, spectral_loss
from omni_ref.training.loop import step_generator
from omni_ref.training.vocoder import VocoderStage, articulated

CONFIG = OmniConfig.tiny().code2wav
CPU = torch.device("cpu")


@pytest.fixture
def codec() -> Codec:
    codec = Codec(Code2Wav(CONFIG))
    codec.begin()
    return codec


def test_a_frame_of_codes_for_every_320_samples(codec):
    for frames in (1, 2, 9):
        codes = codec.eval().encode(0.1 * torch.randn(2, frames * 320))
        assert codes.shape == (2, frames, CONFIG.num_codebooks)
        assert codec.code2wav(codes).shape == (2, frames * 320)


def test_a_frame_listens_to_the_samples_that_code2wav_makes_of_it(codec):
    """Its window is centred on them: moving energy by a frame moves the latents by a frame."""
    click = torch.zeros(1, 20 * 320)
    click[0, 10 * 320 + 160] = 1.0
    quiet = codec.encoder(torch.zeros(1, 20 * 320))
    change = (codec.encoder.mel_frames(click) - codec.encoder.mel_frames(torch.zeros_like(click))).abs().sum(dim=1)[0]
    assert int(change.argmax()) == 10
    assert torch.allclose(change[9], change[11], rtol=1e-3)
    assert quiet.shape == (1, 20, CONFIG.embedding_dim)


@pytest.mark.parametrize("quarter", range(4))
def test_the_encoder_sees_where_in_its_frame_a_pulse_comes(codec, quarter):
    """Below the column of the whole frame each filter has one for each quarter of it."""
    click = torch.zeros(1, 20 * 320)
    click[0, 10 * 320 + 40 + quarter * 80] = 1.0
    quarters = codec.encoder.mel_frames(click)[0, ENCODER_MELS[0][2] :, 10].view(-1, 4).mean(dim=0)
    assert int(quarters.argmax()) == quarter


def test_the_codebooks_are_code2wavs_embeddings_also_while_they_learn(codec):
    before = codec.code2wav.embeddings[0].weight.clone()
    codec.train()(0.1 * torch.randn(2, 3200), torch.tensor([3, 3]))
    for quantizer, table in zip(codec.quantizer.quantizers, codec.code2wav.embeddings, strict=True):
        assert quantizer.codebook is table.weight and not table.weight.requires_grad
    assert not torch.equal(before, codec.code2wav.embeddings[0].weight)


def test_what_the_stages_decode_is_what_code2wav_makes_of_the_codes(codec):
    waveform = 0.1 * torch.randn(2, 3200)
    made, _ = codec.eval()(waveform, torch.tensor([CONFIG.num_codebooks] * 2))
    assert torch.allclose(made, codec.code2wav(codec.encode(waveform)), atol=1e-6)


def test_at_first_code2wav_reads_the_sum_of_the_codebooks(codec):
    first, *others = codec.code2wav.proj.weight.chunk(CONFIG.num_codebooks, dim=1)
    assert all(torch.equal(first, other) for other in others)


def test_gradients_pass_the_rounding_to_the_encoder(codec):
    made, commitment = codec.train()(0.1 * torch.randn(2, 3200), torch.tensor([3, 1]))
    made.pow(2).sum().backward(retain_graph=True)
    assert codec.encoder.stem.weight.grad.abs().max() > 0
    codec.zero_grad()
    commitment.backward()
    assert codec.encoder.stem.weight.grad.abs().max() > 0


def test_codebooks_that_are_dropped_are_not_heard(codec):
    waveform = 0.1 * torch.randn(1, 3200)
    codec.eval()
    with torch.no_grad():
        codes, kept = codec.encode(waveform), torch.tensor([1])
        made, _ = codec(waveform, kept)
        vectors = codec.code2wav.embed(codes)
        vectors[:, CONFIG.embedding_dim :] = 0
        assert torch.allclose(made, codec.code2wav.synthesise(vectors), atol=1e-6)


def test_the_spectral_loss_is_zero_for_the_same_sound_and_grows_with_the_difference():
    sound = 0.1 * torch.randn(2, 4000)
    losses = [float(spectral_loss(sound + share * 0.1 * torch.randn(2, 4000), sound)) for share in (0.0, 0.1, 0.5)]
    assert losses[0] == 0 and 0 < losses[1] < losses[2]


def test_pieces_come_from_the_recordings_with_silence_around_them():
    corpus = replies()
    batch = pieces(corpus, np.random.default_rng(0), 40, 9600)
    assert batch.shape == (40, 9600)
    loudest = max(np.abs(corpus[i]).max() for i in range(len(corpus)))
    assert 0 < batch.abs().max() <= 1.1 * loudest
    assert any(not row[:1000].any() for row in batch)


def test_reconstructing_gets_better(codec):
    stage = CodecStage(codec, replies(), CPU, frames=10)
    first = stage.losses(0, step_generator(0, "codec", 0))["spectral"].item()
    optimizer = torch.optim.Adam([p for p in stage.module.parameters() if p.requires_grad], 2e-3)
    for step in range(60):
        optimizer.zero_grad()
        sum(stage.losses(step, step_generator(0, "codec", step)).values()).backward()
        optimizer.step()
    assert stage.losses(0, step_generator(0, "codec", 0))["spectral"].item() < 0.6 * first


def vowel(*formants: int) -> torch.Tensor:
    """Half a second of a voice at 200 Hz: its pulses through a resonance at each formant, 100 Hz wide."""
    sound = np.zeros(8000)
    sound[::80] = 1
    for formant in formants:
        radius, angle = np.exp(-np.pi * 100 / 16000), 2 * np.pi * formant / 16000
        sound = scipy.signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], sound)
    return torch.from_numpy(0.5 * sound / np.abs(sound).max()).float()[None]


def level(waveform: torch.Tensor, hertz: int) -> float:
    """Decibels of the 200 Hz around a frequency."""
    frequencies, power = scipy.signal.welch(waveform[0].numpy(), 16000, nperseg=1024)
    return 10 * np.log10(power[np.abs(frequencies - hertz) <= 100].mean())


class TestArticulated:
    @pytest.mark.parametrize("strength", [0.3, 0.6])
    def test_formants_stand_out_by_as_many_decibels_more_and_the_pitch_stays(self, strength):
        plain = vowel(600, 1600, 2600)
        clear = articulated(plain, strength)
        heights = [level(sound, 1600) - (level(sound, 1100) + level(sound, 2100)) / 2 for sound in (plain, clear)]
        assert heights[0] > 8 and heights[1] / heights[0] == pytest.approx(1 + strength, abs=0.15)
        powers = [sound.unfold(1, 512, 512).pow(2).mean(dim=2) for sound in (plain, clear)]
        torch.testing.assert_close(powers[1][:, 1:-1], powers[0][:, 1:-1], rtol=0.05, atol=0)
        for sound in (plain, clear):
            middle = sound[0, 2000:4000].numpy()
            after = np.correlate(middle, middle, "full")[len(middle) - 1 :]  # by the lag, in samples
            assert after[40:120].argmax() + 40 == 80

    def test_what_has_no_formants_is_left_alone(self):
        torch.manual_seed(0)
        noise = 0.1 * torch.randn(1, 16000)
        assert float(articulated(noise, 0.5).std() / noise.std()) == pytest.approx(1, abs=0.15)
        assert torch.equal(articulated(torch.zeros(1, 4000), 0.5), torch.zeros(1, 4000))
        assert torch.allclose(articulated(noise, 0.0), noise, atol=1e-5)


class TestVocoder:
    @pytest.fixture
    def stage(self, codec) -> VocoderStage:
        return VocoderStage(codec, replies(), CPU, frames=10)

    def gradients(self, stage: VocoderStage, term: str) -> set[str]:
        stage.module.zero_grad()
        stage.losses(0, step_generator(0, "vocoder", 0))[term].backward()
        named = stage.module.named_parameters()
        return {name.split(".")[0] for name, value in named if value.grad is not None and value.grad.abs().sum() > 0}

    def test_each_side_learns_from_its_own_loss_only(self, stage):
        assert self.gradients(stage, "adversary") == {"adversaries"}
        for term in ("adversarial", "features", "spectral"):
            assert self.gradients(stage, term) == {"code2wav"}

    def test_codes_stay_what_they_are(self, stage):
        before = [table.weight.clone() for table in stage.codec.code2wav.embeddings]
        sum(stage.losses(0, step_generator(0, "vocoder", 0)).values()).backward()
        after = stage.codec.code2wav.embeddings
        assert all(
            torch.equal(old, table.weight) and table.weight.grad is None
            for old, table in zip(before, after, strict=True)
        )

    def test_adversaries_learn_to_say_1_of_a_voice_and_0_of_what_is_made(self, stage):
        adversaries = stage.module["adversaries"]
        optimizer = torch.optim.Adam(adversaries.parameters(), 1e-3)
        for step in range(60):
            optimizer.zero_grad()
            stage.losses(step, step_generator(0, "vocoder", step))["adversary"].backward()
            optimizer.step()
        real = pieces(replies(), np.random.default_rng(0), 8, 3200)
        made = stage.module["code2wav"](stage.codec.encode(real)).detach()
        for adversary in adversaries:
            assert adversary(real)[0].mean() > 0.7 > 0.3 > adversary(made)[0].mean()

    def test_code2wav_has_won_where_all_adversaries_say_1(self, stage):
        for adversary in stage.module["adversaries"]:
            torch.nn.init.zeros_(adversary.out.weight)
            torch.nn.init.ones_(adversary.out.bias)
        assert stage.losses(0, step_generator(0, "vocoder", 0))["adversarial"] == 0
