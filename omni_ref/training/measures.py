"""What the model card reports, measured: each function gives rows of a table, (measure, result, cases)."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pesq
import pystoi
import torch
from torch import Tensor

from ..blocks.quantizer import perplexity, usage
from ..lab.probe import Probe
from ..omni import Generation, Omni, Reply
from .cases import Case, Random, disturbances
from .codec import Codec
from .corpus import reply_waveform
from .judge import Judge, hiss_repetition, wilson_interval
from .voices import SAMPLE_RATE, Voice

BATCH = 25


@dataclass(frozen=True)
class Row:
    """A line of the model card."""

    measure: str
    result: str
    cases: int
    bar: str = ""

    @classmethod
    def share(cls, measure: str, right: Iterable[bool], bar: str = "") -> "Row":
        """How often it was right, with the 95 % confidence interval."""
        right = list(right)
        low, high = wilson_interval(sum(right), len(right))
        result = f"{100 * sum(right) / len(right):.1f} % ({100 * low:.1f}–{100 * high:.1f})"
        return cls(measure, result, len(right), bar)


def batches(items: Iterable, size: int = BATCH) -> Iterator[list]:
    """The items, so many at a time."""
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


def answers(omni: Omni, cases: Iterable[Case], speak: bool = False) -> Iterator[tuple[Case, Reply]]:
    """Each case with the model's reply."""
    for batch in batches(cases):
        questions = [{"audio": torch.from_numpy(case.waveform)} for case in batch]
        yield from zip(batch, omni.respond_batch(questions, speak), strict=True)


def operands(reply: str) -> str:
    """What a reply says was asked: all before "is"."""
    return reply.split(" is ")[0]


def heard_and_answered(omni: Omni, name: str, cases: Iterable[Case], bar: str, answer_bar: str = "") -> list[Row]:
    """Was the question heard, operands and operator; is the answer right."""
    pairs = [(case.exchange.reply, reply.text) for case, reply in answers(omni, cases)]
    heard = [operands(right) == operands(said) for right, said in pairs]
    return [
        Row.share(f"heard: {name}", heard, bar),
        Row.share(f"answer text right: {name}", [right == said for right, said in pairs], answer_bar),
    ]


def spoken_answers(omni: Omni, judge: Judge, name: str, cases: Iterable[Case], bar: str) -> list[Row]:
    """Speech in, speech out: what the judge reads from the waveform is the right answer."""
    right = []
    for case, reply in answers(omni, cases, speak=True):
        read = judge.read(reply.waveform)
        right.append(read.split(" is ")[-1] == case.exchange.reply.split(" is ")[-1])
    return [Row.share(f"speech → speech, the judge reads the right answer: {name}", right, bar)]


def said(omni: Omni, judge: Judge, voice: Voice, texts: Iterable[str]) -> list[Row]:
    """Words to say: read back by the judge, and as long as the reply voice takes for them."""
    exact, answer, lengths = [], [], []
    for batch in batches(texts):
        replies = omni.respond_batch([{"text": text, "task": "say"} for text in batch])
        for text, reply in zip(batch, replies, strict=True):
            read = judge.read(reply.waveform)
            exact.append(read == text)
            answer.append(read.split(" is ")[-1] == text.split(" is ")[-1])
            lengths.append(len(reply.waveform) / len(voice.say(text)))
    stops = [0.75 <= length <= 1.25 for length in lengths]
    return [
        Row.share("say, sentences never trained on: the judge reads the whole sentence exactly", exact, "90 %"),
        Row.share("say, sentences never trained on: the judge reads the answer", answer, "98 %"),
        Row.share("speech stops by itself, within 25 % of the reference's length", stops, "99 %"),
    ]


