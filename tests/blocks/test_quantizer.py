"""Vector quantization: nearest, straight through, committed, learning by averages, and dead codes that come back."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_ref.blocks.quantizer import ResidualVectorQuantizer, VectorQuantizer, perplexity, straight_through, usage

drawn = settings(max_examples=12, deadline=None, derandomize=True)
SIZE, DIM, BATCH, TIME = 13, 6, 3, 7


def quantizer_in_float64(**options):
    return VectorQuantizer(SIZE, DIM, **options).double()


def random_vectors(*lead):
    return torch.randn(*(lead or (BATCH, TIME)), DIM, dtype=torch.float64)


def some_are_real():
    return torch.arange(TIME) < torch.tensor([7, 4, 2])[:, None]


@drawn
@given(st.integers(0, 99), st.sampled_from([0.1, 1.0, 30.0]))
def test_the_code_is_the_nearest_by_brute_force(seed, scale):
    torch.manual_seed(seed)
    quantizer, vectors = quantizer_in_float64().eval(), random_vectors()
    quantizer.codebook.mul_(scale * torch.rand(SIZE, 1))
    output = quantizer(vectors)
    for row in range(BATCH):
        for position in range(TIME):
            distances = [math.dist(vectors[row, position], vector) for vector in quantizer.codebook]
            assert output.codes[row, position] == distances.index(min(distances))
    assert torch.equal(output.codes, quantizer.nearest(vectors))
    assert torch.equal(output.quantized, quantizer.lookup(output.codes))


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other():
    vectors, quantized = random_vectors().requires_grad_(), random_vectors().requires_grad_()
    passed, toward = straight_through(vectors, quantized), random_vectors()
    (passed * toward).sum().backward()
    assert torch.equal(passed, quantized) and torch.equal(vectors.grad, toward) and quantized.grad is None


@pytest.mark.parametrize(
    "quantizer", [VectorQuantizer(SIZE, DIM), ResidualVectorQuantizer(3, SIZE, DIM)], ids=["single", "residual"]
)
def test_the_gradient_through_quantization_is_the_identity(quantizer):
    vectors, toward = random_vectors().requires_grad_(), random_vectors()
    (quantizer.double().eval()(vectors).quantized * toward).sum().backward()
    assert torch.equal(vectors.grad, toward)


@pytest.mark.parametrize("is_real", [None, some_are_real()], ids=["all real", "padded"])
def test_the_commitment_loss_is_the_mean_squared_error_of_real_positions(is_real):
    quantizer, vectors = quantizer_in_float64(commitment_weight=0.4).eval(), random_vectors().requires_grad_()
    output = quantizer(vectors, is_real)
    error = vectors - quantizer.codebook[output.codes]
    real = torch.ones(BATCH, TIME, dtype=torch.bool) if is_real is None else is_real
    loss = 0.4 * sum(error[row, t].pow(2).sum() / DIM for row, t in real.nonzero().tolist()) / real.sum()
    torch.testing.assert_close(output.commitment_loss, loss)
    (gradient,) = torch.autograd.grad(output.commitment_loss, vectors)
    torch.testing.assert_close(gradient, 0.4 * 2 * error / DIM * real[..., None] / real.sum())


def test_padding_alone_commits_to_nothing():
    quantizer = quantizer_in_float64().train()
    before = quantizer.codebook.clone()
    output = quantizer(random_vectors(), torch.zeros(BATCH, TIME, dtype=torch.bool))
    assert float(output.commitment_loss) == 0
    torch.testing.assert_close(quantizer.codebook, before)


@pytest.mark.parametrize("is_real", [None, some_are_real()], ids=["all real", "padded"])
def test_the_codebook_follows_the_moving_averages_of_its_vectors(is_real):
    quantizer = quantizer_in_float64(decay=0.7, dead_code_threshold=1e-9).train()
    counts, sums = torch.ones(SIZE, dtype=torch.float64), quantizer.codebook.clone()
    for _ in range(3):
        vectors = random_vectors()
        codes = quantizer(vectors, is_real).codes
        real = codes >= 0 if is_real is None else is_real
        for code in range(SIZE):
            mine = vectors[(codes == code) & real]
            counts[code] = 0.7 * counts[code] + 0.3 * len(mine)
            sums[code] = 0.7 * sums[code] + 0.3 * mine.sum(dim=0)
        torch.testing.assert_close(quantizer.codebook, sums / counts[:, None])


def test_codebook_vectors_move_to_the_middle_of_what_they_stand_for():
    centres = 5 * torch.randn(SIZE, DIM, dtype=torch.float64)
    quantizer = quantizer_in_float64(decay=0.5).train()
    quantizer.codebook.copy_(centres + 0.3 * torch.randn(SIZE, DIM))
    vectors = (centres[:, None] + 0.1 * random_vectors(SIZE, 9)).contiguous()
    for _ in range(40):
        quantizer(vectors)
    torch.testing.assert_close(quantizer.codebook, vectors.mean(dim=1), atol=1e-6, rtol=0)


def test_in_evaluation_nothing_is_learnt():
    quantizer = quantizer_in_float64(decay=0.1).eval()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer(random_vectors())
    assert all(torch.equal(value, before[name]) for name, value in quantizer.state_dict().items())


def test_the_codebook_gets_no_gradient():
    quantizer = quantizer_in_float64().eval()
    output = quantizer(random_vectors().requires_grad_())
    (output.quantized.sum() + output.commitment_loss).backward()
    assert quantizer.codebook.grad is None


def steps_until_revived(quantizer, vectors, dead):
    for step in range(1, 100):
        quantizer(vectors)
        if (quantizer.codebook[dead] < 50).all():
            return step
    return None


def test_dead_codes_revive_on_vectors_of_the_batch_and_stay():
    quantizer, dead = quantizer_in_float64(decay=0.5, dead_code_threshold=0.1).train(), slice(9, SIZE)
    quantizer.codebook[dead] += 100
    quantizer.average_sum.copy_(quantizer.codebook)
    vectors = random_vectors(BATCH, 40)
    assert steps_until_revived(quantizer, vectors, dead) == math.ceil(math.log(0.1, 0.5))
    for revived in quantizer.codebook[dead]:
        assert (vectors - revived).norm(dim=-1).min() < 1e-12
    chosen = torch.zeros(SIZE)
    for _ in range(30):
        chosen += torch.bincount(quantizer(vectors).codes.flatten(), minlength=SIZE)
        assert quantizer.codebook.abs().max() < 50
    assert (chosen[dead] > 0).all()
    assert usage(quantizer(vectors).codes, SIZE) == 1


def test_a_code_that_is_chosen_is_never_moved_away():
    quantizer = quantizer_in_float64(decay=0.5, dead_code_threshold=0.1).train()
    vectors = quantizer.codebook.clone()[None]
    for _ in range(20):
        quantizer(vectors)
    torch.testing.assert_close(quantizer.codebook, vectors[0])


@pytest.mark.parametrize("time, count", [(40, BATCH * 40 / SIZE), (1, 0.6)])
def test_a_revived_code_starts_as_an_average_code_but_not_dead(time, count):
    quantizer = quantizer_in_float64(decay=0.5, dead_code_threshold=0.6).train()
    quantizer.codebook[-1] += 100
    quantizer(random_vectors(BATCH, time))
    assert float(quantizer.average_count[-1]) == pytest.approx(count)


def trained_stack(vectors, **options):
    stack = ResidualVectorQuantizer(4, SIZE, DIM, **options).double().train()
    for _ in range(30):
        stack(vectors)
    return stack.eval()


def test_the_residual_error_falls_with_each_codebook():
    vectors = random_vectors(BATCH, 60)
    stack = trained_stack(vectors, decay=0.8)
    codes, total, errors = stack(vectors).codes, torch.zeros_like(vectors), [vectors.pow(2).mean()]
    for k, quantizer in enumerate(stack.quantizers):
        total = total + quantizer.lookup(codes[..., k])
        errors.append((vectors - total).pow(2).mean())
    assert all(later < 0.8 * earlier for earlier, later in pairwise(errors))


@pytest.mark.parametrize("is_real", [None, some_are_real()], ids=["all real", "padded"])
def test_each_quantizer_of_the_stack_codes_what_those_before_it_left_over(is_real):
    stack, vectors = ResidualVectorQuantizer(4, SIZE, DIM, commitment_weight=0.7).double().eval(), random_vectors()
    output, residual, loss = stack(vectors, is_real), vectors, 0
    for k, quantizer in enumerate(stack.quantizers):
        assert torch.equal(output.codes[..., k], quantizer.nearest(residual))
        loss = loss + quantizer(residual, is_real).commitment_loss
        residual = residual - quantizer.codebook[output.codes[..., k]]
    assert output.codes.shape == (BATCH, TIME, 4)
    torch.testing.assert_close(output.quantized, vectors - residual)
    torch.testing.assert_close(stack.lookup(output.codes), output.quantized)
    torch.testing.assert_close(output.commitment_loss, loss)


def test_the_stack_learns_each_codebook_from_real_positions_only():
    stack, vectors, is_real = (
        ResidualVectorQuantizer(2, SIZE, DIM, decay=0.5).double(),
        random_vectors(),
        some_are_real(),
    )
    before = [quantizer.codebook.clone() for quantizer in stack.quantizers]
    stack.train()(vectors.masked_fill(~is_real[..., None], 1e9), is_real)
    for quantizer, untrained in zip(stack.quantizers, before, strict=True):
        assert 0 < (quantizer.codebook - untrained).abs().max() < 100


def test_the_stack_hands_its_options_to_each_quantizer():
    options = dict(decay=0.5, commitment_weight=0.7, dead_code_threshold=0.3)
    for quantizer in ResidualVectorQuantizer(3, SIZE, DIM, **options).quantizers:
        assert options == {name: getattr(quantizer, name) for name in options}
        assert quantizer.codebook.shape == (SIZE, DIM)


@pytest.mark.parametrize("code", [-1, SIZE])
def test_a_code_outside_the_codebook_is_refused(code):
    with pytest.raises(ValueError, match=f"codes: ids from .* expected 0 to {SIZE - 1}"):
        VectorQuantizer(SIZE, DIM).lookup(torch.tensor([0, code]))


def test_codes_of_another_number_of_codebooks_are_refused():
    with pytest.raises(ValueError, match="codes of 2 codebooks, expected 3"):
        ResidualVectorQuantizer(3, SIZE, DIM).lookup(torch.zeros(BATCH, TIME, 2, dtype=torch.long))


def test_perplexity_and_usage_of_known_codes():
    assert perplexity(torch.arange(8)[None], 8) == pytest.approx(8)
    assert perplexity(torch.full((3, 5), 6), 8) == pytest.approx(1)
    half_quarter_quarter = torch.tensor([[0, 0], [3, 5]])
    assert perplexity(half_quarter_quarter, 8) == pytest.approx(2**1.5)
    assert usage(half_quarter_quarter, 8) == 3 / 8
    assert usage(torch.arange(8), 8) == 1


def test_a_codebook_that_is_set_stays_where_it_was_put():
    quantizer, centres = VectorQuantizer(7, 5), 10 * torch.randn(7, 5)
    quantizer.train()(torch.randn(1, 40, 5))  # so that its averages are not those of a new one
    quantizer.set_codebook(centres)
    quantizer(centres[None])
    torch.testing.assert_close(quantizer.codebook.data, centres)


@pytest.mark.parametrize("measure", [perplexity, usage])
@pytest.mark.parametrize("codes", [[], [0, 1, 9], [-1]])
def test_usage_of_no_code_or_an_unknown_one_is_refused(measure, codes):
    with pytest.raises(ValueError, match="codes"):
        measure(torch.tensor(codes, dtype=torch.long), 3)
