"""Pictures of what the model does, in one style: each takes tensors and gives a figure. One module a topic."""

from . import (  # noqa: F401
    aut,
    cells,
    code2wav,
    exchange,
    experts,
    explorers,
    faults,
    gqa,
    latency,
    lessons,
    pipeline,
    positions,
    quantizer,
    size,
    sound,
    style,
    talker,
    thinker,
    training,
)
