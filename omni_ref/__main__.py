"""The command line: python -m omni_ref, or omni-ref."""

import argparse
import io
import sys
import warnings
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from .audio import load_audio, save_audio
from .checks import pick_device, require
from .config import OmniConfig
from .files import require_writable, written_whole
from .lab.plots.exchange import exchange
from .lab.stages import trace
from .lab.tables import console, ledger_tables, stages_table
from .omni import SHIPPED, Omni
from .sampling import Sampling
from .turn import TASKS, Generation, Reply, TextPiece

EXAMPLES = """examples:
  omni-ref ask question.wav -o answer.wav           answer a spoken question aloud
  omni-ref ask --text "what is two plus two"        answer a typed one
  omni-ref ask question.wav --task transcribe       write down what was said
  omni-ref ask --task say --text "two plus two"     say it
  omni-ref shapes question.wav                      every stage's shape and rate, as recorded
  omni-ref ledger --size full                       parameters, memory, FLOPs and bit rates of the specification
  omni-ref train                                    the mini model from nothing, in 60 to 90 minutes on two cores
  omni-ref evaluate                                 what it can do and what it cannot, measured
"""


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="omni-ref",
        description="A small, readable, working speech-to-speech model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--device", help="cpu, cuda, cuda:1 … (a GPU if there is one)")
    model.add_argument("--seed", type=int, default=0, help="of the sampling (%(default)s)")
    model.add_argument(
        "--temperature", type=float, default=0.0, help="of the text; 0 takes the likeliest (%(default)s)"
    )
    model.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="weights and config (the ones in the package)")
    commands = top.add_subparsers(dest="command", required=True, metavar="ask | shapes | ledger | train | evaluate")

    def command(name: str, what: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=parents, help=what, description=what)

    ask = command("ask", "ask a question, get text and speech", model)
    ask.add_argument("question", nargs="?", type=Path, help="a sound file: WAV, FLAC, OGG, MP3 …")
    ask.add_argument("--text", help="a typed question, or the words to say")
    ask.add_argument("--task", choices=TASKS, default="answer", help="(%(default)s)")
    ask.add_argument("-o", "--output", type=Path, help="the speech, .wav or .flac (answer.wav; none for transcribe)")
    ask.add_argument("--figure", type=Path, help="save a picture of what happened, .png, .pdf or .svg")
    shapes = command("shapes", "every stage's shape and rate for a recording", model)
    shapes.add_argument("question", type=Path, help="a sound file")
    costs = command("ledger", "parameters, memory, FLOPs and bit rates of a configuration")
    costs.add_argument("--size", choices=("full", "mini", "tiny"), default="full", help="(%(default)s)")
    costs.add_argument("--context", type=int, default=1000, help="positions that attention reads (%(default)s)")
    training = command("train", "train the mini model from nothing; goes on where it was killed")
    training.add_argument(
        "--folder", type=Path, default=Path("build/training"), help="corpus, snapshots, logs (%(default)s)"
    )
    training.add_argument("--output", type=Path, default=SHIPPED, help="the checkpoint (the one in the package)")
    training.add_argument("--stage", help="one stage alone: replies, codec, speaking, questions, words, listening …")
    training.add_argument("--task", metavar="MODULE:CLASS", help="what it learns (arithmetic)")
    training.add_argument("--voice", metavar="MODULE:CLASS", action="append", default=[], help="also asks; repeatable")
    training.add_argument("--device", help="cpu, cuda, cuda:1 … (a GPU if there is one)")
    training.add_argument("--seed", type=int, default=0, help="of everything (%(default)s)")
    trial = command("evaluate", "measure a checkpoint: the table of the model card")
    trial.add_argument("--checkpoint", type=Path, default=SHIPPED, metavar="FOLDER", help="(the one in the package)")
    trial.add_argument("--device", help="cpu, cuda, cuda:1 … (a GPU if there is one)")
    trial.add_argument("--cases", type=int, default=300, help="of each row of speech (%(default)s)")
    trial.add_argument("--recordings", type=Path, metavar="FOLDER", help="a real person's words, <word>.wav each")
    trial.add_argument("-o", "--output", type=Path, help="put the table into this page, between its markers")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it went well, 2 if what came in did not fit, and one line on standard error says why."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # Windows writes to files in an alphabet without → and ≤
    options = parser().parse_args(arguments)
    warnings.showwarning = lambda message, *_: print(f"omni-ref: note: {message}", file=sys.stderr)
    try:
        commands = {"ask": ask, "shapes": shapes, "ledger": costs, "train": train, "evaluate": evaluate}
        commands[options.command](options)
    except ModuleNotFoundError as error:
        extra = "evaluation" if options.command == "evaluate" else "training"
        print(f"omni-ref: error: {error}; {options.command} needs: pip install '.[{extra}]'", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"omni-ref: error: {error}", file=sys.stderr)
        return 2
    return 0


