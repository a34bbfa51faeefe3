"""Random scores and how scikit-learn calibrates them, as JSON, one set of scores a line.

    scripts/oracle tests/oracle/calibration_sklearn.py FOLDER

Scores are tied, weighted, nearly separable. Platt's two numbers are found anew by SciPy to the last digits, because
scikit-learn stops its solver early; that both agree is asserted here. The first 200 lines are kept in
tests/calibration/scikit_learn.jsonl, for those who have no scikit-learn.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

CASES = 2000
rng = np.random.default_rng(20260707)
cases = []


def platt(scores, labels, weights):
    negative, positive = weights[~labels].sum(), weights[labels].sum()
    target = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(ab):
        x = ab[0] * scores + ab[1]
        slope = weights * (target - expit(-x))
        return (weights * (target * x + np.logaddexp(0, -x))).sum(), np.array([(slope * scores).sum(), slope.sum()])

    def curve(ab):
        p = expit(-(ab[0] * scores + ab[1]))
        w = weights * p * (1 - p)
        return np.array([[(w * scores * scores).sum(), (w * scores).sum()], [(w * scores).sum(), w.sum()]])

    start = [0.0, np.log((negative + 1) / (positive + 1))]
    return minimize(loss, start, jac=True, hess=curve, method="trust-exact", options={"gtol": 1e-11, "maxiter": 1000}).x


while len(cases) < CASES:
    n = int(rng.integers(5, 120))
    labels = rng.random(n) < rng.uniform(0.1, 0.6)
    if labels.all() or not labels.any():
        continue
    scores = np.clip(0.3 + rng.uniform(0, 0.5) * labels + rng.normal(0, rng.uniform(0.02, 0.3), n), 0, 1)
    scores = np.round(scores, int(rng.integers(1, 6)))
    weighted = rng.random() < 0.5
    weights = np.round(rng.random(n) * 3, 2) if weighted else np.ones(n)
    if weights[labels].sum() == 0 or weights[~labels].sum() == 0 or len(set(scores)) < 3:
        continue
    a, b = platt(scores, labels, weights)
    theirs = _sigmoid_calibration(scores, labels.astype(float), sample_weight=weights)
    asked = np.round(rng.uniform(-0.1, 1.1, 20), 4)
    assert np.abs(expit(-(theirs[0] * asked + theirs[1])) - expit(-(a * asked + b))).max() < 2e-3, (theirs, a, b)
    line = IsotonicRegression(out_of_bounds="clip").fit(scores, labels.astype(float), sample_weight=weights)
    cases.append({
        "scores": scores.tolist(), "labels": labels.tolist(), "weights": weights.tolist() if weighted else None,
        "asked": asked.tolist(), "a": a, "b": b, "platt": expit(-(a * asked + b)).tolist(),
        "isotonic": line.predict(asked).tolist(),
    })

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
with open(folder / "cases.jsonl", "w") as out:
    for case in cases:
        out.write(json.dumps(case, separators=(",", ":")) + "\n")
print(f"{len(cases)} sets of scores")
