"""The cases of docs/bad-input.md, section by section: each is a call that must fail, or hold, in the folder `at`."""

import numpy as np
import torch
from bad_input_configs import CONFIGS, TINY
from bad_input_files import on_a_full_disk, wav, with_last
from helpers import randomise, without_annotations

from omni_ref import Generation, Omni
from omni_ref.audio import load_audio, log_mel_spectrogram, save_audio
from omni_ref.blocks.cache import KVCache
from omni_ref.blocks.quantizer import ResidualVectorQuantizer
from omni_ref.checkpoint import load_qwen3_moe, save_checkpoint
from omni_ref.lab.ask import question_from
from omni_ref.sampling import Sampling
from omni_ref.training import card, cases, run
from omni_ref.training.arithmetic import Arithmetic, number_words
from omni_ref.training.corpus import Recordings
from omni_ref.training.loop import load_snapshot
from omni_ref.training.voices import Espeak, Kokoro

CPU = torch.device("cpu")
OMNI = randomise(Omni.from_config(TINY, device="cpu"))
RVQ = ResidualVectorQuantizer(num_codebooks=3, codebook_size=5, dim=7)
NOISE = 0.1 * torch.randn(4000, generator=torch.Generator().manual_seed(0))
MEL = log_mel_spectrogram(NOISE.view(2, -1), TINY.aut_encoder)
encoder, thinker, talker, code2wav = OMNI.aut_encoder, OMNI.thinker, OMNI.talker, OMNI.code2wav


def ids(*shape: int, value: int = 1) -> torch.Tensor:
    """Token ids that are all alike."""
    return torch.full(shape, value)


def pushes(stream, *pieces: torch.Tensor) -> None:
    """Feed a stream piece by piece."""
    for piece in pieces:
        stream.push(piece)


def remember(rows: int, positions: int) -> KVCache:
    """The cache of a Thinker that has read that much."""
    cache = KVCache()
    thinker(ids(rows, positions), cache=cache)
    return cache


def spoken(rows: int, steps: int) -> KVCache:
    """The cache of a Talker that has said that much."""
    cache = KVCache()
    talker(ids(rows, steps), ids(rows, steps, 3), cache)
    return cache


def layers_without(part: str) -> dict[str, torch.Tensor]:
    """The Thinker's weights without those whose name holds `part`."""
    return {name: value for name, value in thinker.state_dict().items() if part not in name}


