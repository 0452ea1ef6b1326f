"""Exact one-sided confidence bounds of a share, so that a small sample neither passes by luck nor fails by noise.

Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
(1934): with k of n seen, the upper bound is the share under which seeing k or fewer has a probability of only 1 -
confidence, the lower bound the share under which seeing k or more has. Both are quantiles of a beta distribution. Its
distribution function is computed by the continued fraction of DLMF 8.17.22 (modified Lentz), with a front factor after
C. Loader, "Fast and accurate computation of binomial probabilities" (2000): differences of log-gammas would lose the
digits that large n need. Quantiles by Newton's method inside a bracket.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

CONFIDENCE: Final = 0.95
"""Of each one-sided bound."""

_TINY: Final = 1e-300
_PRECISION: Final = 1e-15
_MAX_TERMS: Final = 200_000
_MAX_STEPS: Final = 200


@lru_cache(maxsize=65536)
def upper_bound(k: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The largest true share that k of n is still compatible with; 1.0 when k == n.

    Raises ValueError unless 0 <= k <= n and n > 0.
    """
    _require_counts(k, n)
    if k == n:
        return 1.0
    if k == 0:
        return -math.expm1(math.log1p(-confidence) / n)
    return _beta_quantile(confidence, k + 1, n - k)


@lru_cache(maxsize=65536)
def lower_bound(k: int, n: int, confidence: float = CONFIDENCE) -> float:
    """The smallest true share that k of n is still compatible with. 0.0 when k == 0. Raises as `upper_bound`."""
    _require_counts(k, n)
    if k == 0:
        return 0.0
    if k == n:
        return math.exp(math.log1p(-confidence) / n)
    return _beta_quantile(1 - confidence, k, n - k + 1)


def samples_needed(q: float, confidence: float = CONFIDENCE) -> int:
    """The fewest samples that can show a share to be at most q: as many as it takes when none is over the limit.

    Raises ValueError unless 0 < q <= 1: no sample, however large, shows that something never happens.
    """
    if not 0 < q <= 1:
        raise ValueError(f"no number of samples shows a share of at most {q}")
    if q == 1:
        return 1
    return max(1, math.ceil(math.log1p(-confidence) / math.log1p(-q) - 1e-9))


def _require_counts(k: int, n: int) -> None:
    if not 0 <= k <= n or n == 0:
        raise ValueError(f"cannot bound {k} of {n}")


def _beta_quantile(p: float, a: int, b: int) -> float:
    """Where the distribution function of Beta(a, b) reaches p."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(_MAX_STEPS):
        value, density = _beta(a, b, x)
        low, high = (x, high) if value < p else (low, x)
        step = (value - p) / density if density > 0 else math.inf
        previous, x = x, x - step
        if not low < x < high:
            x = (low + high) / 2
        if abs(x - previous) <= 4e-16 * x:
            break
    return x


def _beta(a: int, b: int, x: float) -> tuple[float, float]:
    """The regularised incomplete beta function I_x(a, b), and its derivative by x."""
    density = _binomial(a, a + b, x) * a * b / ((a + b) * x * (1 - x))
    # The fraction converges fast on one side of the mean only; the other side is its mirror image.
    if x < (a + 1) / (a + b + 2):
        return density * x * (1 - x) / a * _fraction(a, b, x), density
    return 1 - density * x * (1 - x) / b * _fraction(b, a, 1 - x), density


def _fraction(a: int, b: int, x: float) -> float:
    """DLMF 8.17.22, evaluated by the modified Lentz algorithm."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < _PRECISION:
            return result
    raise ArithmeticError(f"the incomplete beta function did not converge for a={a}, b={b}, x={x}")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _binomial(k: int, n: int, p: float) -> float:
    """Probability of k successes in n, 0 < k < n, 0 < p < 1 (Loader's saddle-point form)."""
    q, rest = 1 - p, n - k
    log = _stirling_error(n) - _stirling_error(k) - _stirling_error(rest) - _deviance(k, n * p) - _deviance(rest, n * q)
    return math.exp(log) * math.sqrt(n / (2 * math.pi * k * rest))


def _stirling_error(n: int) -> float:
    """log(n!) less Stirling's approximation of it."""
    if n < 16:
        return math.lgamma(n + 1) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2 * math.pi)
    s = 1 / (n * n)
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / n


def _deviance(x: float, mean: float) -> float:
    """x log(x / mean) + mean - x, without losing digits where x is near the mean."""
    difference = x - mean
    if abs(difference) >= 0.1 * (x + mean):
        return x * math.log(x / mean) - difference
    ratio = difference / (x + mean)
    total, term = difference * ratio, 2 * x * ratio
    for j in range(1, 1000):
        term *= ratio * ratio
        previous, total = total, total + term / (2 * j + 1)
        if total == previous:
            break
    return total
