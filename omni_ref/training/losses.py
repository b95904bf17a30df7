"""What several recipes minimise: cross-entropies of the Thinker's two heads, CTC, and the balance of the experts."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..blocks.moe import RouterOutput, TopKRouter, load_balancing_loss
from ..thinker import ThinkerOutput
from .rows import IGNORED, LETTERS, Rows, require_letters

TALKER_WEIGHT, BALANCE_WEIGHT = 0.1, 0.02


class BalanceLoss:
    """Listens to the routers of a module; `take` gives the mean balance loss of its layers since the last time."""

    def __init__(self, module: nn.Module):
        self.seen: list[RouterOutput] = []
        for part in module.modules():
            if isinstance(part, TopKRouter):
                part.register_forward_hook(lambda _part, _args, output: self.seen.append(output))

    def take(self, is_real: Bool[Tensor, "batch time"]) -> Float[Tensor, ""]:
        """Over the real positions only, weighted."""
        keep = is_real.flatten()
        terms = [load_balancing_loss(seen.probabilities[keep], seen.top_k_index[keep]) for seen in self.seen]
        self.seen.clear()
        return BALANCE_WEIGHT * torch.stack(terms).mean()


def reply_losses(output: ThinkerOutput, rows: Rows) -> dict[str, Tensor]:
    """The next text token, the talker token of each reply position; "_right": the share of rows without an error."""
    text = F.cross_entropy(output.text_logits.flatten(0, 1), rows.text_targets.flatten(), ignore_index=IGNORED)
    talker = F.cross_entropy(output.talker_logits.flatten(0, 1), rows.talker_targets.flatten(), ignore_index=IGNORED)
    right = (output.text_logits.argmax(dim=-1) == rows.text_targets) | (rows.text_targets == IGNORED)
    return {"text": text, "talker": TALKER_WEIGHT * talker, "_right": right.all(dim=1).float().mean()}


def ctc_loss(
    logits: Float[Tensor, "batch time symbols"], lengths: Int[Tensor, "batch"], texts: list[str]
) -> Float[Tensor, ""]:
    """Connectionist temporal classification (Graves et al. 2006, sections 3 and 4): letters in their order, anywhere.

    Symbol 0 is the blank. A recording with fewer positions than letters, and one more for each double letter, counts as
    nothing. ValueError for a letter that LETTERS lacks.
    """
    for text in texts:
        require_letters(text)
    labels = [torch.tensor([1 + LETTERS.index(letter) for letter in text]) for text in texts]
    sizes = torch.tensor([len(label) for label in labels])
    log_probabilities = logits.log_softmax(dim=-1).transpose(0, 1)
    return F.ctc_loss(log_probabilities, torch.cat(labels).to(logits.device), lengths.cpu(), sizes, zero_infinity=True)


def ctc_text(logits: Float[Tensor, "time symbols"]) -> str:
    """The likeliest letters: repetitions merged, blanks left out."""
    symbols = torch.unique_consecutive(logits.argmax(dim=-1)).tolist()
    return "".join(LETTERS[symbol - 1] for symbol in symbols if symbol > 0)