# fmt: off
SOUND_FILES = {
    "an empty file": lambda at: load_audio(at / "empty.wav"),
    "a file without samples": lambda at: load_audio(at / "header-only.wav"),
    "a file of one sample": lambda at: OMNI.respond(at / "one-sample.wav"),
    "a file of one sample at 48 kHz": lambda at: load_audio(at / "one-sample-48k.wav"),
    "a file of raw samples": lambda at: load_audio(at / "samples.raw"),
    "a file with NaN": lambda at: load_audio(at / "nan.wav"),
    "a WAV file cut short": lambda at: load_audio(at / "cut.wav"),
    "a FLAC file cut short": lambda at: load_audio(at / "cut.flac"),
    "an OGG file cut short": lambda at: load_audio(at / "cut.ogg"),
    "an AIFF file cut short": lambda at: load_audio(at / "cut.aiff"),
    "a file that is no sound": lambda at: load_audio(at / "notes.wav"),
    "a missing file": lambda at: load_audio(at / "missing.wav"),
    "a folder": lambda at: load_audio(at / "whole"),
}
SOUND = {
    "no sample": lambda at: OMNI.respond(NOISE[:0]),
    "one sample": lambda at: OMNI.respond(NOISE[:1]),
    "one sample less than a hop": lambda at: OMNI.respond(NOISE[:159]),
    "NaN": lambda at: OMNI.respond(with_last(NOISE, np.nan)),
    "infinity": lambda at: OMNI.respond(with_last(NOISE, -np.inf)),
    "stereo": lambda at: OMNI.respond(NOISE.view(2, -1)),
    "whole numbers": lambda at: OMNI.respond((32767 * NOISE).to(torch.int16)),
    "whole numbers made floating-point": lambda at: OMNI.respond(32767 * NOISE.clamp(-0.1, 0.1).numpy()),
    "numbers of another byte order": lambda at: OMNI.respond(NOISE.numpy().astype(">f4")),
    "spectrogram of less than a hop": lambda at: log_mel_spectrogram(NOISE[None, :159], TINY.aut_encoder),
    "spectrogram of NaN": lambda at: log_mel_spectrogram(with_last(NOISE[None], np.nan), TINY.aut_encoder),
}
QUESTIONS = {
    "an unknown task": lambda at: OMNI.respond(NOISE, task="translate"),
    "neither audio nor text": lambda at: OMNI.respond(),
    "an empty text": lambda at: OMNI.respond(text=""),
    "transcribe without audio": lambda at: OMNI.respond(text="hello", task="transcribe"),
    "say without text": lambda at: OMNI.respond(NOISE, task="say"),
    "a batch of no question": lambda at: OMNI.respond_batch([]),
    "a question with another key": lambda at: OMNI.respond_batch([dict(text="hello", voice="f3")]),
    "text that is not Unicode": lambda at: OMNI.respond(text="half a surrogate pair: \ud800"),
    "a text longer than the positions": lambda at: OMNI.respond(text="x" * 600),
    "a recording longer than the positions": lambda at: OMNI.respond(NOISE.repeat(84)),
    "a text that leaves no position for a reply": lambda at: OMNI.respond(text="x" * 501),
    "a model in training mode": lambda at: Omni(TINY).respond(NOISE),
    "no text token allowed": lambda at: Generation(max_text_tokens=0),
    "no frame allowed": lambda at: Generation(max_frames=0),
    "a fraction of a frame": without_annotations(lambda at: Generation(max_frames=2.5)),
    "pieces of no frame": lambda at: Generation(frames_per_piece=0),
    "a negative seed": lambda at: Generation(seed=-1),
    "a negative temperature": lambda at: Sampling(temperature=-0.5),
    "an infinite temperature": lambda at: Sampling(temperature=np.inf),
    "a negative top_k": lambda at: Sampling(top_k=-1),
    "top_p of 0": lambda at: Sampling(top_p=0.0),
    "a repetition penalty for speech": lambda at: talker.stream(Sampling(repetition_penalty=1.5)),
    "a repetition penalty of 0": lambda at: Sampling(repetition_penalty=0.0),
    "an infinite repetition penalty": lambda at: Sampling(repetition_penalty=np.inf),
}
ASKED = {
    "a file that is no sound, chosen": lambda at: question_from((at / "notes.wav").read_bytes(), "notes.wav", 16000),
    "silence": lambda at: question_from(wav(1, 0.002), "The recording", 16000),
    "a moment": lambda at: question_from(wav(0.1, 0.5), "The recording", 16000),
    "a speech": lambda at: question_from(wav(61, 0.5), "The recording", 16000),
}
TOKENS = {
    "Thinker: a text id too large": lambda at: thinker(with_last(ids(2, 3), 260)),
    "Thinker: a negative text id": lambda at: thinker(with_last(ids(2, 3), -1)),
    "Talker: a talker token too large": lambda at: talker(with_last(ids(2, 4), 42), ids(2, 4, 3)),
    "Talker: a negative talker token": lambda at: talker(with_last(ids(2, 4), -1), ids(2, 4, 3)),
    "Talker: a talker token too large, past the last step": lambda at: talker(with_last(ids(2, 5), 42), ids(2, 4, 3)),
    "Talker: a code too large": lambda at: talker(ids(2, 4), ids(2, 4, 3, value=21)),
    "Talker: a negative code": lambda at: talker(ids(2, 4), ids(2, 4, 3, value=-1)),
    "Talker: a code too large, in the last step": lambda at: talker(ids(2, 4), with_last(ids(2, 4, 3), 21)),
    "Talker.generate: a token too large": lambda at: talker.generate(with_last(ids(2, 4), 42)),
    "Talker.generate: a token too large, past max_frames":
        lambda at: talker.generate(with_last(ids(2, 4), 42), max_frames=1),
    "Talker.generate: a negative token": lambda at: talker.generate(with_last(ids(2, 4), -1)),
    "Talker.generate: no frame allowed": lambda at: talker.generate(ids(2, 4), max_frames=0),
    "Code2Wav: a code too large": lambda at: code2wav(with_last(ids(2, 4, 3), 19)),
    "Code2Wav: a negative code": lambda at: code2wav(with_last(ids(2, 4, 3), -1)),
    "Code2Wav.stream: a code too large": lambda at: pushes(code2wav.stream(), ids(2, 4, 3), ids(2, 1, 3, value=19)),
    "Code2Wav.stream: a negative code": lambda at: pushes(code2wav.stream(), ids(2, 4, 3), ids(2, 1, 3, value=-1)),
    "Thinker: ids that are not whole": without_annotations(lambda at: thinker(ids(2, 3).float())),
    "quantizer: codes that are true or false": without_annotations(lambda at: encoder.quantizer.lookup(ids(2, 3) > 0)),
    "quantizer: a code too large": lambda at: encoder.quantizer.lookup(with_last(ids(2, 3), 37)),
    "quantizer: a negative code": lambda at: encoder.quantizer.lookup(with_last(ids(2, 3), -1)),
    "residual quantizer: a code too large": lambda at: RVQ.lookup(with_last(ids(2, 3), 5)),
    "residual quantizer: a negative code": lambda at: RVQ.lookup(with_last(ids(2, 3), -1)),
    "tokenizer: an id too large": lambda at: OMNI.tokenizer.decode(with_last(ids(3), 260)),
    "tokenizer: a negative id": lambda at: OMNI.tokenizer.decode(with_last(ids(3), -1)),
}
SHAPES = {
    "log-mel: no batch": without_annotations(lambda at: log_mel_spectrogram(NOISE, TINY.aut_encoder)),
    "save_audio: a batch": without_annotations(lambda at: save_audio(at / "new.wav", NOISE.view(2, -1), 16000)),
    "AuTEncoder: no batch": without_annotations(lambda at: encoder.encode(MEL[0])),
    "Thinker: no batch": without_annotations(lambda at: thinker(ids(3))),
    "Talker: no batch": without_annotations(lambda at: talker(ids(4), ids(4, 3))),
    "Code2Wav: no batch": without_annotations(lambda at: code2wav(ids(4, 3))),
    "AuTEncoder: another number of mels": lambda at: encoder.encode(MEL[:, 1:]),
    "AuTEncoder: no frame": lambda at: encoder.encode(MEL[..., :0]),
    "AuTEncoder: no row": lambda at: encoder.encode(MEL[:0]),
    "AuTEncoder: a length of 0": lambda at: encoder.encode(MEL, torch.tensor([12, 0])),
    "AuTEncoder: a length past the end": lambda at: encoder.encode(MEL, torch.tensor([13, 12])),
    "AuTEncoder: NaN": lambda at: encoder.encode(with_last(MEL, np.nan)),
    "Thinker: neither ids nor embeddings": lambda at: thinker(),
    "Thinker: both ids and embeddings": lambda at: thinker(ids(2, 3), torch.zeros(2, 3, 28)),
    "Thinker: embeddings of another width": lambda at: thinker(inputs_embeds=torch.zeros(2, 3, 27)),
    "Thinker: audio vectors of another width": lambda at: thinker.embed_audio(torch.zeros(2, 3, 87)),
    "Thinker: no position": lambda at: thinker(ids(2, 0)),
    "Thinker: no row": lambda at: thinker(ids(0, 3)),
    "Thinker: more positions than it has": lambda at: thinker(ids(1, 513)),
    "Thinker: more positions than the cache leaves": lambda at: thinker(ids(1, 3), cache=remember(1, 510)),
    "Thinker: a mask of another shape": lambda at: thinker(ids(2, 3), attention_mask=ids(3, 2)),
    "Thinker: a mask without the past": lambda at: thinker(ids(2, 3), None, None, ids(2, 3), remember(2, 4)),
    "Thinker: position_ids of another shape": lambda at: thinker(ids(2, 3), position_ids=ids(2, 4)),
    "Thinker: the cache of another batch": lambda at: thinker(ids(3, 1), cache=remember(2, 4)),
    "Talker: another number of codebooks": lambda at: talker(ids(2, 4), ids(2, 4, 5)),
    "Talker: no step": lambda at: talker(ids(2, 4), ids(2, 0, 3)),
    "Talker: more steps than positions": lambda at: talker(ids(1, 4), ids(1, 513, 3)),
    "Talker: the cache of another batch": lambda at: talker(ids(3, 1), ids(3, 1, 3), spoken(2, 4)),
    "Talker.generate: no batch": without_annotations(lambda at: talker.generate(ids(4))),
    "Talker.stream: several steps at once": without_annotations(lambda at: pushes(talker.stream(), ids(2, 3))),
    "Talker.stream: another number of rows": lambda at: pushes(talker.stream(), ids(2), ids(3)),
    "Talker.generate: no row": lambda at: talker.generate(ids(0, 4)),
    "Code2Wav: another number of codebooks": lambda at: code2wav(ids(2, 4, 4)),
    "Code2Wav.stream: another number of rows": lambda at: pushes(code2wav.stream(), ids(2, 4, 3), ids(3, 1, 3)),
    "quantizer: vectors of another width": lambda at: encoder.quantizer(torch.zeros(2, 3, 87)),
    "residual quantizer: too few codebooks": lambda at: RVQ.lookup(ids(4, 2)),
    "residual quantizer: too many codebooks": lambda at: RVQ.lookup(ids(4, 5)),
}
CHECKPOINTS = {
    "a missing folder": lambda at: Omni.from_pretrained(at / "missing"),
    "no config.json": lambda at: Omni.from_pretrained(at / "no-config"),
    "a broken config.json": lambda at: Omni.from_pretrained(at / "broken-config"),
    "no weights": lambda at: Omni.from_pretrained(at / "no-weights"),
    "empty weights": lambda at: Omni.from_pretrained(at / "empty"),
    "weights cut short": lambda at: Omni.from_pretrained(at / "cut"),
    "a renamed tensor": lambda at: Omni.from_pretrained(at / "renamed"),
    "a tensor of another shape": lambda at: Omni.from_pretrained(at / "shape"),
    "the config of another model": lambda at: Omni.from_pretrained(at / "other-config"),
    "whole numbers for weights": lambda at: Omni.from_pretrained(at / "whole-numbers"),
    "two types in one file": lambda at: Omni.from_pretrained(at / "mixed"),
    "Qwen3-MoE: a missing file": lambda at: load_qwen3_moe(thinker, at / "missing.safetensors"),
    "Qwen3-MoE: a folder without a shard": lambda at: load_qwen3_moe(thinker, at / "folder.wav"),
    "Qwen3-MoE: a missing tensor": lambda at: load_qwen3_moe(thinker, layers_without("layers.0.self_attn.q_norm")),
    "Qwen3-MoE: an unknown tensor": lambda at: load_qwen3_moe(
        thinker, thinker.state_dict() | {"layers.2.q_norm.weight": torch.ones(10)}),
    "Qwen3-MoE: an expert that lacks a part": lambda at: load_qwen3_moe(thinker, layers_without("experts") | {
        f"layers.1.mlp.experts.0.{part}_proj.weight": torch.ones(26, 28) for part in ("gate", "up")}),
}
OUTPUTS = {
    "sound: a folder as the target": lambda at: save_audio(at / "folder.wav", NOISE, 16000),
    "sound: a missing folder": lambda at: save_audio(at / "missing" / "answer.wav", NOISE, 16000),
    "sound: a file for a folder": lambda at: save_audio(at / "good.wav" / "answer.wav", NOISE, 16000),
    "sound: an ending that is not written": lambda at: save_audio(at / "answer.mp3", NOISE, 16000),
    "sound: no ending": lambda at: save_audio(at / "answer", NOISE, 16000),
    "sound: NaN": lambda at: save_audio(at / "answer.wav", with_last(NOISE, np.nan), 16000),
    "sound: a sample rate of 0": lambda at: save_audio(at / "answer.wav", NOISE, 0),
    "sound: a full disk": lambda at: on_a_full_disk(save_audio, at / "good.wav", NOISE.repeat(9), 16000),
    "checkpoint: a file as the folder": lambda at: save_checkpoint(at / "good.wav", OMNI, TINY),
    "checkpoint: a full disk": lambda at: on_a_full_disk(save_checkpoint, at / "whole", OMNI, TINY),
}
DEVICES = {
    "an unknown device": lambda at: Omni.from_pretrained(at / "whole", device="banana"),
    "a GPU that is not there": lambda at: Omni.from_config(TINY, device=f"cuda:{torch.cuda.device_count()}"),
    "a GPU whose number begins with 0": lambda at: Omni.from_config(TINY, device="cuda:01"),
    "a device that holds no numbers": lambda at: Omni.from_config(TINY, device="meta"),
}
TRAINING = {
    "an unknown stage": lambda at: run.run_stage("singing", at, at, CPU, 0),
    "a task that is nowhere": lambda at: run.run_stage("reading", at, at, CPU, 0, "nowhere:Task"),
    "a task without its class": lambda at: run.run_stage("reading", at, at, CPU, 0, "omni_ref.training.arithmetic"),
    "a voice that cannot speak": lambda at: run.run_stage("words", at, at, CPU, 0, voices=["pathlib:Path"]),
    "a voice that needs to be told more": lambda at: run.run_stage(
        "words", at, at, CPU, 0, voices=["omni_ref.training.voices:Kokoro"]),
    "another seed than the folder's": lambda at: run.run_stage("reading", at / "run", at, CPU, 1),
    "an output that is a file": lambda at: run.run_all(at / "run", at / "notes.wav", CPU, 0),
    "a stage without its part of the corpus": lambda at: run.run_stage("codec", at, at, CPU, 0),
    "a stage before one that it builds upon": lambda at: run.run_stage("vocoder", at, at, CPU, 0),
    "a corpus cut short": lambda at: Recordings.load(at / "cut.npz"),
    "an empty corpus": lambda at: Recordings.load(at / "empty.npz"),
    "a snapshot cut short": lambda at: load_snapshot(at, "cut", OMNI.talker),
    "no case to measure": lambda at: card.evaluate(at / "whole", CPU, 0, None, None),
    "a page without a place for the table": lambda at: card.place_for(at / "notes.wav", "evaluate"),
    "a person's words of which no question can be made": lambda at: cases.recorded_words(
        at / "folder.wav", Arithmetic()),
    "a variant that espeak-ng does not have": lambda at: Espeak("nobody"),
    "shares of Kokoro's voices that are not 1 in all": lambda at: Kokoro([0.5, 0.5, 0.5, 0.0, 0.0]),
    "a number without words": lambda at: number_words(100),
}
ACCEPTED = {
    "a file at 8 kHz": lambda at: len(load_audio(at / "8k.wav")) == 2 * len(NOISE),
    "a file at 44.1 kHz": lambda at: len(load_audio(at / "44k.wav")) == round(len(NOISE) * 16000 / 44100),
    "a file of 24-bit samples": lambda at: torch.allclose(load_audio(at / "24-bit.wav"), NOISE, atol=2**-23),
    "a stereo file": lambda at: torch.allclose(
        load_audio(at / "stereo.wav"), NOISE.view(-1, 2).mean(dim=1), atol=2**-15),
    "a FLAC file": lambda at: torch.allclose(load_audio(at / "good.flac"), NOISE, atol=2**-23),
    "an OGG or MP3 file": lambda at: (
        len(load_audio(at / "good.ogg")) == 15 * len(NOISE) and len(load_audio(at / "good.mp3")) >= 8 * len(NOISE)
    ),
    "an MP3 file cut short": lambda at: 0 < len(load_audio(at / "cut.mp3")) < len(load_audio(at / "good.mp3")),
    "samples beyond 1 in a file": lambda at: torch.equal(load_audio(at / "loud.wav"), (20 * NOISE).clamp(-1, 1)),
    "one hop of sound": lambda at: len(OMNI.respond(at / "one-hop.wav", speak=False).tokens["audio"]) == 1,
    "no frame for Code2Wav": lambda at: code2wav(ids(2, 0, 3)).shape == (2, 0),
}
# fmt: on
REFUSED = {
    "Sound files": SOUND_FILES,
    "Sound in memory": SOUND,
    "Questions and how to answer them": QUESTIONS,
    "Questions asked aloud in a notebook": ASKED,
    "Token ids": TOKENS,
    "Shapes and lengths": SHAPES,
    "Configurations": CONFIGS,
    "Checkpoints": CHECKPOINTS,
    "Outputs": OUTPUTS,
    "Devices": DEVICES,
    "Training and measuring": TRAINING,
}
