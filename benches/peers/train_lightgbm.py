"""What SIRA's training is compared with: reads a query by ADBC or COPY into Arrow, trains LightGBM, saves the model.

    train_lightgbm.py adbc|copy QUERY PARAMETERS FILE    BENCH_URI names the database

The query has a column `as_of`, by which it is split 70/10/20, and `is_fraud`; all else is features. Prints JSON.
"""

import io
import json
import os
import resource
import sys
import time

STARTED = time.perf_counter()

import lightgbm
import numpy
import pyarrow
import pyarrow.compute
import pyarrow.csv

SPENT = {"import": time.perf_counter() - STARTED}


def by_adbc(query):
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(os.environ["BENCH_URI"]) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetch_arrow_table()


def by_copy(query):
    import psycopg

    text = bytearray()
    with psycopg.connect(os.environ["BENCH_URI"]) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
            for block in copy:
                text += block
    types = pyarrow.csv.ConvertOptions(true_values=["t"], false_values=["f"], column_types={"is_fraud": pyarrow.bool_()})
    return pyarrow.csv.read_csv(io.BytesIO(text), pyarrow.csv.ReadOptions(use_threads=False), convert_options=types)


def area(scores, truth):
    """Under the ROC curve, ties counted half."""
    _, place, count = numpy.unique(scores, return_inverse=True, return_counts=True)
    rank = (numpy.cumsum(count) - (count - 1) / 2)[place]
    positives = truth.sum()
    return (rank[truth].sum() - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))


def main(how, query, parameters, file):
    at = time.perf_counter()

    def spent(name):
        nonlocal at
        SPENT[name], at = time.perf_counter() - at, time.perf_counter()

    parameters = json.loads(parameters)
    table = {"adbc": by_adbc, "copy": by_copy}[how](query)
    spent("read")
    table = table.take(pyarrow.compute.sort_indices(table["as_of"]))
    truth = table["is_fraud"].to_numpy().astype(bool)
    features = table.drop_columns(["as_of", "is_fraud"])
    del table
    rows = len(truth)
    first, second = int(rows * 0.7), int(rows * 0.8)
    train = lightgbm.Dataset(features.slice(0, first), truth[:first], params=parameters)
    validation = lightgbm.Dataset(features.slice(first, second - first), truth[first:second], reference=train, params=parameters)
    train.construct()
    validation.construct()
    test, truth = features.slice(second), truth[second:]
    spent("bin")
    model = lightgbm.train(parameters, train, valid_sets=[validation], callbacks=[lightgbm.early_stopping(50, verbose=False)])
    spent("boost")
    auc = area(model.predict(numpy.column_stack([column.to_numpy() for column in test.columns])), truth)
    model.save_model(file)
    spent("evaluate and save")
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"spent": SPENT, "processor": used.ru_utime + used.ru_stime, "auc": auc, "best_round": model.best_iteration, "rows": [first, second - first, rows - second],
                      "peak": used.ru_maxrss / 1024}))


main(*sys.argv[1:])
