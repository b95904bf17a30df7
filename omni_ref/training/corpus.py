"""The corpus: rendered once by the voices, in some minutes, and kept in one file a part. Nothing is downloaded.

    questions   whole questions, by espeak-ng and the natural voices heart and joe
    words       every word of the task, one by one, by other draws of these voices and by Kokoro's, to splice them
    replies     what the reply voice says: targets of codec and Talker

Rendering is seeded, and each part is rendered in a process of its own, since espeak-ng carries its state on from one
sentence to the next.
"""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from ..files import written_whole
from .arithmetic import Task
from .augment import resampled
from .voices import (
    ACCENTS,
    HELD_OUT_VARIANTS,
    SAMPLE_RATE,
    Clip,
    Espeak,
    Heart,
    Joe,
    Kokoro,
    Voice,
    Waveform,
    espeak_variants,
)


@dataclass
class Recordings:
    """Many recordings in one array of 16-bit samples; recording i is by speakers[i] and says texts[i]."""

    samples: np.ndarray
    ends: np.ndarray
    texts: np.ndarray
    speakers: np.ndarray

    @classmethod
    def of(cls, spoken: Iterable[tuple[Clip, str, str]]) -> "Recordings":
        """From (waveform, text, speaker), one after the other."""
        kept = ((np.round(clip.clip(-1, 1) * 32767).astype(np.int16), text, name) for clip, text, name in spoken)
        pieces, texts, speakers = zip(*kept, strict=True)
        return cls(np.concatenate(pieces), np.cumsum([len(p) for p in pieces]), np.array(texts), np.array(speakers))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> Int64[np.ndarray, "recordings"]:
        """Samples of each."""
        return np.diff(self.ends, prepend=0)

    def __getitem__(self, index: int) -> Waveform:
        index = range(len(self))[index]  # from the end, too; IndexError past it
        start = self.ends[index - 1] if index > 0 else 0
        return self.samples[start : self.ends[index]].astype(np.float32) / 32767

    def save(self, path: Path) -> None:
        """Write one file; it appears whole or not at all."""
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, samples=self.samples, ends=self.ends, texts=self.texts, speakers=self.speakers)

    @classmethod
    def load(cls, path: Path) -> "Recordings":
        """Read what save wrote. ValueError if the file is cut short."""
        try:
            with np.load(path) as file:
                return cls(**file)
        except (zipfile.BadZipFile, EOFError):
            raise ValueError(f"{path}: not a whole .npz file: remove it, and it is rendered anew") from None


Progress = Callable[[int, int], None]


def training_speakers(rng: np.random.Generator, count: int) -> list[Voice]:
    """espeak-ng's variants, the held-out ones apart, each with accents and pitches drawn anew."""
    variants = [variant for variant in espeak_variants() if variant not in HELD_OUT_VARIANTS]
    return [
        Espeak(variants[i % len(variants)], str(rng.choice(ACCENTS)), int(rng.integers(20, 80))) for i in range(count)
    ]


def natural_speakers(rng: np.random.Generator, turns: int, voices: Sequence[Voice] = ()) -> list[Voice]:
    """So many turns of joe and of each of `voices`, three times as many of heart, which is quick.

    Heart and joe speak as someone else each time: the ways of two speakers would be learned by heart.
    """
    hearts = [Heart(2 ** float(rng.uniform(-1.1, 0.4)), float(rng.uniform(0.83, 1.12))) for _ in range(3 * turns)]
    joes = [Joe(float(rng.uniform(0.85, 1.3))) for _ in range(turns)]
    return [*hearts, *joes, *(voice for voice in voices for _ in range(turns))]


def kokoro_speakers(rng: np.random.Generator, count: int) -> list[Voice]:
    """So many mixtures of Kokoro's voices. A word takes it a second, so there are few."""
    sparse = np.full(len(Kokoro.VOICES), 0.5)  # of a Dirichlet distribution: mostly one or two of the voices
    return [Kokoro(rng.dirichlet(sparse).tolist(), float(rng.uniform(0.85, 1.2))) for _ in range(count)]


