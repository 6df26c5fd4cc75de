"""course_lib.statistics and significance beside scipy: 10,000 resamples of 2,000 queries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.measure import Row, Settings, compare, same_threads
from course_lib.significance import paired_permutation_test
from course_lib.statistics import bootstrap_interval


def run(settings: Settings) -> Iterator[Row]:
    from scipy import stats

    n_resamples = 1_000 if settings.quick else 10_000
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 2_000))
    b[:1000] = a[:1000]  # half of the queries are answered alike
    b += 0.015 * (b != a)

    def ours():
        return bootstrap_interval(a, n_resamples=n_resamples)

    def theirs(batch):
        return stats.bootstrap(
            (a,), np.mean, n_resamples=n_resamples, method="percentile", rng=0, batch=batch
        ).confidence_interval

    def our_test():
        return paired_permutation_test(a, b, n_resamples=n_resamples)

    def their_test():
        return stats.permutation_test(
            (a - b,), np.mean, permutation_type="samples", n_resamples=n_resamples,
            vectorized=True, rng=0, batch=500,
        ).pvalue  # fmt: skip

    interval = f"bootstrap interval, {n_resamples:,} resamples of 2,000 queries"
    test = f"paired permutation test, {n_resamples:,} of 2,000 queries"
    for work, mine, name, other, checked, target in (
        (interval, ours, "scipy.stats.bootstrap", lambda: theirs(None),
         same_interval(ours(), theirs(None)), {"most_seconds": 0.3}),
        (interval, ours, "scipy.stats.bootstrap, batch=500", lambda: theirs(500),
         same_interval(ours(), theirs(500)), {"most_seconds": 0.3}),
        (test, our_test, "scipy.stats.permutation_test, batch=500", their_test,
         same_p(our_test(), their_test(), n_resamples), {}),
    ):  # fmt: skip
        with same_threads(1):
            yield compare(work, mine, name, other, settings, threads=1, checked=checked, **target)


def same_interval(ours, theirs) -> str:
    """An error where the ends differ by more than other random numbers explain."""
    gap = max(abs(ours.low - theirs.low), abs(ours.high - theirs.high)) / (ours.high - ours.low)
    if gap > 0.1:
        raise AssertionError(f"the intervals' ends differ by {gap:.0%} of their width")
    return f"ends differ by at most {gap:.1%} of the width"


def same_p(ours: float, theirs: float, n_resamples: int) -> str:
    """An error where p differs by more than other random numbers explain."""
    if abs(ours - theirs) > 6 * np.sqrt(max(ours, 1 / n_resamples) / n_resamples):
        raise AssertionError(f"p differs: {ours:.4f} and {theirs:.4f}")
    return f"p {ours:.4f} and {theirs:.4f}"
