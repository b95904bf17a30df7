"""How fast omni_ref is, beside what people would use instead. `make benchmark` writes docs/performance.md.

Ours and theirs run alternately in one process, on the same weights and inputs; the peers are those of the parity tests,
which show that both compute the same.
"""
