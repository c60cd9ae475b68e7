"""How far a value may lie from the mean of few observations: the Student-t law.

From n observations the spread itself is only estimated; the t law with n − 1 degrees of freedom is
wider than the normal one by just as much as that costs. Its distribution function is half a regularised
incomplete beta function (Abramowitz & Stegun, *Handbook of Mathematical Functions*, 26.7.1), which is
summed near the middle as the series 26.5.4, and further out as the continued fraction 26.5.8 by Lentz's
method (W. J. Lentz, Applied Optics 15, 1976).
"""

import math

_TINY = 1e-300
_CLOSE = 1e-14
_NARROW = 1e-10
_MOST_STEPS = 100_000
_NEAR = 8


def student_cdf(value: float, degrees: float) -> float:
    """Return the probability of at most `value` with so many degrees of freedom, any number above 0."""
    beyond = _tail(abs(value), degrees)
    return beyond if value < 0 else 1 - beyond


def student_quantile(probability: float, degrees: float) -> float:
    """Return the value that is not exceeded with a probability, strictly between 0 and 1.

    The law is symmetric, so the smaller tail is searched: it keeps all its digits where the larger one
    is nearly 1. The tail falls ever more slowly, so Newton's steps from before the answer never pass it;
    doubling finds where to begin.
    """
    tail = min(probability, 1 - probability)
    value, reached = 0.0, 1.0
    while _tail(reached, degrees) > tail:
        value, reached = reached, 2 * reached
    step = reached
    while step > _NARROW * value:
        step = (_tail(value, degrees) - tail) / _density(value, degrees)
        value += step
    return -value if probability < 1 / 2 else value


def _density(value: float, degrees: float) -> float:
    half = (degrees + 1) / 2
    constant = math.lgamma(half) - math.lgamma(degrees / 2) - math.log(degrees * math.pi) / 2
    return math.exp(constant - half * math.log1p(value * value / degrees))


def _tail(value: float, degrees: float) -> float:
    """Return the probability of more than a value that is 0 or above."""
    square = value * value
    return _incomplete_beta(degrees / (degrees + square), square / (degrees + square), degrees / 2) / 2


def _incomplete_beta(share: float, rest: float, first: float) -> float:
    """Return I(share; first, 1/2); `rest` is 1 − share, given apart because it may be tiny.

    Near the middle the other side is summed, and what it leaves is large enough to keep its digits;
    further out this side itself.
    """
    if not share or not rest:
        return 0.0 if not share else 1.0
    front = math.exp(
        math.lgamma(first + 1 / 2)
        - math.lgamma(first)
        - math.lgamma(1 / 2)
        + first * math.log(share)
        + math.log(rest) / 2
    )
    if rest < 1 / 2 and first * rest < _NEAR:
        return 1 - 2 * front * _series(rest, first)
    return front * _fraction(share, first) / first


def _series(rest: float, first: float) -> float:
    """Sum the series of I(rest; 1/2, first); its terms are all above 0 and soon fall at least by half."""
    term = total = 1.0
    step = 0
    while term > _CLOSE * total:
        term *= (first + step + 1 / 2) / (step + 3 / 2) * rest
        total += term
        step += 1
    return total


def _fraction(share: float, first: float) -> float:
    """Sum the continued fraction of I(share; first, 1/2) from its head (Lentz).

    What will be divided by is kept away from 0. Each round takes an even and an odd term.
    """
    both = first + 1 / 2
    numerator, denominator = 1.0, 1 / (1 - both * share / (first + 1) or _TINY)
    total = denominator
    step, change = 0, 0.0
    while abs(change - 1) > _CLOSE and step < _MOST_STEPS:
        step += 1
        width = first + 2 * step
        part = step * (1 / 2 - step) * share / ((width - 1) * width)
        denominator = 1 / (1 + part * denominator or _TINY)
        numerator = 1 + part / numerator or _TINY
        total *= numerator * denominator
        part = -(first + step) * (both + step) * share / (width * (width + 1))
        denominator = 1 / (1 + part * denominator or _TINY)
        numerator = 1 + part / numerator or _TINY
        change = numerator * denominator
        total *= change
    return total
