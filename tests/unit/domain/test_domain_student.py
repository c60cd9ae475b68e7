"""The Student-t law, held against another implementation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from fbm_sync.domain.student import student_cdf, student_quantile

degrees_of_freedom = st.floats(0.3, 200)
probabilities = st.floats(1e-4, 0.9999)


# As far out as a promise ever looks, and some: SciPy is another implementation of the same law.
SOME_DEGREES = st.one_of(degrees_of_freedom, st.floats(0.3, 3), st.floats(1, 1000))
FAR_OUT = st.one_of(probabilities, st.floats(1e-6, 1e-2), st.floats(0.99, 1 - 1e-6))


@settings(max_examples=500, deadline=None)
@given(SOME_DEGREES, FAR_OUT)
def test_quantiles_agree_with_scipy(degrees, probability):
    found = student_quantile(probability, degrees)
    assert found == pytest.approx(float(stdtrit(degrees, probability)), rel=1e-6, abs=1e-9)


@settings(max_examples=500, deadline=None)
@given(SOME_DEGREES, st.one_of(st.floats(-6, 6), st.floats(-50, 50), st.floats(-1e6, 1e6)))
def test_chances_agree_with_scipy(degrees, value):
    found = student_cdf(value, degrees)
    assert found == pytest.approx(float(stdtr(degrees, value)), rel=1e-6, abs=1e-30)


def test_the_middle_is_exactly_nothing():
    assert student_quantile(0.5, 3) == 0.0
    assert student_cdf(0.0, 3) == 0.5


def test_with_very_many_degrees_it_is_the_normal_law():
    assert student_quantile(0.975, 1e7) == pytest.approx(1.959963984540054, rel=1e-6)


def test_beyond_all_numbers_nothing_is_left():
    assert student_cdf(1e200, 5.0) == 1.0


@settings(max_examples=500, deadline=None)
@given(degrees_of_freedom, probabilities, probabilities)
def test_a_greater_probability_never_has_a_smaller_value(degrees, one, other):
    low, high = sorted((one, other))
    smaller, greater = student_quantile(low, degrees), student_quantile(high, degrees)
    # Neighbouring floats may differ in the last digits of the answer, either way.
    assert smaller <= greater or smaller == pytest.approx(greater, rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(degrees_of_freedom, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_greater_value_is_never_less_likely_reached(degrees, one, other):
    low, high = sorted((one, other))
    assert student_cdf(low, degrees) <= student_cdf(high, degrees) + 1e-12


@settings(max_examples=200, deadline=None)
@given(degrees_of_freedom, degrees_of_freedom, st.floats(0.6, 0.9999))
def test_knowing_less_of_the_spread_makes_the_quantile_longer(one, other, probability):
    few, many = sorted((one, other))
    assert student_quantile(probability, few) >= student_quantile(probability, many) * (1 - 1e-8)
