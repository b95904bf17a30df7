"""The key-value cache: what attention keeps of the past, so that a new token costs one position and not the whole text.

Room is kept ahead and doubled when it runs out, so that the past is not copied at every step.

        layer 0   keys    [ past past past | new |   room ahead   ]
                  values  [ past past past | new |   room ahead   ]
        layer 1   …                 length ┘
"""

import torch
from jaxtyping import Float
from torch import Tensor

KeysValues = tuple[Float[Tensor, "batch kv_heads total head_dim"], Float[Tensor, "batch kv_heads total head_dim"]]


class KVCache:
    """Keys and values of `length` past positions, layer by layer. For inference: gradients do not flow through it.

    `carried` is whatever else of the past a component needs: the Talker keeps its last codes there.
    """

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Forget everything, the room included."""
        self.length = 0
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        self.carried: Tensor | None = None

    def check_batch(self, batch: int) -> None:
        """ValueError if the past belongs to a batch of another size."""
        if self.length and self.keys[0].shape[0] != batch:
            raise ValueError(
                f"the cache holds {self.keys[0].shape[0]} rows, the input has {batch}: give each batch its own cache"
            )

    def append(
        self,
        layer: int,
        keys: Float[Tensor, "batch kv_heads time head_dim"],
        values: Float[Tensor, "batch kv_heads time head_dim"],
    ) -> KeysValues:
        """Write a layer's new keys and values after the past ones; return past and new together.

        `length` moves only with `advance`, once every layer has written: a forward that fails half-way leaves the past
        as it was.
        """
        total = self.length + keys.shape[2]
        if self.length == 0:  # what a forward that failed half-way may have left is not past
            del self.keys[layer:], self.values[layer:]
        if layer == len(self.keys):
            self.keys.append(torch.empty_like(keys[:, :, :0]))
            self.values.append(torch.empty_like(values[:, :, :0]))
        for store, new in ((self.keys, keys), (self.values, values)):
            if store[layer].shape[2] < total:
                batch, kv_heads, _, head_dim = new.shape
                roomier = new.new_empty(batch, kv_heads, max(total, 2 * store[layer].shape[2], 64), head_dim)
                roomier[:, :, : self.length] = store[layer][:, :, : self.length]
                store[layer] = roomier
            store[layer][:, :, self.length : total] = new
        return self.keys[layer][:, :, :total], self.values[layer][:, :, :total]

    def advance(self, time: int) -> None:
        """Count `time` new positions as past."""
        self.length += time