def progress() -> Progress:
    """A line on standard error that moves while something takes its time, and then goes away."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal)


def printable(text: str) -> str:
    """The text with U+FFFD for control characters: a model may say anything, and a terminal obeys some of it."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def ask(options: argparse.Namespace) -> None:
    """Answer, transcribe or say: text to standard output, speech and figure to files; a terminal shows how it goes."""
    output = options.output or (None if options.task == "transcribe" else Path("answer.wav"))
    for path, endings in ((output, (".wav", ".flac")), (options.figure, (".png", ".pdf", ".svg"))):
        if path is not None:
            require(path.suffix.lower() in endings, f"{path}: ends in '{path.suffix}', expected {' or '.join(endings)}")
            require_writable(path)
    generation = Generation(text=Sampling(temperature=options.temperature), seed=options.seed)
    with progress() as bar:
        task = bar.add_task("loading the model", total=None)
        omni = Omni.from_pretrained(options.checkpoint, options.device)
        rate = omni.config.aut_encoder.sample_rate
        question = None if options.question is None else load_audio(options.question, rate)
        stream = omni.stream(question, options.text, options.task, speak=output is not None, generation=generation)
        bar.update(task, description="listening")
        text, seconds = "", 0.0
        for piece in stream:
            if isinstance(piece, TextPiece):
                text += piece.text
            else:
                seconds += len(piece.waveform) / piece.sample_rate
            bar.update(
                task, description=f"{printable(text)} ({seconds:.1f} s of sound)" if seconds else printable(text)
            )
    print(printable(text))
    save(stream.reply, question, output, options.figure, omni.config)


def save(reply: Reply, question, output: Path | None, figure: Path | None, config: OmniConfig) -> None:
    """Write the speech and the picture, and say on standard error what was written."""
    if output is not None:
        save_audio(output, reply.waveform, reply.sample_rate)
        spoken, total = len(reply.waveform) / reply.sample_rate, reply.timings["total"]
        first = reply.timings.get("first_sound")
        when = "nothing was said" if first is None else f"the first after {1000 * first:.0f} ms"
        print(f"{output}: {spoken:.2f} s of speech, {when}, all after {total:.2f} s", file=sys.stderr)
    if figure is not None:
        with written_whole(figure) as partial:
            exchange(question, reply, config).savefig(partial, format=figure.suffix[1:].lower())
        print(f"{figure}: the picture of what happened", file=sys.stderr)


def shapes(options: argparse.Namespace) -> None:
    """Every stage of a recording's way through the model, recorded by a probe."""
    generation = Generation(text=Sampling(temperature=options.temperature), seed=options.seed)
    with progress() as bar:
        bar.add_task("answering under a probe", total=None)
        omni = Omni.from_pretrained(options.checkpoint, options.device)
        question = load_audio(options.question, omni.config.aut_encoder.sample_rate)
        stages, _ = trace(omni, question, generation)
    console().print(stages_table(stages))


def costs(options: argparse.Namespace) -> None:
    """What a configuration costs."""
    require(options.context >= 1, f"--context = {options.context}, expected at least 1")
    config = getattr(OmniConfig, options.size)()
    for part in ledger_tables(config, options.size, options.context):
        console().print(part)


def train(options: argparse.Namespace) -> None:
    """All stages side by side, or one."""
    from .training import run

    device = pick_device(options.device)
    what = (options.task or run.ARITHMETIC, options.voice)
    if options.stage is not None:
        run.run_stage(options.stage, options.folder, options.output, device, options.seed, *what)
    else:
        run.run_all(options.folder, options.output, device, options.seed, *what)


def evaluate(options: argparse.Namespace) -> None:
    """Print the table as it is measured; put it into the model card if there is one to put it into."""
    from .training import card

    card.evaluate(options.checkpoint, pick_device(options.device), options.cases, options.recordings, options.output)


if __name__ == "__main__":
    sys.exit(main())
