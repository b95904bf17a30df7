"""The command line, run as a person runs it."""

import contextlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import soundfile
import torch

from omni_ref import Generation, Omni, OmniConfig, __main__
from omni_ref.__main__ import main, printable, save
from omni_ref.checkpoint import save_checkpoint
from omni_ref.turn import Reply

ROOT = Path(__file__).parents[1]
QUESTION = ROOT / "omni_ref" / "assets" / "question.wav"
Short = partial(Generation, max_text_tokens=20, max_frames=12)


@pytest.fixture
def checkpoint(tmp_path, tiny, monkeypatch):
    """A random model, which would not end by itself: its replies are cut."""
    monkeypatch.setattr(__main__, "Generation", Short)
    folder = tmp_path / "tiny"
    save_checkpoint(folder, Omni.from_config(tiny, device="cpu"), tiny)
    return ["--checkpoint", str(folder), "--device", "cpu"]


def test_ask_prints_the_text_and_saves_the_speech(tmp_path, checkpoint, capsys):
    answer, figure = tmp_path / "answer.wav", tmp_path / "answer.png"
    assert main(["ask", str(QUESTION), "-o", str(answer), "--figure", str(figure), *checkpoint]) == 0
    printed = capsys.readouterr()
    expected = Omni.from_pretrained(checkpoint[1], "cpu").respond(QUESTION, generation=Short())
    assert printed.out == printable(expected.text) + "\n"
    assert str(answer) in printed.err and str(figure) in printed.err
    samples, rate = soundfile.read(answer)
    assert rate == 16000 and len(samples) == len(expected.waveform)
    assert abs(samples - expected.waveform.numpy()).max() < 1e-4
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_an_ending_in_capitals_is_that_ending(tmp_path, checkpoint):
    answer, figure = tmp_path / "ANSWER.FLAC", tmp_path / "FIGURE.PNG"
    assert main(["ask", str(QUESTION), "-o", str(answer), "--figure", str(figure), *checkpoint]) == 0
    assert soundfile.info(answer).format == "FLAC" and figure.read_bytes().startswith(b"\x89PNG")


def test_of_a_reply_without_sound_no_first_sound_is_told(tmp_path, capsys):
    reply = Reply("", torch.zeros(0), 16000, {"total": 0.25}, {})
    save(reply, None, tmp_path / "answer.wav", None, OmniConfig.tiny())
    assert "0.00 s of speech, nothing was said, all after 0.25 s" in capsys.readouterr().err
    assert soundfile.info(tmp_path / "answer.wav").frames == 0
    reply = Reply("one", torch.zeros(3200), 16000, {"first_sound": 0.05, "total": 0.25}, {})
    save(reply, None, tmp_path / "answer.wav", None, OmniConfig.tiny())
    assert "0.20 s of speech, the first after 50 ms, all after 0.25 s" in capsys.readouterr().err


@pytest.mark.parametrize("redirected", [False, True])
def test_on_a_terminal_the_text_stays_when_the_progress_goes_away(redirected):
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    ours, terminal = pty.openpty()
    command = [sys.executable, "-m", "omni_ref", "ask", str(QUESTION), "--task", "transcribe", "--device", "cpu"]
    stdout = subprocess.PIPE if redirected else terminal
    with subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=terminal, env=os.environ | {"TERM": "xterm"}) as run:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other side of a terminal is closed
            while piece := os.read(ours, 4096):
                shown += piece
        printed = run.stdout.read() if redirected else shown.split(b"\x1b[2K")[-1].replace(b"\r", b"")
    os.close(ours)
    assert b"loading the model" in shown
    assert printed == b"what is seven plus eight\n"


def test_no_control_character_reaches_the_terminal():
    assert printable("sieben plus acht\n= 15 ü€😀") == "sieben plus acht\n= 15 ü€😀"
    assert printable("a\x1b[2J\x07\rb\x00") == "a\ufffd[2J\ufffd\ufffdb\ufffd"


def test_transcribe_writes_no_speech_unless_asked(tmp_path, checkpoint, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["ask", str(QUESTION), "--task", "transcribe", *checkpoint]) == 0
    assert not list(tmp_path.glob("*.wav"))


def test_say_speaks_a_typed_text_to_the_default_file(tmp_path, checkpoint, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["ask", "--task", "say", "--text", "one plus two", *checkpoint]) == 0
    assert soundfile.info(tmp_path / "answer.wav").samplerate == 16000