def render_questions(
    task: Task, seed: int, count: int, natural_count: int, progress: Progress, voices: Sequence[Voice] = ()
) -> Recordings:
    """`count` questions by espeak-ng's voices, and `natural_count` turns of the natural ones, slow and fast."""

    def spoken():
        rng = np.random.default_rng([seed, 1])
        speakers = training_speakers(rng, count) + natural_speakers(rng, natural_count, voices)
        for i, voice in enumerate(speakers):
            question = task.exchange(rng).question + str(rng.choice(["", ".", "?"]))
            fastest = 1.6 if isinstance(voice, Espeak) else 1.35
            yield voice.say(question, float(rng.uniform(0.7, fastest))), question.strip(".?"), voice.name
            progress(i + 1, len(speakers))

    return Recordings.of(spoken())


def render_words(
    task: Task,
    seed: int,
    speakers: int,
    natural_takes: int,
    kokoro_takes: int,
    progress: Progress,
    voices: Sequence[Voice] = (),
) -> Recordings:
    """Every word by `speakers` of espeak-ng's voices, in `natural_takes` turns of the natural ones, and by Kokoro's."""

    def spoken():
        rng = np.random.default_rng([seed, 2])
        everyone = training_speakers(rng, speakers) + natural_speakers(rng, natural_takes, voices)
        everyone += kokoro_speakers(rng, kokoro_takes)
        words = task.words()
        for i, voice in enumerate(everyone):
            speed = float(rng.uniform(0.7, 1.3))
            for word in words:
                waveform = voice.say(word + str(rng.choice(["", ".", ",", "?"])), speed * float(rng.uniform(0.9, 1.1)))
                yield waveform, word, f"{voice.name} take {i}"
            progress(i + 1, len(everyone))

    return Recordings.of(spoken())


def render_replies(task: Task, seed: int, count: int, progress: Progress) -> Recordings:
    """`count` utterances by the reply voice at speeds from 0.9 to 1.1, its loudness evened out."""

    def spoken():
        rng, voice = np.random.default_rng([seed, 3]), Heart()
        for i in range(count):
            text = task.utterance(rng)
            yield reply_waveform(voice, text, float(rng.uniform(0.9, 1.1))), text, voice.name
            progress(i + 1, count)

    return Recordings.of(spoken())


def reply_waveform(voice: Voice, text: str, speed: float = 1.0, peak: float = 0.6) -> Waveform:
    """An utterance of the reply voice at one peak level."""
    waveform = voice.say(text, speed)
    return waveform * (peak / np.abs(waveform).max())


class Speakers:
    """The words of each speaker, to splice sentences from."""

    def __init__(self, words: Recordings):
        self.words = words
        self.index: dict[str, dict[str, int]] = {}
        for i, (speaker, text) in enumerate(zip(words.speakers.tolist(), words.texts.tolist(), strict=True)):
            self.index.setdefault(speaker, {})[text] = i
        by_engine: dict[str, list[str]] = {}
        for name in self.index:
            by_engine.setdefault(name.split()[0], []).append(name)
        self.synthetic = by_engine.pop("espeak")
        self.natural = list(by_engine.values())

    def splice(
        self, text: str, rng: np.random.Generator, natural_share: float, gaps: tuple[float, float], rates=(1.0, 1.0)
    ) -> Waveform:
        """The text from one speaker's single words, each resampled by one of `rates`, with gaps of so many seconds.

        Natural engines speak equally often, however many takes there are of each.
        """
        natural = rng.random() < natural_share
        pool = self.natural[rng.integers(len(self.natural))] if natural else self.synthetic
        takes = self.index[pool[rng.integers(len(pool))]]
        return splice_words([self.words[takes[word]] for word in text.split()], rng, gaps, rates)


def splice_words(pieces: list[Clip], rng: np.random.Generator, gaps: tuple[float, float], rates=(1.0, 1.0)) -> Waveform:
    """Words one after the other, each stretched in time and frequency by one of `rates`, silence between them."""
    parts = []
    for piece in pieces:
        parts.append(resampled(piece, float(rng.uniform(*rates))))
        parts.append(np.zeros(int(rng.uniform(*gaps) * SAMPLE_RATE), np.float32))
    return np.concatenate(parts[:-1])
