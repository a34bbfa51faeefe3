"""Records what scikit-learn says of a few sets of predictions: writes scikit_learn.json beside this file.

Run by hand (pip install scikit-learn); the tests only read the record. Scores are rounded, so that many are equal.
"""
import json, pathlib
import numpy as np
import sklearn
from sklearn import metrics as m

rng = np.random.default_rng(7)
cases = {"binary": [], "multiclass": [], "regression": []}


def floats(values):
    return np.asarray(values, dtype=float).tolist()


for n, digits, weighted, threshold in [(60, 1, False, 0.5), (60, 1, True, 0.7), (200, 3, True, 0.3), (80, 0, False, 0.5)]:
    labels = rng.random(n) < 0.3
    scores = np.round(np.clip(0.3 + 0.3 * labels + rng.normal(0, 0.25, n), 0, 1), digits)
    weights = np.round(rng.random(n) * 3, 2) if weighted else None
    if weighted:
        weights[:3] = 0.0
    w, predicted = {"sample_weight": weights}, scores >= threshold
    tn, fp, fn, tp = m.confusion_matrix(labels, predicted, **w).ravel()
    cases["binary"].append({
        "scores": floats(scores), "labels": labels.tolist(), "threshold": threshold,
        "weights": None if weights is None else floats(weights),
        "expected": {
            "auc": m.roc_auc_score(labels, scores, **w), "average_precision": m.average_precision_score(labels, scores, **w),
            "log_loss": m.log_loss(labels, scores, **w), "brier": m.brier_score_loss(labels, scores, **w),
            "accuracy": m.accuracy_score(labels, predicted, **w), "precision": m.precision_score(labels, predicted, **w),
            "recall": m.recall_score(labels, predicted, **w), "f1": m.f1_score(labels, predicted, **w),
            "prevalence": float(np.average(labels, weights=weights)),
        },
        "confusion": {"tp": float(tp), "fp": float(fp), "tn": float(tn), "fn": float(fn)},
    })

for n, k, weighted in [(80, 3, False), (120, 4, True)]:
    labels = rng.integers(0, k, n)
    # Sixteenths: equal probabilities occur, and each row sums to 1 exactly.
    parts = rng.multinomial(16, [1 / k] * k, n) + 8 * np.eye(k, dtype=int)[labels] * (rng.random(n) < 0.6)[:, None]
    parts[:, 0] += 24 - parts.sum(axis=1)
    probabilities = parts / 24.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    weights = np.round(rng.random(n) * 3, 2) if weighted else None
    w, predicted = {"sample_weight": weights}, probabilities.argmax(axis=1)
    averaged = lambda score, average: score(labels, predicted, average=average, zero_division=0, **w)
    expected = {
        "log_loss": m.log_loss(labels, probabilities, **w), "accuracy": m.accuracy_score(labels, predicted, **w),
        "auc_ovr_macro": m.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro", **w),
    }
    for name, score in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)]:
        expected[f"{name}_macro"] = averaged(score, "macro")
        expected[f"{name}_weighted"] = averaged(score, "weighted")
    cases["multiclass"].append({
        "probabilities": floats(probabilities.ravel()), "k": k, "labels": labels.tolist(),
        "weights": None if weights is None else floats(weights),
        "expected": expected, "confusion": floats(m.confusion_matrix(labels, predicted, **w)),
    })

for n, weighted in [(50, False), (50, True)]:
    labels = np.round(rng.normal(10, 5, n), 2)
    predictions = np.round(labels + rng.normal(0, 2, n), 2)
    weights = np.round(rng.random(n) * 3, 2) if weighted else None
    w = {"sample_weight": weights}
    cases["regression"].append({
        "predictions": floats(predictions), "labels": floats(labels),
        "weights": None if weights is None else floats(weights),
        "expected": {
            "rmse": m.root_mean_squared_error(labels, predictions, **w), "mae": m.mean_absolute_error(labels, predictions, **w),
            "mape": m.mean_absolute_percentage_error(labels, predictions, **w), "r2": m.r2_score(labels, predictions, **w),
            "bias": float(np.average(predictions - labels, weights=weights)),
            "label_mean": float(np.average(labels, weights=weights)),
        },
    })

path = pathlib.Path(__file__).with_name("scikit_learn.json")
path.write_text(json.dumps({"scikit_learn": sklearn.__version__} | cases, default=float) + "\n")
