"""Makes the small models of this folder and records what LightGBM answers for them.

    python make.py        needs lightgbm 4.7, numpy and pandas

Each model is NAME.txt; recorded.json.gz holds the rows (null is NaN, "inf" as a string) and, by name,
raw scores, answers, leaves and contributions. Training parameters are cut from all but one to
keep the folder small; nothing in them changes an answer.
"""

import gzip
import json
import re

import lightgbm as lgb
import numpy as np
import pandas as pd

rng = np.random.default_rng(7)
N = 600
amount = np.round(rng.normal(0, 2, N), 2)
sparse = np.where(rng.random(N) < 0.5, 0.0, np.round(rng.exponential(2, N), 2))
holes = np.where(rng.random(N) < 0.3, np.nan, np.round(rng.normal(1, 1, N), 2))
kind = rng.integers(0, 40, N).astype(float)
flat = np.full(N, 3.0)
X = np.column_stack([amount, sparse, holes, kind, flat])
NAMES = ["amount", "sparse", "holes", "kind", "flat"]
signal = (
    0.8 * amount
    - 0.5 * sparse
    + np.where(np.isnan(holes), 1.5, holes * 0.3)
    + np.where(kind % 3 == 0, 1.0, -0.5)
    + 0.2 * amount * sparse
)
binary = (signal + rng.normal(0, 1, N) > 0).astype(float)
classes = np.digitize(signal, [-1, 1]).astype(float)
positive = np.round(np.exp(signal / 3), 3)
counts = np.floor(positive)
groups = np.full(30, 20)

nan, inf = np.nan, np.inf
PROBES = np.array(
    [
        [1.37, 2.5, nan, 6.0, 3.0],
        [-2.2, 1e-36, 1.5, 39.0, 3.0],
        [3.1, -1e-34, -0.7, 33.7, 0.0],
        [nan, nan, nan, nan, nan],
        [inf, -inf, 0.4, -0.5, 3.0],
        [-0.4, 4.2, inf, -1.0, nan],
        [0.9, 0.3, -inf, 1e10, 3.0],
        [nan, 0.0, 2.2, 64.0, 3.0],
    ]
)

BASE = dict(num_leaves=4, learning_rate=0.2, min_data_in_leaf=10, verbose=-1, seed=1, num_threads=1)
BASE.update(deterministic=True, force_row_wise=True, min_data_per_group=10, cat_smooth=2)
MODELS = {
    "binary": (dict(objective="binary", sigmoid=0.7), binary, 3),
    "multiclass": (dict(objective="multiclass", num_class=3), classes, 2),
    "multiclassova": (dict(objective="multiclassova", num_class=3, sigmoid=1.3), classes, 2),
    "cross_entropy": (dict(objective="cross_entropy"), binary * 0.9, 2),
    "cross_entropy_lambda": (dict(objective="cross_entropy_lambda"), binary * 0.9, 1),
    "regression": (dict(objective="regression"), signal, 3),
    "regression_sqrt": (dict(objective="regression", reg_sqrt=True), signal, 2),
    "regression_l1": (dict(objective="regression_l1"), signal, 1),
    "regression_l1_sqrt": (dict(objective="regression_l1", reg_sqrt=True), signal, 1),
    "huber": (dict(objective="huber"), signal, 1),
    "fair": (dict(objective="fair"), signal, 1),
    "poisson": (dict(objective="poisson"), counts, 2),
    "quantile": (dict(objective="quantile", alpha=0.8), signal, 1),
    "mape": (dict(objective="mape"), positive, 1),
    "gamma": (dict(objective="gamma"), positive, 1),
    "tweedie": (dict(objective="tweedie"), counts, 1),
    "lambdarank": (dict(objective="lambdarank"), classes, 2),
    "rank_xendcg": (dict(objective="rank_xendcg"), classes, 1),
    "random_forest": (
        dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6), binary, 3),
    "dart": (dict(objective="binary", boosting="dart", drop_rate=0.5), binary, 4),
    "zero_as_missing": (dict(objective="binary", zero_as_missing=True), binary, 3),
    "no_missing": (dict(objective="binary", use_missing=False), binary, 3),
    "single_leaf": (dict(objective="regression", min_data_in_leaf=10_000), signal, 2),
    "deep": (dict(objective="regression", num_leaves=24, min_data_in_leaf=2), signal, 1),
}


def cut_parameters(text):
    return re.sub(r"\nparameters:.*?end of parameters\n", "", text, flags=re.S)


def plain(values):
    out = []
    for value in np.asarray(values, dtype=float).ravel().tolist():
        out.append(None if value != value else str(value) if value in (inf, -inf) else value)
    return out


def record(booster, rows):
    return {
        "raw": [plain(row) for row in np.atleast_2d(booster.predict(rows, raw_score=True).reshape(len(rows), -1))],
        "pred": [plain(row) for row in booster.predict(rows).reshape(len(rows), -1)],
        "leaf": booster.predict(rows, pred_leaf=True).reshape(len(rows), -1).astype(int).tolist(),
        "contrib": [plain(row) for row in booster.predict(rows, pred_contrib=True).reshape(len(rows), -1)],
    }


def main():
    recorded = {"rows": [plain(row) for row in PROBES], "models": {}}

    def keep(name, booster, text):
        with open(f"{name}.txt", "w", newline="\n") as file:
            file.write(text)
        # What is recorded is what the text says, not what the training still holds in memory.
        loaded = lgb.Booster(model_str=text)
        recorded["models"][name] = record(loaded, PROBES)

    for name, (params, label, rounds) in MODELS.items():
        group = groups if params["objective"] in ("lambdarank", "rank_xendcg") else None
        data = lgb.Dataset(X, label, group=group, feature_name=NAMES, categorical_feature=[3],
                           free_raw_data=False)
        booster = lgb.train({**BASE, **params}, data, rounds)
        text = booster.model_to_string()
        keep(name, booster, cut_parameters(text))

    def loss(score, data):
        return score - data.get_label(), np.ones_like(score)

    data = lgb.Dataset(X, signal, feature_name=NAMES, categorical_feature=[3])
    booster = lgb.train({**BASE, "objective": loss}, data, 3)
    keep("custom", booster, cut_parameters(booster.model_to_string()))

    # Categories of pandas: texts, numbers that are their own codes, numbers that are not.
    frame = pd.DataFrame({
        "amount": amount,
        "channel": pd.Categorical(np.array(["web", "pos", "atm"])[kind.astype(int) % 3]),
        "level": pd.Categorical((kind.astype(int) // 10)),
        "mcc": pd.Categorical(np.array([5411, 5812, 4111])[kind.astype(int) // 14 % 3]),
    })
    booster = lgb.train({**BASE, "objective": "binary"}, lgb.Dataset(frame, binary), 3)
    with open("pandas.txt", "w", newline="\n") as file:
        file.write(booster.model_to_string())
    head = frame.head(12)
    cells = [[row.amount, str(row.channel), int(row.level), int(row.mcc)] for row in head.itertuples()]
    recorded["pandas"] = {"rows": cells, "pred": plain(booster.predict(head))}

    # Refused by name, not misread.
    data = lgb.Dataset(X[:, :3], signal, params={"linear_tree": True})
    booster = lgb.train({**BASE, "objective": "regression", "linear_tree": True}, data, 1)
    with open("linear.txt", "w", newline="\n") as file:
        file.write(cut_parameters(booster.model_to_string()))

    text = json.dumps(recorded, separators=(",", ":")) + "\n"
    with open("recorded.json.gz", "wb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))


main()
