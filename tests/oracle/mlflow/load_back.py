"""Loads directories that SIRA wrote with MLflow and compares scores bit by bit: load_back.py FOLDER."""

import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
import mlflow.lightgbm
import mlflow.pyfunc
import mlflow.xgboost
import numpy
import pandas
import xgboost


def main(folder):
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        with open(os.path.join(path, "asked.json"), encoding="utf-8") as file:
            asked = json.load(file)
        model = mlflow.pyfunc.load_model(path)
        columns = model.metadata.get_input_schema()
        data = pandas.DataFrame(asked["rows"], columns=columns.input_names(), dtype=float)
        for column in columns:
            if str(column.type) == "DataType.boolean":
                data[column.name] = data[column.name].astype(bool)
        native = numpy.array(asked["rows"], dtype=float)
        if name.startswith("lightgbm"):
            scores = mlflow.lightgbm.load_model(path).predict(native)
        else:
            scores = mlflow.xgboost.load_model(path).predict(xgboost.DMatrix(data))
        wanted = numpy.array(asked["scores"])
        for found in (model.predict(data), scores):
            found = numpy.asarray(found, dtype=float).reshape(wanted.shape)
            assert numpy.array_equal(found, wanted), (name, numpy.abs(found - wanted).max())
        print(f"{name}: {len(wanted)} rows equal by mlflow.pyfunc and by the library")


main(sys.argv[1])
