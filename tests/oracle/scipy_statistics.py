"""Random samples and what SciPy says of them, as JSON, one comparison a line.

    scripts/oracle tests/oracle/scipy_statistics.py FOLDER

Samples are small and large, tied and not, constant, shifted, of different sizes. Every line has the inputs and the
answers under the names of SciPy's functions; the formulas that SciPy lacks are written out below as Evidently's
documentation gives them.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

warnings.simplefilter("ignore")
random = np.random.default_rng(20260301)


def sample(size):
    kind = random.integers(6)
    if kind == 0:
        return random.normal(random.normal(0, 0.3), 1 + random.random(), size)
    if kind == 1:
        return np.round(random.normal(random.normal(0, 0.5), 1, size), 1)
    if kind == 2:
        return random.integers(0, 1 + random.integers(1, 12), size).astype(float)
    if kind == 3:
        return np.full(size, float(random.integers(0, 3)))
    if kind == 4:
        return random.lognormal(2, 1, size)
    return random.uniform(-1, 1, size) * 10.0 ** random.integers(-6, 7)


def size():
    return int(random.choice([1, 2, 3, 5, 8, 13, 40, 100, 150, 300, 900], p=[0.06] * 4 + [0.1] * 6 + [0.16]))


def ks(a, b, alternative, method):
    answer = stats.ks_2samp(a, b, alternative=alternative, method=method)
    return {"statistic": answer.statistic, "p_value": answer.pvalue}


def counts():
    width = int(random.integers(2, 12))
    reference = random.multinomial(int(random.integers(1, 5000)), random.dirichlet(np.ones(width)))
    current = random.multinomial(int(random.integers(1, 5000)), random.dirichlet(np.ones(width) * 2))
    return reference, current


def histogram_case():
    reference, current = counts()
    p, q = reference / reference.sum(), current / current.sum()
    # Evidently: empty bins count 0.0001; a bin empty on both sides says nothing.
    both = (p > 0) | (q > 0)
    filled_p, filled_q = np.where(p == 0, 1e-4, p)[both], np.where(q == 0, 1e-4, q)[both]
    case = {
        "kind": "histogram",
        "reference": reference.tolist(),
        "current": current.tolist(),
        "psi": float(np.sum((filled_q - filled_p) * np.log(filled_q / filled_p))),
        "jensen_shannon": float(jensenshannon(p, q)),
        "hellinger": float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2)) / np.sqrt(2)),
        "total_variation": float(np.abs(p - q).sum() / 2),
    }
    if both.sum() > 1:
        answer = stats.chi2_contingency([reference[both], current[both]], correction=False)
        case["independence"] = {"statistic": answer.statistic, "p_value": answer.pvalue}
    if (reference > 0).all():
        answer = stats.chisquare(current, p * current.sum())
        case["fit"] = {"statistic": answer.statistic, "p_value": answer.pvalue}
    return case


def sample_case():
    a, b = sample(size()), sample(size())
    case = {
        "kind": "sample",
        "reference": a.tolist(),
        "current": b.tolist(),
        "wasserstein": stats.wasserstein_distance(a, b),
        "wasserstein_normalised": stats.wasserstein_distance(a, b) / max(np.std(a), 0.001),
        "ks": {
            f"{alternative}/{method}": ks(a, b, alternative, method)
            for alternative in ("two-sided", "less", "greater")
            for method in ("exact", "asymp")
        },
    }
    if len(a) > 1 and len(b) > 1 and (np.ptp(a) > 0 or np.ptp(b) > 0):
        answer = stats.ttest_ind(b, a, equal_var=False)
        case["mean"] = {"statistic": answer.statistic, "p_value": answer.pvalue}
    if len(a) > 1 and len(b) > 1 and np.ptp(a) > 0 and np.ptp(b) > 0:
        f = np.var(b, ddof=1) / np.var(a, ddof=1)
        tails = stats.f(len(b) - 1, len(a) - 1)
        case["variance"] = {"statistic": f, "p_value": min(1, 2 * min(tails.sf(f), tails.cdf(f)))}
    return case


def large_case():
    m, n = int(random.integers(10_001, 300_000)), int(random.integers(10_001, 300_000))
    # Samples that a formula gives, so that the file need not hold them: i * step mod 1, the second one shifted.
    shift = float(random.choice([0.0, 0.001, 0.004, 0.01, 0.05]))
    a = (np.arange(m) * 0.6180339887498949) % 1.0
    b = (np.arange(n) * 0.7548776662466927) % 1.0 + shift
    if random.random() < 0.6:
        a, b = np.sqrt(a), np.sqrt(b) * (1 + shift)
        root = True
    else:
        root = False
    return {
        "kind": "large", "m": m, "n": n, "shift": shift, "root": root,
        "ks": {f"{alternative}/auto": ks(a, b, alternative, "auto") for alternative in ("two-sided", "less", "greater")},
    }


def tail_case():
    n, d = int(10 ** random.uniform(0, 6)), float(10 ** random.uniform(-3.5, 0))
    return {"kind": "tail", "n": n, "d": d, "tail": float(stats.kstwo.sf(d, n))}


def adjusted_case():
    p = random.random(int(random.integers(1, 60))) ** int(random.integers(1, 5))
    return {"kind": "adjusted", "p_values": p.tolist(), "adjusted": stats.false_discovery_control(p).tolist()}


def main(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "cases.jsonl", "w", encoding="ascii") as out:
        for make, number in ((sample_case, 1500), (histogram_case, 1500), (large_case, 60), (tail_case, 3000), (adjusted_case, 200)):
            for _ in range(number):
                # What is not a number or not finite has no name in JSON: such answers are left out.
                line = json.dumps(make())
                out.write(line.replace("NaN", "null").replace("-Infinity", "null").replace("Infinity", "null") + "\n")


main(sys.argv[1])
