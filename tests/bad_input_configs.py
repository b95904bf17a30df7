"""The cases of docs/bad-input.md about configurations: each is a call that must fail."""

from dataclasses import replace

import numpy as np
from bad_input_files import changed_json

from omni_ref import Omni, OmniConfig

TINY = OmniConfig.tiny()
AUT, THINKER, TALKER, VOCODER = TINY.aut_encoder, TINY.thinker, TINY.talker, TINY.code2wav

# fmt: off
CONFIGS = {
    "a count of 0": lambda at: replace(THINKER, num_hidden_layers=0),
    "a count that is true": lambda at: replace(TALKER, num_experts=True),
    "a count that is not whole": lambda at: replace(AUT, n_mels=24.0),
    "a number that is negative": lambda at: replace(AUT, rms_norm_eps=-1e-6),
    "a number that is none": lambda at: replace(THINKER, rope_theta=np.nan),
    "a number without end": lambda at: replace(TALKER, rope_theta=np.inf),
    "1 in place of true": lambda at: replace(THINKER, norm_topk_prob=1),
    "another activation": lambda at: replace(TALKER, hidden_act="gelu"),
    "a number in place of a list": lambda at: replace(VOCODER, upsample_rates=320),
    "a list in place of a number": lambda at: replace(VOCODER, hidden_size=[144]),
    "an empty list": lambda at: replace(VOCODER, upsample_rates=[]),
    "a list with a 0": lambda at: replace(AUT, conv_strides=[2, 0]),
    "AuTEncoder: heads that do not divide the width": lambda at: replace(AUT, num_attention_heads=3),
    "AuTEncoder: heads of odd width": lambda at: replace(AUT, num_attention_heads=8),
    "AuTEncoder: a hop longer than the window": lambda at: replace(AUT, hop_size=500),
    "AuTEncoder: a window longer than the FFT": lambda at: replace(AUT, frame_size=640),
    "AuTEncoder: a hop that does not divide a second": lambda at: replace(AUT, hop_size=150),
    "AuTEncoder: three convolutions": lambda at: replace(AUT, conv_kernel_sizes=(7, 3, 3)),
    "AuTEncoder: a convolution of even size": lambda at: replace(AUT, conv_kernel_sizes=(7, 4)),
    "AuTEncoder: strides that do not divide the mel rate": lambda at: replace(AUT, conv_strides=(3, 2)),
    "AuTEncoder: a codebook that never moves": lambda at: replace(AUT, codebook_decay=1.0),
    "Thinker: key/value heads that do not divide the heads": lambda at: replace(THINKER, num_key_value_heads=5),
    "Thinker: heads of odd width": lambda at: replace(THINKER, head_dim=9),
    "Thinker: more experts a token than experts": lambda at: replace(THINKER, num_experts_per_tok=18),
    "Talker: key/value heads that do not divide the heads": lambda at: replace(TALKER, num_key_value_heads=4),
    "Talker: heads of odd width": lambda at: replace(TALKER, head_dim=15),
    "Talker: more experts a token than experts": lambda at: replace(TALKER, num_experts_per_tok=14),
    "Code2Wav: more rates than layers": lambda at: replace(VOCODER, num_upsample_layers=3),
    "Code2Wav: codebooks that do not divide the width": lambda at: replace(VOCODER, hidden_size=160),
    "Code2Wav: a width that cannot be halved as often": lambda at: replace(VOCODER, hidden_size=72),
    "Omni: another number of codebooks": lambda at: replace(TINY, talker=replace(TALKER, num_codebooks=4)),
    "Omni: codebooks of another size": lambda at: replace(TINY, code2wav=replace(VOCODER, codebook_size=20)),
    "Omni: another talker vocabulary": lambda at: replace(TINY, thinker=replace(THINKER, talker_vocab_size=40)),
    "Omni: audio of another width": lambda at: replace(TINY, aut_encoder=replace(AUT, hidden_size=96)),
    "Omni: another sample rate": lambda at: replace(TINY, code2wav=replace(VOCODER, upsample_rates=(8, 5, 3, 2))),
    "Omni: a part of another kind": lambda at: replace(TINY, talker=THINKER),
    "Omni: a vocabulary smaller than the tokenizer's": lambda at: Omni(
        replace(TINY, thinker=replace(THINKER, vocab_size=259))),
    "JSON: an unknown key": lambda at: OmniConfig.from_json(changed_json(TINY, "talker", hidden_sise=34)),
    "JSON: a missing key": lambda at: OmniConfig.from_json(changed_json(TINY, "talker", hidden_size=None)),
    "JSON: an unknown part": lambda at: OmniConfig.from_json(changed_json(TINY, vision={})),
    "JSON: a missing part": lambda at: OmniConfig.from_json(changed_json(TINY, code2wav=None)),
    "JSON: a part that is none": lambda at: OmniConfig.from_json(changed_json(TINY, code2wav=[1, 2])),
    "JSON: a list": lambda at: OmniConfig.from_json("[1, 2]"),
    "JSON: text": lambda at: OmniConfig.from_json("hidden_size: 34"),
}
# fmt: on
