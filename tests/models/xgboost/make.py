"""Records small models of the XGBoost that is installed, and its margins: make.py FOLDER

Run once with each of 1.7.6, 2.1.4 and 3.2.0 (with pandas). File names begin with the version. The margins of
NAME.json (and NAME.ubj, the same model) stand in NAME.expected: {"rows": [[...]], "margins": [[...]]}, where
null is a missing value and categories are codes. What begins with "refused" has none.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost as xgb

folder, version = Path(sys.argv[1]), xgb.__version__
rng = np.random.default_rng(17)
count = 120
a, b = rng.normal(size=count), np.where(rng.random(count) < 0.2, np.nan, rng.normal(size=count).round(1))
words = ["cafe", "shop", "web", "atm", "night club"]
channel = pd.Categorical(rng.choice(words, count), categories=words)
code = pd.Categorical(rng.choice([7, 3, 11], count), categories=[3, 7, 11])
signal = a + np.where(channel.codes == 1, 1.5, -0.5) + np.nan_to_num(b) * 0.7 + rng.normal(0, 0.3, count)
frame = pd.DataFrame({"amount": a, "channel": channel, "code": code, "age": b})
plain = np.column_stack([a, channel.codes, code.codes, b]).astype(float)


def save(name, parameters, label, rounds=3, x=None, types=None):
    x = plain if x is None else x
    data = xgb.DMatrix(x, label, enable_categorical=True, feature_types=types)
    booster = xgb.train(dict(nthread=1, seed=1, **parameters), data, rounds)
    stem = f"{version}-{name}"
    booster.save_model(folder / f"{stem}.json")
    booster.save_model(folder / f"{stem}.ubj")
    if name.startswith("refused"):
        return
    # From the file: what the training keeps beside it does not count.
    booster = xgb.Booster(dict(nthread=1), model_file=folder / f"{stem}.json")
    rows = slice(0, 20)
    probe = xgb.DMatrix(x.iloc[rows] if hasattr(x, "iloc") else x[rows], enable_categorical=True, feature_types=types)
    margins = booster.predict(probe, output_margin=True).reshape(20, -1)
    rows = [[None if np.isnan(value) else value for value in row] for row in plain[rows].tolist()]
    if name == "unnamed":
        rows = [[row[0], row[3]] for row in rows]
    text = json.dumps({"rows": rows, "margins": margins.astype(float).tolist()})
    (folder / f"{stem}.expected").write_text(text.replace("], [", "],\n["))


binary = (signal > 0).astype(float)
categories = dict(tree_method="approx", max_cat_to_onehot=2, max_depth=3)
save("words", dict(objective="binary:logistic", **categories), binary, x=frame)
save("codes", dict(objective="binary:logistic", base_score=0.3, **categories), binary, types=["q", "c", "c", "q"])
save("unnamed", dict(objective="count:poisson", max_depth=2, tree_method="exact"), np.floor(np.exp(signal)), x=plain[:, [0, 3]])
save("classes", dict(objective="multi:softprob", num_class=3, max_depth=2, num_parallel_tree=2, subsample=0.7),
     np.digitize(signal, [-0.5, 0.7]).astype(float))
save("dart", dict(booster="dart", rate_drop=0.5, objective="reg:squarederror", max_depth=2), signal, rounds=6)
save("pruned", dict(objective="reg:squarederror", max_depth=5, gamma=6.0, tree_method="exact"), signal)
save("stump", dict(objective="binary:logistic", max_depth=2, min_child_weight=1e6, base_score=0.25), binary, rounds=1)
save("refused-linear", dict(booster="gblinear"), signal, rounds=1, x=plain[:, :1])
if version >= "2":
    save("refused-vector", dict(multi_strategy="multi_output_tree", tree_method="hist", max_depth=1),
         np.column_stack([signal, -signal]), rounds=1, x=plain[:, :1])
