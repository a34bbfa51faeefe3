"""Evidently's DataDriftPreset over the same rows: prints the seconds of reading them and of comparing.

Arguments: rows of the reference, numeric columns, categorical columns.
"""

import io
import os
import sys
import time

import psycopg
import pyarrow.csv
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

# The statistic that SIRA tests too. Its own choice by size and kind (distances of Wasserstein and Jensen and Shannon) took twice as
# long over a tenth of the rows.
OPTIONS = {"method": "psi"}


def read(connection, columns, condition=""):
    """COPY into memory and Arrow's reader on all cores: faster than read_sql."""
    buffer = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(f"COPY (SELECT {columns} FROM bench.payments {condition}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        for block in copy:
            buffer.write(block)
    buffer.seek(0)
    return pyarrow.csv.read_csv(buffer).to_pandas()


def main():
    reference_rows, numbers, categories = sys.argv[1:]
    names = numbers + "," + categories
    definition = DataDefinition(numerical_columns=numbers.split(","), categorical_columns=categories.split(","))
    with psycopg.connect(os.environ["BENCH_URL"], autocommit=True) as connection:
        earlier = read(connection, names, f"WHERE id <= {reference_rows}")
        started = time.perf_counter()
        now = read(connection, names)
        print("reading", time.perf_counter() - started)
    reference = Dataset.from_pandas(earlier, data_definition=definition)
    started, before = time.perf_counter(), time.process_time()
    answer = Report([DataDriftPreset(**OPTIONS)]).run(Dataset.from_pandas(now, data_definition=definition), reference).dict()
    print("comparing", time.perf_counter() - started)
    print("processor", time.process_time() - before)
    if len(answer["metrics"]) != 1 + len(names.split(",")):
        raise RuntimeError(f"there are {len(answer['metrics'])} metrics")


main()
