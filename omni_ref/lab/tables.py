"""Tables for the terminal: the ledger of a configuration, and the stages of a recording's journey."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from ..config import OmniConfig
from .ledger import BYTES_PER_NUMBER, Row, bit_rates, kv_cache_bytes, ledger, total
from .stages import Stage

COMPONENTS = ("AuT", "Thinker", "Talker", "Code2Wav")


def console() -> Console:
    """Standard output; where that is no terminal, wide enough for every table."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=120)


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in left:
        table.add_column(name, justify="left")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _size(count: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count} B"


def ledger_tables(config: OmniConfig, size: str, context: int) -> Iterator[Table | str]:
    """Parameters row by row with the sums, then what it takes to run, then how the sums are to be read."""
    rows = ledger(config, context)
    table = _table(
        f"Parameters, {size} size", ("component", "part"), ("parameters", "active", "bytes, bf16", "MFLOP a token")
    )

    def add(row: Row, first: str, style: str | None = None) -> None:
        numbers = (
            f"{row.parameters:,}",
            f"{row.active:,}",
            _size(BYTES_PER_NUMBER * row.parameters),
            f"{row.flops / 1e6:,.3f}",
        )
        table.add_row(first, row.part, *numbers, style=style)

    for component in COMPONENTS:
        part = [row for row in rows if row.component == component]
        for i, row in enumerate(part):
            add(row, component if i == 0 else "")
        add(total(part, component), "", "bold")
        table.add_section()
    everything = total(rows)
    table.add_row(
        "all",
        "sum",
        f"{everything.parameters:,}",
        "",
        _size(BYTES_PER_NUMBER * everything.parameters),
        "",
        style="bold",
    )
    yield table
    yield ""
    yield from (_running(config, rows, context), "", _interfaces(config), "", *_notes(config, rows, size, context))


def _running(config: OmniConfig, rows: list[Row], context: int) -> Table:
    table = _table(
        "Running it", ("component",), ("tokens a second", "GFLOP a second", "KV cache a token", "KV cache, all")
    )
    rates = {
        "AuT": config.aut_encoder.token_rate,
        "Talker": config.code2wav.frame_rate,
        "Code2Wav": config.code2wav.frame_rate,
    }
    caches = {"Thinker": config.thinker, "Talker": config.talker}
    for component in COMPONENTS:
        rate, cached = rates.get(component), caches.get(component)
        flops = f"{rate * total(rows, component).flops / 1e9:,.2f}" if rate else "–"
        limit = cached.max_position_embeddings if cached else 0
        cache = (
            (
                f"{kv_cache_bytes(cached) / 1024:,.1f} KiB",
                f"{kv_cache_bytes(cached, limit) / 2**30:,.3f} GiB at {limit}",
            )
            if cached
            else ("–", "–")
        )
        table.add_row(component, str(rate) if rate else "as it speaks", flops, *cache)
    return table


def _interfaces(config: OmniConfig) -> Table:
    table = _table("Between the components", ("interface",), ("tokens a second", "one of", "bit a second"))
    rates, codec = bit_rates(config), config.code2wav
    heard, said = rates["audio tokens"], rates["codec tokens"]
    table.add_row(
        "audio tokens", f"{config.aut_encoder.token_rate}", f"{config.aut_encoder.audio_vocab_size}", f"{heard:,.0f}"
    )
    table.add_row(
        "codec tokens", f"{codec.num_codebooks} × {codec.frame_rate}", f"{codec.codebook_size}", f"{said:,.0f}"
    )
    return table


def _notes(config: OmniConfig, rows: list[Row], size: str, context: int) -> Iterator[str]:
    """What the sums hold, and what they come to where it is counted otherwise."""
    thinker, talker = total(rows, "Thinker"), total(rows, "Talker")
    audio_map = next(row.parameters for row in rows if row.part == "audio map")
    width, codebooks = config.talker.hidden_size, config.talker.num_codebooks
    codec_input = codebooks * config.talker.codebook_size * width
    extra_ids = (3 * codebooks + 1) * width
    yield "Active: what one token reads: of an embedding one row, of the experts the chosen; AuT and Code2Wav: all."
    yield f"FLOPs: 2 for a multiply-add of matrix products and convolutions, attention over {context} positions."
    yield f"Thinker without the audio map ({audio_map:,}): {thinker.parameters - audio_map:,}."
    yield (
        f"Talker without the embeddings of codec tokens ({codec_input:,}) and the begin, end and pad ids "
        f"({extra_ids:,}): {talker.parameters - codec_input - extra_ids:,}; "
        f"active, without the {codebooks} codec rows and end logits: {talker.active - 2 * codebooks * width:,}."
    )
    yield f"AuT has no LayerNorm after its stem; one would add {2 * config.aut_encoder.hidden_size:,}."
    pointwise = 2 * config.code2wav.hidden_size**2 * config.code2wav.frame_rate
    vocoder = total(rows, "Code2Wav").flops * config.code2wav.frame_rate
    yield f"Code2Wav without its 1×1 convolution: {(vocoder - pointwise) / 1e9:,.2f} GFLOP a second."
    if size == "full":
        yield (
            "The specification's prose speaks of 30 billion parameters. Its numbers give "
            f"{thinker.parameters / 1e9:.2f} billion for the Thinker, {total(rows).parameters / 1e9:.2f} for all."
        )


def stages_table(stages: list[Stage]) -> Table:
    """A row a stage: its shape, and positions a second of the sound that it covers."""
    table = _table("From question to answer", ("stage",), ("shape", "positions", "a second"))
    for stage in stages:
        rate = f"{stage.rate:,.1f}" if stage.rate else "–"
        table.add_row(stage.name, " × ".join(map(str, stage.shape)), f"{stage.shape[stage.time_axis]:,}", rate)
    return table
