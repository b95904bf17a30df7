"""What the model is tried on: questions by voices, engines and lines that training never heard."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..audio import load_audio
from ..checks import require
from .arithmetic import Exchange, Task
from .augment import Random, levelled, noisy, reverberated, surrounded, telephone
from .corpus import splice_words
from .voices import ACCENTS, HELD_OUT_VARIANTS, SAMPLE_RATE, Clip, Espeak, Flite, Resized, Voice, Waveform

Line = Callable[[Waveform, Random], Resized]


@dataclass(frozen=True)
class Case:
    """A spoken question, and the reply that is right."""

    waveform: Waveform
    exchange: Exchange


def held_out_voice(rng: Random) -> Voice:
    """A variant of espeak-ng that training never heard, in any accent and pitch."""
    return Espeak(str(rng.choice(HELD_OUT_VARIANTS)), str(rng.choice(ACCENTS)), int(rng.integers(20, 80)))


def held_out_engine(rng: Random) -> Voice:
    """A voice of Flite, an engine that training never heard."""
    return Flite(str(rng.choice(Flite.VOICES)))


def clean(waveform: Waveform, rng: Random) -> Resized:
    """A quiet room: the voice at some level, silence around it."""
    return levelled(surrounded(waveform, rng), rng)


def on_the_telephone(waveform: Waveform, rng: Random) -> Resized:
    """300 to 3400 Hz, 8 kHz, companded."""
    return levelled(telephone(surrounded(waveform, rng), rng), rng)


def in_noise(waveform: Waveform, rng: Random) -> Resized:
    """Noise of any colour, 10 dB below the speech."""
    return levelled(noisy(surrounded(waveform, rng), rng, (10.0, 10.0)), rng)


def in_a_room(waveform: Waveform, rng: Random) -> Resized:
    """Reverberation of 0.2 to 0.5 seconds."""
    return levelled(reverberated(surrounded(waveform, rng), rng, (0.2, 0.5)), rng)


def asked(exchanges: Iterable[Exchange], voice: Callable[[Random], Voice], line: Line, rng: Random) -> Iterator[Case]:
    """Each question in one breath, by a voice of its own, at speeds from 0.8 to 1.3."""
    for exchange in exchanges:
        yield Case(line(voice(rng).say(exchange.question, float(rng.uniform(0.8, 1.3))), rng), exchange)


def spliced(exchanges: Iterable[Exchange], takes: list[dict[str, Clip]], line: Line, rng: Random) -> Iterator[Case]:
    """Each question from one speaker's single words, with gaps of 50 to 300 ms."""
    for exchange in exchanges:
        words = takes[rng.integers(len(takes))]
        pieces = [words[word] for word in exchange.question.split()]
        yield Case(line(splice_words(pieces, rng, (0.05, 0.3)), rng), exchange)


def engine_words(task: Task) -> list[dict[str, Clip]]:
    """Every word of the task by each voice of Flite."""
    return [{word: voice.say(word) for word in task.words()} for voice in map(Flite, Flite.VOICES)]


def recorded_words(folder: Path, task: Task) -> dict[str, Clip]:
    """A real person's recordings, `<word>.wav` each. ValueError if no question can be made of them."""
    words = {path.stem: load_audio(path).numpy() for path in sorted(folder.glob("*.wav"))}
    rng = np.random.default_rng(0)
    fits = any(set(task.exchange(rng).question.split()) <= set(words) for _ in range(10_000))
    require(fits, f"{folder}: {len(words)} files, no question can be made of them: expected <word>.wav of each word")
    return words


def trained_exchanges(task: Task, rng: Random, count: int, known: set[str] | None = None) -> Iterator[Exchange]:
    """Questions whose operands were trained on; of `known` words only, if given."""
    while count:
        exchange = task.exchange(rng)
        if known is None or set(exchange.question.split()) <= known:
            yield exchange
            count -= 1


def held_out_exchanges(task: Task, rng: Random, count: int) -> Iterator[Exchange]:
    """Questions whose operands were never trained on."""
    exchanges = task.held_out()
    return (exchanges[rng.integers(len(exchanges))] for _ in range(count))


def disturbances(rng: Random, count: int) -> Iterator[Waveform]:
    """Noise, silence, tones, clicks and scrambled speech-like bursts of 10 ms to 6 s: no question at all."""
    for i in range(count):
        samples = int(rng.uniform(0.01, 6) * SAMPLE_RATE)
        time = np.arange(samples) / SAMPLE_RATE
        noise = rng.standard_normal(samples) * rng.uniform(0, 0.3)
        tone = rng.uniform(0, 1) * np.sin(2 * np.pi * rng.uniform(20, 7900) * time)
        clicks = (rng.random(samples) < 0.001) * 1.0
        bursts = noise * (np.sin(2 * np.pi * rng.uniform(0.5, 8) * time) > 0)
        yield (noise, np.zeros(samples), tone, clicks, bursts, noise + tone)[i % 6].clip(-1, 1).astype(np.float32)