def test_the_seed_decides_what_is_drawn(checkpoint, tmp_path, capsys):
    def text(seed: str) -> str:
        arguments = ["ask", str(QUESTION), "-o", str(tmp_path / "a.wav"), "--temperature", "1", "--seed", seed]
        assert main([*arguments, *checkpoint]) == 0
        return capsys.readouterr().out

    assert text("1") == text("1") != text("2")


def test_shapes_are_recorded_from_the_recording(checkpoint, capsys):
    assert main(["shapes", str(QUESTION), *checkpoint]) == 0
    lines = {line.rsplit("  ", 3)[0].strip(): line.split() for line in capsys.readouterr().out.splitlines()}
    frames = soundfile.info(QUESTION).frames
    by_name = {" ".join(words): words for words in lines.values()}
    text = "\n".join(by_name)
    assert f"question: waveform {frames}" in text
    assert f"log-mel spectrogram 1 × {OmniConfig.tiny().aut_encoder.n_mels} × {frames // 160}" in text
    assert "answer: waveform" in text


@pytest.mark.parametrize(
    ("size", "numbers"),
    [
        (
            "full",
            ["49,941,919,744", "7,795,984,384", "3,795,009,024", "408,930,816", "4,857,857", "5.000 GiB", "2,200"],
        ),
        ("mini", [f"{sum(weights.numel() for weights in Omni(OmniConfig.mini()).parameters()):,}"]),
        ("tiny", [f"{sum(weights.numel() for weights in Omni(OmniConfig.tiny()).parameters()):,}"]),
    ],
)
def test_ledger_prints_the_sums(size, numbers, capsys):
    assert main(["ledger", "--size", size]) == 0
    printed = capsys.readouterr().out
    assert [number for number in numbers if number not in printed] == []


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ([], "examples:"),
        (["ask"], "get text and speech"),
        (["shapes"], "shape and rate for a recording"),
        (["ledger"], "parameters, memory, FLOPs and bit rates of a configuration"),
        (["train"], "goes on where it was killed"),
        (["evaluate"], "the table of the model card"),
    ],
)
def test_help_says_what_each_command_does(command, what, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0 and what in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ask", "nowhere.wav"], "nowhere.wav: no such file"),
        (["ask", "pyproject.toml"], "not a sound file"),
        (["ask"], "neither audio nor text"),
        (["ask", str(QUESTION), "-o", "nowhere/answer.wav"], "cannot be written"),
        (["ask", str(QUESTION), "-o", "answer.txt"], "expected .wav or .flac"),
        (["ask", str(QUESTION), "--figure", "answer.gif"], "expected .png"),
        (["ask", str(QUESTION), "--device", "gpu"], "not one that this runs on"),
        (["ask", str(QUESTION), "--checkpoint", "nowhere"], "no such file"),
        (["shapes", "nowhere.wav"], "no such file"),
        (["ledger", "--context", "0"], "expected at least 1"),
    ],
)
def test_an_error_is_one_readable_line_and_exit_code_2(arguments, complaint, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert main(arguments) == 2
    printed = capsys.readouterr()
    (line,) = [line for line in printed.err.splitlines() if "error" in line]
    assert line.startswith("omni-ref: error: ") and complaint in line
    assert "Traceback" not in printed.err and printed.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize(("command", "extra"), [("evaluate", "evaluation"), ("train", "training")])
def test_a_package_that_is_missing_is_named_with_the_extra_that_has_it(command, extra, monkeypatch, capsys):
    def missing(options):
        raise ModuleNotFoundError("No module named 'pesq'")

    monkeypatch.setattr(__main__, command, missing)
    assert main([command]) == 2
    error = f"omni-ref: error: No module named 'pesq'; {command} needs: pip install '.[{extra}]'\n"
    assert capsys.readouterr().err == error


def test_it_runs_as_a_module_and_from_the_installed_script(tmp_path):
    for command in ([sys.executable, "-m", "omni_ref"], [Path(sys.executable).parent / "omni-ref"]):
        run = subprocess.run([*command, "ask", "nowhere.wav"], capture_output=True, text=True, cwd=tmp_path)
        assert run.returncode == 2 and "no such file" in run.stderr and "Traceback" not in run.stderr


def test_the_demo_question_gives_the_same_tokens_on_one_and_on_two_threads():
    omni, before, replies = Omni.from_pretrained(device="cpu"), torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        replies.append(omni.respond(QUESTION))
    torch.set_num_threads(before)
    one, two = (reply.tokens for reply in replies)
    assert replies[0].text == "seven plus eight is fifteen" and set(one) == {"audio", "text", "talker", "codec"}
    assert all(torch.equal(tokens, two[name]) for name, tokens in one.items())
