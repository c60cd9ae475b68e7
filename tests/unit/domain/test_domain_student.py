"""The Student-t law, held against another implementation's numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.student import student_cdf, student_quantile

# Made with SciPy 1.17.1 on Python 3.11: scipy.stats.t.ppf(probability, degrees) and .cdf(value, degrees).
PROBABILITIES = (0.0001, 0.01, 0.2, 0.6, 0.95, 0.999, 0.9999)
QUANTILES = {
    0.5: (-10284911.56, -1028.49101, -2.512717954, 0.3979754268, 41.13600009, 102849.1156, 10284911.56),
    1: (-3183.098757, -31.82051595, -1.37638192, 0.3249196962, 6.313751515, 318.308839, 3183.098757),
    1.5: (-242.2640988, -11.19731618, -1.153364378, 0.3007453926, 3.70518082, 52.18443001, 242.2640988),
    2: (-70.70007107, -6.964556734, -1.060660172, 0.2886751346, 2.91998558, 22.32712477, 70.70007107),
    3: (-22.20374227, -4.540702859, -0.9784723124, 0.2766706623, 2.353363435, 10.21453185, 22.20374227),
    4.7: (-10.42294723, -3.456627081, -0.9249371273, 0.2680827195, 2.043811093, 6.189155353, 10.42294723),
    7.3: (-6.85038132, -2.963940448, -0.8936713572, 0.2627568053, 1.882930018, 4.688865994, 6.85038132),
    10: (-5.693820101, -2.763769458, -0.8790578286, 0.2601848295, 1.812461123, 4.143700494, 5.693820101),
    19: (-4.589864597, -2.539483191, -0.8609505503, 0.2569228198, 1.729132812, 3.579400149, 4.589864597),
    30: (-4.233985957, -2.457261542, -0.8537672615, 0.255605365, 1.697260887, 3.385184867, 4.233985957),
    44.4: (-4.054150016, -2.41331568, -0.8497918363, 0.2548704804, 1.679904513, 3.284208915, 4.054150016),
    100: (-3.861599791, -2.364217366, -0.8452304245, 0.2540221825, 1.660234326, 3.173739494, 3.861599791),
    150.5: (-3.812692961, -2.351380283, -0.844016069, 0.2537954261, 1.65504133, 3.145266106, 3.812692961),
    200: (-3.789120789, -2.345137082, -0.8434221315, 0.2536843792, 1.652508101, 3.131479814, 3.789120789),
}
VALUES = (-12.5, -2.0, -0.3, 0.001, 1.2, 3.3, 40.0)
CHANCES = {
    0.5: (0.09066446156, 0.2227574451, 0.4224295761, 0.5002696762, 0.7203710369, 0.8246493931, 0.9492951),
    1: (0.02541067367, 0.1475836177, 0.4072264209, 0.5003183098, 0.7788579384, 0.9063422291, 0.9920439101),
    2: (0.003169604052, 0.09175170954, 0.3962428304, 0.5003535533, 0.8234983196, 0.9595761531, 0.9996877927),
    3.3: (
        0.0003410344676,
        0.06547943222,
        0.3910483783,
        0.5003702266,
        0.8454278219,
        0.9801062976,
        0.9999924706,
    ),
    7: (2.416209012e-06, 0.04280966428, 0.3864450252, 0.5003849914, 0.8654140316, 0.9934396425, 0.9999999992),
    25: (1.489576157e-12, 0.02823799021, 0.3833287468, 0.5003949737, 0.8793059941, 0.9985473899, 1),
    120.5: (8.407097953e-24, 0.02387456116, 0.3823470299, 0.5003981154, 0.8837533462, 0.9993640376, 1),
    200: (3.577846836e-27, 0.02342659309, 0.3822443651, 0.5003984438, 0.8842205655, 0.9994276387, 1),
}

degrees_of_freedom = st.floats(0.3, 200)
probabilities = st.floats(1e-4, 0.9999)


@pytest.mark.parametrize("degrees", QUANTILES)
def test_quantiles_agree_with_scipy(degrees):
    found = [student_quantile(probability, degrees) for probability in PROBABILITIES]
    assert found == pytest.approx(QUANTILES[degrees], rel=1e-6)


@pytest.mark.parametrize("degrees", CHANCES)
def test_chances_agree_with_scipy(degrees):
    found = [student_cdf(value, degrees) for value in VALUES]
    assert found == pytest.approx(CHANCES[degrees], rel=1e-6, abs=1e-9)


def test_the_middle_is_exactly_nothing():
    assert student_quantile(0.5, 3) == 0.0
    assert student_cdf(0.0, 3) == 0.5


def test_with_very_many_degrees_it_is_the_normal_law():
    assert student_quantile(0.975, 1e7) == pytest.approx(1.959963984540054, rel=1e-6)


def test_beyond_all_numbers_nothing_is_left():
    assert student_cdf(1e200, 5.0) == 1.0


@settings(max_examples=200, deadline=None)
@given(degrees_of_freedom, probabilities)
def test_the_quantile_undoes_the_chance(degrees, probability):
    assert student_cdf(student_quantile(probability, degrees), degrees) == pytest.approx(
        probability, rel=1e-6
    )


@settings(max_examples=500, deadline=None)
@given(degrees_of_freedom, probabilities)
def test_both_sides_are_alike(degrees, probability):
    assert student_quantile(1 - probability, degrees) == pytest.approx(
        -student_quantile(probability, degrees), rel=1e-6, abs=1e-12
    )


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
