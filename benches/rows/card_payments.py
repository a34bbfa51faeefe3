"""A quarter of card payments: the Fraud Detection Handbook's where ../shared/data has them, else drawn in its shape.

872,795 payments of 4,983 customers at 10,000 terminals over 91 days. Beside the amount there are its cents as an
integer: PostgreSQL's sum over an integer has an inverse transition, its sum and avg over float8 have none.
"""

import gzip
import pathlib

from measurement import value

FILE = pathlib.Path(__file__).resolve().parents[3] / "shared/data/card_transactions_2018q2.csv.gz"
ROWS, CUSTOMERS, TERMINALS, DAYS = 872_795, 4_983, 10_000, 91
TABLE = "bench.card_payments"
JUNE = "paid_at >= '2018-06-01 00:00+00' AND paid_at < '2018-07-01 00:00+00'"


def fill(connection):
    """Makes the table unless it is there."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS bench")
    if not value(connection, f"SELECT to_regclass('{TABLE}') IS NULL"):
        return
    with connection.transaction():
        connection.execute(f"""CREATE TABLE {TABLE} (
            id bigint PRIMARY KEY, paid_at timestamptz NOT NULL, customer integer NOT NULL, terminal integer NOT NULL,
            amount float8 NOT NULL, fraud integer NOT NULL, cents integer NOT NULL GENERATED ALWAYS AS (round(amount * 100)) STORED)""")
        (copied if FILE.exists() else drawn)(connection)
    connection.execute(f"VACUUM ANALYZE {TABLE}")


def copied(connection):
    connection.execute("""CREATE TEMP TABLE card_file (id bigint, paid_at timestamptz, customer integer, terminal integer, amount float8,
                          seconds integer, days integer, fraud integer, scenario integer) ON COMMIT DROP""")
    with gzip.open(FILE, "rb") as rows, connection.cursor() as cursor:
        with cursor.copy("COPY card_file FROM STDIN (FORMAT csv, HEADER)") as copy:
            while chunk := rows.read(1 << 20):
                copy.write(chunk)
    connection.execute(f"INSERT INTO {TABLE} SELECT id, paid_at, customer, terminal, amount, fraud FROM card_file ORDER BY id")


def drawn(connection):
    connection.execute("SELECT setseed(0.2018)")
    connection.execute(f"""INSERT INTO {TABLE}
        SELECT g, timestamptz '2018-04-01 00:00+00' + g * (interval '{DAYS} days' / {ROWS + 1}), (random() * {CUSTOMERS - 1})::integer,
               (random() * {TERMINALS - 1})::integer, (random() * 22000)::integer / 100.0::float8, (random() < 0.008)::integer
        FROM generate_series(1, {ROWS}) g""")
