"""Records what LightGBM's own Python package makes of the table in mod.rs: writes oracle.json beside this file.

Run by hand when the library's version moves (pip install lightgbm==4.7.0 numpy); the tests only read the record.
"""
import json, pathlib, hashlib
import numpy as np
import lightgbm as lgb

MASK = (1 << 64) - 1


class Dice:
    def __init__(self, seed):
        self.state = seed

    def unit(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) / 2.0**53


def table(rows, seed):
    dice, features, scores = Dice(seed), [], []
    for _ in range(rows):
        a = dice.unit() * 10.0 - 5.0
        b = dice.unit()
        hole = dice.unit() < 0.2
        category = float(int(dice.unit() * 12.0))
        noise = dice.unit()
        scores.append(
            a * 0.3
            + (1.0 if b > 0.5 else -1.0)
            + (0.8 if hole else 0.0)
            + (1.5 if category in (3.0, 7.0) else 0.0)
            + (dice.unit() - 0.5)
        )
        features.append([a, b, float("nan") if hole else dice.unit(), category, noise])
    return np.array(features), np.array(scores)


def trees(text):
    """The part of a model's text that decides predictions."""
    return text[text.index("\nTree=0\n") : text.index("end of trees")]


CASES = {
    "binary": {"objective": "binary", "metric": "binary_logloss", "num_leaves": 15, "learning_rate": 0.05,
               "bagging_fraction": 0.7, "bagging_freq": 1, "feature_fraction": 0.8, "lambda_l2": 1.5},
    "weighted": {"objective": "binary", "metric": "auc", "min_data_in_leaf": 10},
    "multiclass": {"objective": "multiclass", "metric": "multi_logloss", "num_class": 3, "max_depth": 4},
    "regression": {"objective": "regression", "metric": "rmse", "max_bin": 63},
    "absolute": {"objective": "regression_l1", "metric": "l1"},
    "goss": {"objective": "binary", "metric": "binary_logloss", "data_sample_strategy": "goss"},
}
ROWS, CUT, ROUNDS = 2000, 1400, 120
FIXED = {"deterministic": True, "force_col_wise": True, "seed": 42, "num_threads": 1, "verbosity": -1}

features, score = table(ROWS, 77)
record = {}
for name, case in CASES.items():
    if case["objective"] == "binary":
        label = (score > 1.0).astype(float)
    elif case["objective"] == "multiclass":
        label = np.where(score < -0.5, 0.0, np.where(score < 1.0, 1.0, 2.0))
    else:
        label = score
    weight = np.where(label > 0.5, 3.0, 0.5) if name == "weighted" else np.ones(ROWS)
    weight = weight if name == "weighted" else None
    params = FIXED | case
    part = lambda a, b: None if weight is None else weight[a:b]
    train = lgb.Dataset(features[:CUT], label[:CUT], weight=part(0, CUT), categorical_feature=[3], params=params)
    valid = lgb.Dataset(features[CUT:], label[CUT:], weight=part(CUT, ROWS), reference=train)
    booster = lgb.train(params, train, ROUNDS, valid_sets=[valid], callbacks=[lgb.early_stopping(20, verbose=False)])
    best = booster.best_iteration
    text = booster.model_to_string(num_iteration=best)
    predictions = booster.predict(features[CUT : CUT + 40], num_iteration=best)
    record[name] = {
        "best_round": best,
        "best_value": list(booster.best_score["valid_0"].values())[0],
        "trees_sha256": hashlib.sha256(trees(text).encode()).hexdigest(),
        "predictions": np.asarray(predictions).ravel().tolist(),
    }
path = pathlib.Path(__file__).with_name("oracle.json")
path.write_text(json.dumps({"lightgbm": lgb.__version__, "cases": record}) + "\n")
