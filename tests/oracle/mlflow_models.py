"""Saves boosters as MLflow does, with the scores that the libraries give: mlflow_models.py FOLDER."""

import json
import os
import shutil
import sys
import warnings

warnings.filterwarnings("ignore")
import lightgbm
import mlflow.lightgbm
import mlflow.xgboost
import numpy
import pandas
import xgboost
from mlflow.models import infer_signature

ROWS = 400


def frame(seed):
    dice = numpy.random.default_rng(seed)
    data = pandas.DataFrame({
        "amount": numpy.round(dice.gamma(2.0, 30.0, ROWS), 2),
        "hour of day": dice.integers(0, 24, ROWS).astype(float),
        "rate": dice.normal(size=ROWS),
        "is_new": dice.random(ROWS) > 0.7,
    })
    data.loc[dice.random(ROWS) < 0.1, "rate"] = numpy.nan
    signal = data["amount"] / 60 + data["is_new"] * 1.5 - data["hour of day"] / 12
    return data, signal + dice.normal(scale=0.4, size=ROWS)


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    data, signal = frame(5)
    labels = {"binary": (signal > 0.8).astype(int), "multiclass": pandas.cut(signal, [-99, 0, 1.5, 99], labels=False),
              "regression": signal}
    objectives = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
    for task, label in labels.items():
        classes = {"num_class": 3} if task == "multiclass" else {}
        light = lightgbm.train({"objective": task, "verbosity": -1, "num_threads": 1, "seed": 3, **classes},
                               lightgbm.Dataset(data, label), 12)
        boosted = xgboost.train({"objective": objectives[task], "nthread": 1, "max_depth": 4, "seed": 3, **classes},
                                xgboost.DMatrix(data, label), 12)
        plain = numpy.asarray(data.astype(float))
        for name, save, booster, scores in [
            (f"lightgbm-{task}", mlflow.lightgbm.save_model, light, light.predict(plain)),
            (f"xgboost-{task}", mlflow.xgboost.save_model, boosted, boosted.predict(xgboost.DMatrix(data))),
        ]:
            path = os.path.join(folder, name)
            save(booster, path, signature=infer_signature(data, scores))
            rows = [[None if numpy.isnan(value) else float(value) for value in row] for row in plain]
            with open(os.path.join(path, "asked.json"), "w", encoding="utf-8") as file:
                json.dump({"rows": rows, "scores": numpy.asarray(scores, dtype=float).reshape(ROWS, -1).tolist()}, file)


main(sys.argv[1])
