"""Random predictions and what scikit-learn says of them, as JSON, one set of predictions a line.

    scripts/oracle tests/oracle/sklearn_metrics.py FOLDER

Sets are random, tied, constant, weighted, of one class, of a single row. What scikit-learn makes up with a warning, or
refuses, is null. What it lacks (calibration errors, gain at a cut through ties, the cheapest threshold, intervals by
resampling) is written out below in the plainest way.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

warnings.simplefilter("ignore")
random = np.random.default_rng(20260714)
COSTS = {"tp": -1.5, "fp": 1.0, "tn": 0.0, "fn": 7.25}


def size():
    return int(random.choice([1, 2, 3, 5, 8, 20, 60, 200, 700], p=[0.06, 0.06, 0.06, 0.08, 0.1, 0.2, 0.2, 0.14, 0.1]))


def some_weights(n, zero=True):
    kind = random.integers(4)
    if kind < 2:
        return None
    weights = random.integers(1, 5, n).astype(float) if kind == 2 else np.round(random.random(n) * 3 + 0.01, 2)
    if zero and n > 1 and random.random() < 0.4:
        weights[random.random(n) < 0.2] = 0.0
        weights[0] = max(weights[0], 1.0)
    return weights


def some_labels(n):
    kind = random.random()
    if kind < 0.05:
        return np.zeros(n, dtype=int)
    if kind < 0.1:
        return np.ones(n, dtype=int)
    return (random.random(n) < random.choice([0.02, 0.2, 0.5, 0.9])).astype(int)


def some_scores(labels):
    n, kind = len(labels), random.integers(7)
    if kind == 0:
        return np.full(n, float(random.choice([0, 0.3, 1])))
    if kind == 1:
        return random.random(n)
    if kind == 2:
        return random.integers(0, 2, n).astype(float)
    if kind == 3:
        return random.normal(0, 5, n) + 3 * labels
    scores = np.clip(0.4 + 0.25 * labels + random.normal(0, 0.2, n), 0, 1)
    return np.round(scores, int(random.choice([1, 2]))) if kind < 6 else scores


def errors(scores, labels, weights, edges):
    bins = np.searchsorted(edges[1:-1], scores)
    w = np.ones(len(scores)) if weights is None else weights
    apart, share = [], []
    for b in np.unique(bins):
        inside = (bins == b) & (w > 0)
        if inside.any():
            apart.append(abs(np.average(scores[inside], weights=w[inside]) - np.average(labels[inside], weights=w[inside])))
            share.append(w[inside].sum())
    return float(np.average(apart, weights=share)), float(max(apart))


def gain(scores, labels, w, cut):
    """Each tied row counts by the fraction of the tie that fits."""
    found = seen = 0.0
    for score in np.unique(scores)[::-1]:
        tied = w[scores == score].sum()
        part = min(1.0, max(0.0, (cut - seen) / tied)) if tied > 0 else 0.0
        found += part * (w * labels)[scores == score].sum()
        seen += tied
    return found


def cheapest(scores, labels, w):
    best = None
    for threshold in [np.nextafter(scores.max(), np.inf), *np.unique(scores)[::-1]]:
        called = scores >= threshold
        cost = sum(COSTS[k] * w[mask].sum() for k, mask in (
            ("tp", called & (labels == 1)), ("fp", called & (labels == 0)),
            ("tn", ~called & (labels == 0)), ("fn", ~called & (labels == 1)))) / w.sum()
        if best is None or cost < best:
            best = cost
    return best


def measures(labels, scores, threshold, weights):
    w = np.ones(len(labels)) if weights is None else weights
    sw = {"sample_weight": weights}
    positive, negative = (w * labels).sum(), (w * (1 - labels)).sum()
    predicted = (scores >= threshold).astype(int)
    matrix = m.confusion_matrix(labels, predicted, labels=[0, 1], **sw).astype(float)
    (tn, fp), (fn, tp) = matrix
    both, probable = positive > 0 and negative > 0, scores.min() >= 0 and scores.max() <= 1
    answer = {
        "prevalence": positive / w.sum(), "accuracy": m.accuracy_score(labels, predicted, **sw),
        "precision": m.precision_score(labels, predicted, **sw) if tp + fp > 0 else None,
        "recall": m.recall_score(labels, predicted, **sw) if positive > 0 else None,
        "f1": m.f1_score(labels, predicted, **sw) if 2 * tp + fp + fn > 0 else None,
        "specificity": m.recall_score(labels, predicted, pos_label=0, **sw) if negative > 0 else None,
        "fpr": fp / negative if negative > 0 else None, "fnr": fn / positive if positive > 0 else None,
        "auc": m.roc_auc_score(labels, scores, **sw) if both else None,
        "average_precision": m.average_precision_score(labels, scores, **sw) if positive > 0 else None,
        "log_loss": m.log_loss(labels, scores, labels=[0, 1], **sw) if probable else None,
        "brier": m.brier_score_loss(labels, scores, pos_label=1, labels=[0, 1], **sw) if probable else None,
        "ks": None, "calibration_error": None, "calibration_error_max": None,
    }
    if both:
        fprs, tprs, _ = m.roc_curve(labels, scores, drop_intermediate=False, **sw)
        answer["ks"] = float(np.abs(tprs - fprs).max())
    if probable:
        edges = np.linspace(0, 1, 11)
        answer["calibration_error"], answer["calibration_error_max"] = errors(scores, labels, weights, edges)
    return answer, {"tn": tn, "fp": fp, "fn": fn, "tp": tp}


def binary_case():
    labels = some_labels(size())
    n, scores, weights = len(labels), some_scores(labels), some_weights(len(labels))
    w = np.ones(n) if weights is None else weights
    threshold = float(random.choice([0.5, 0.3, scores[0]]))
    expected, confusion = measures(labels, scores, threshold, weights)
    cut = float(random.random() * w.sum() * 1.1 + 1e-3)
    case = {
        "kind": "binary", "scores": scores.tolist(), "labels": labels.tolist(), "threshold": threshold,
        "weights": None if weights is None else weights.tolist(), "expected": expected, "confusion": confusion,
        "cut": cut, "found": gain(scores, labels, w, min(cut, w.sum())), "costs": COSTS, "cost": cheapest(scores[w > 0], labels[w > 0], w[w > 0]),
    }
    if (w > 0).all() and 0 < labels.sum() < n:
        fprs, tprs, _ = m.roc_curve(labels, scores, drop_intermediate=False, sample_weight=weights)
        precisions, recalls, _ = m.precision_recall_curve(labels, scores, sample_weight=weights)
        case["roc"] = [fprs.tolist(), tprs.tolist()]
        case["precision_recall"] = [recalls[::-1].tolist(), precisions[::-1].tolist()]
    if expected["brier"] is not None and weights is None:
        case["bins"] = int(random.choice([3, 5, 10, 15]))
        for strategy in ("uniform", "quantile"):
            truths, means = calibration_curve(labels == 1, scores, n_bins=case["bins"], strategy=strategy)
            case[strategy] = [means.tolist(), truths.tolist()]
    return case


def multiclass_case():
    n, k = size() + 1, int(random.integers(2, 6))
    labels = random.integers(0, int(random.integers(1, k + 1)), n)
    parts = random.multinomial(12, [1 / k] * k, n) + 1 + 8 * np.eye(k, dtype=int)[labels] * (random.random(n) < 0.6)[:, None]
    if random.random() < 0.1:
        parts[:] = 1
    p = parts / parts.sum(axis=1, keepdims=True)
    weights = some_weights(n, zero=False)
    sw, predicted = {"sample_weight": weights}, p.argmax(axis=1)
    w = np.ones(n) if weights is None else weights
    areas = [(m.roc_auc_score(labels == c, p[:, c], **sw), w[labels == c].sum()) for c in range(k) if 0 < (labels == c).sum() < n]
    expected = {
        "log_loss": m.log_loss(labels, p, labels=range(k), **sw), "accuracy": m.accuracy_score(labels, predicted, **sw),
        "auc_ovr_macro": float(np.mean([a for a, _ in areas])) if areas else None,
        "auc_ovr_weighted": float(np.average([a for a, _ in areas], weights=[s for _, s in areas])) if areas else None,
    }
    for name, score in (("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)):
        for average in ("macro", "weighted"):
            expected[f"{name}_{average}"] = score(labels, predicted, average=average, zero_division=0, **sw)
    return {
        "kind": "multiclass", "k": k, "probabilities": p.ravel().tolist(), "labels": labels.tolist(),
        "weights": None if weights is None else weights.tolist(), "expected": expected,
        "confusion": m.confusion_matrix(labels, predicted, labels=range(k), **sw).astype(float).tolist(),
    }


def regression_case():
    n = size()
    scale, offset = 10.0 ** random.integers(-3, 6), float(random.choice([0, 0, 100, 1e6]))
    labels = offset + scale * np.round(random.normal(0, 2, n), 1) if random.random() < 0.9 else np.full(n, 3.7)
    predictions = labels + scale * np.round(random.normal(0, random.choice([0.1, 1, 5]), n), 2)
    weights = some_weights(n)
    sw = {"sample_weight": weights}
    w = np.ones(n) if weights is None else weights
    counted = (labels != 0) & (w > 0)
    size_of = (np.abs(labels) + np.abs(predictions)) / 2
    shares = np.divide(np.abs(predictions - labels), size_of, out=np.zeros(n), where=size_of > 0)
    return {
        "kind": "regression", "predictions": predictions.tolist(), "labels": labels.tolist(),
        "weights": None if weights is None else weights.tolist(),
        "expected": {
            "rmse": m.root_mean_squared_error(labels, predictions, **sw), "mae": m.mean_absolute_error(labels, predictions, **sw),
            "mape": m.mean_absolute_percentage_error(labels[counted], predictions[counted], sample_weight=w[counted]) if counted.any() else None,
            "smape": float(np.average(shares, weights=w)),
            "r2": m.r2_score(labels, predictions, **sw) if len(np.unique(labels[w > 0])) > 1 else None,
            "bias": float(np.average(predictions - labels, weights=w)), "label_mean": float(np.average(labels, weights=w)),
        },
    }


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        while True:
            self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
            z = self.state
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
            product = (z ^ (z >> 31)) * bound
            if product % 2**64 >= (2**64 - bound) % bound:
                return product >> 64


def bootstrap_case():
    n = int(random.integers(20, 80))
    labels = (random.random(n) < 0.4).astype(int)
    scores = np.round(np.clip(0.3 + 0.3 * labels + random.normal(0, 0.2, n), 0, 1), 2)
    weights = np.round(random.random(n) * 3 + 0.01, 2) if random.random() < 0.5 else np.ones(n)
    # Ties by label, weights of 1 before the others and those from the heaviest down.
    order = np.lexsort((-weights, weights != 1, labels, -scores))
    labels, scores, weights = labels[order], scores[order], weights[order]
    stratified, seed, resamples, level = bool(random.random() < 0.5), int(random.integers(1, 1000)), 30, 0.9
    strata = [np.flatnonzero(labels == c) for c in (0, 1)] if stratified else [np.arange(n)]
    dice, values = SplitMix64(seed), {}
    for _ in range(resamples):
        counts = np.zeros(n)
        for stratum in strata:
            for _ in stratum:
                counts[stratum[dice.below(len(stratum))]] += 1
        drawn = counts > 0
        answer, _ = measures(labels[drawn], scores[drawn], 0.5, (counts * weights)[drawn])
        for name, value in answer.items():
            values.setdefault(name, []).append(value)
    del values["calibration_error_max"]
    shuffled = random.permutation(n)
    return {
        "kind": "bootstrap", "scores": scores[shuffled].tolist(), "labels": labels[shuffled].tolist(), "weights": weights[shuffled].tolist(),
        "threshold": 0.5, "stratified": stratified, "seed": seed, "resamples": resamples, "level": level,
        "expected": {name: np.percentile([v for v in all if v is not None], [5, 95]).tolist() for name, all in values.items()},
    }


def main(folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "cases.jsonl", "w", encoding="ascii") as out:
        for make, number in ((binary_case, 2500), (multiclass_case, 800), (regression_case, 1200), (bootstrap_case, 60)):
            for _ in range(number):
                out.write(json.dumps(make(), default=float, allow_nan=False) + "\n")


main(sys.argv[1])