def codec_rows(codec: Codec, judge: Judge, voice: Voice, texts: list[str]) -> list[Row]:
    """Reconstructions of sentences that were not trained on, and the originals beside them."""
    exact, original, quality, intelligible, codes = [], [], [], [], []
    repetition = {"made": [], "original": []}
    device = next(codec.parameters()).device
    for text in texts:
        waveform = reply_waveform(voice, text)
        waveform = np.pad(waveform, (0, -len(waveform) % codec.code2wav.config.samples_per_frame))
        tokens = codec.encode(torch.from_numpy(waveform)[None].to(device))
        made = codec.code2wav(tokens)[0].detach().cpu().numpy()
        codes.append(tokens[0].cpu())
        exact.append(judge.read(made) == text)
        original.append(judge.read(waveform) == text)
        for name, sound in (("made", made), ("original", waveform)):
            repetition[name].append([hiss_repetition(sound, seconds) for seconds in (0.0025, 0.02)])
        quality.append(pesq.pesq(SAMPLE_RATE, waveform, made, "wb"))
        intelligible.append(pystoi.stoi(waveform, made, SAMPLE_RATE))
    count = len(texts)
    return [
        Row.share("codec, sentences never trained on: the judge reads the reconstruction exactly", exact, "97 %"),
        Row.share("the same of the originals: the judge's own limit", original),
        Row(
            "codec: PESQ-WB / STOI against the original", f"{np.mean(quality):.2f} / {np.mean(intelligible):.3f}", count
        ),
        Row(
            "codec, buzz: repetition of the hiss after 2.5 / 20 ms; that of the originals",
            "; ".join("{:.2f} / {:.2f}".format(*np.mean(repetition[name], axis=0)) for name in repetition),
            count,
        ),
        codes_in_use("codec tokens, codebook by codebook", torch.cat(codes).T, codec.code2wav.config.codebook_size),
    ]


def codes_in_use(name: str, books: Iterable[Tensor], size: int) -> Row:
    """How much of each codebook occurs, and the perplexity: as many codes used alike have the same entropy."""
    books = list(books)
    shown = ", ".join(f"{100 * usage(codes, size):.0f} % ({perplexity(codes, size):.0f})" for codes in books)
    return Row(f"in use (perplexity), of {size}: {name}", shown, sum(len(codes) for codes in books))


def tokens_and_experts(omni: Omni, cases: list[Case]) -> list[Row]:
    """What of the vocabularies is used, and how evenly the experts are loaded, while questions are answered aloud."""
    config, loads, replies = omni.config, {}, []
    for case in cases:  # one by one: in a batch, replies that are over go on until the longest is
        with Probe(omni) as probe:
            replies += [reply for _, reply in answers(omni, [case], speak=True)]
        for name, calls in probe.routing.items():
            experts = config.talker if name.startswith("talker") else config.thinker
            chosen = torch.cat([call.top_k_index.flatten() for call in calls])
            loads[name] = loads.get(name, 0) + torch.bincount(chosen, minlength=experts.num_experts)
    largest = {name: float(load.max() / load.float().mean()) for name, load in loads.items()}
    shown = "; ".join(
        f"{part} " + ", ".join(f"{load:.2f}" for name, load in largest.items() if name.startswith(part))
        for part in ("thinker", "talker")
    )
    audio, talker = (torch.cat([reply.tokens[kind] for reply in replies]) for kind in ("audio", "talker"))
    return [
        codes_in_use("audio tokens", [audio], config.aut_encoder.audio_vocab_size),
        codes_in_use("talker tokens", [talker], config.thinker.talker_vocab_size),
        Row("expert load, largest / mean, each sparse layer", shown, len(cases), "≤ 2"),
    ]


def no_question(omni: Omni, rng: Random, count: int) -> list[Row]:
    """Whatever comes in, text and speech end within their limits, without an error."""
    limits = Generation()
    within, ended = [], []
    for batch in batches(disturbances(rng, count)):
        for reply in omni.respond_batch([{"audio": torch.from_numpy(waveform)} for waveform in batch]):
            text, codec = len(reply.tokens["text"]), len(reply.tokens["codec"])
            within.append(text <= limits.max_text_tokens and codec <= limits.max_frames)
            ended.append(text < limits.max_text_tokens and codec < limits.max_frames)
    most = f"{limits.max_text_tokens} bytes and {limits.max_frames} frames"
    return [
        Row.share(f"noise, silence, tones: no error, at most {most}", within, "all"),
        Row.share("noise, silence, tones: text and speech end by themselves", ended, "report"),
    ]


def speed(omni: Omni, cases: list[Case]) -> list[Row]:
    """One question at a time, streamed: time to the first sound, and processing time over the answer's length."""
    first, factors = [], []
    for case in cases:
        began = time.perf_counter()
        stream = omni.stream(torch.from_numpy(case.waveform))
        for _ in stream:
            pass
        spent, reply = time.perf_counter() - began, stream.reply
        first.append(reply.timings.get("first_sound", spent))
        seconds = len(reply.waveform) / reply.sample_rate
        factors.append(spent / seconds if seconds else np.inf)
    name = f"median time to first sound; real-time factor ({omni.device.type}, threads: {torch.get_num_threads()})"
    return [Row(name, f"{1000 * np.median(first):.0f} ms; {np.median(factors):.2f}", len(cases), "< 150 ms; < 0.3")]
