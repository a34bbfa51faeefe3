"""Twenty daily values of each customer over the quarter: as a wide table, and as SIRA stores them, a row a value."""

from card_payments import CUSTOMERS, DAYS, TABLE
from measurement import value

FEATURES = [f"daily_{number}" for number in range(20)]
WIDE = "bench.daily_values"
MONTHS = ("2018-04-01", "2018-05-01", "2018-06-01", "2018-07-01")
STORED = CUSTOMERS * DAYS * len(FEATURES)


def fill(connection):
    """Makes what is not there; an extension made anew has no values."""
    if value(connection, f"SELECT to_regclass('{WIDE}') IS NULL"):
        columns = ", ".join(f"(hashint8extended(customer * 1000 + day, {seed}) & 1048575) / 8.0::float8 AS {name}"
                            for seed, name in enumerate(FEATURES))
        with connection.transaction():
            connection.execute(f"""CREATE TABLE {WIDE} AS
                SELECT customer, timestamptz '{MONTHS[0]} 00:00+00' + day * interval '86400 seconds' AS event_timestamp, {columns}
                FROM generate_series(0, {DAYS - 1}) day, (SELECT DISTINCT customer::bigint AS customer FROM {TABLE}) customers
                ORDER BY day, customer""")
            connection.execute(f"CREATE INDEX ON {WIDE} (customer, event_timestamp)")
        connection.execute(f"VACUUM ANALYZE {WIDE}")
    for month, following in zip(MONTHS, MONTHS[1:]):
        partition = f"sira_features_{month[:4]}{month[5:7]}"
        if value(connection, f"SELECT to_regclass('{partition}') IS NULL"):
            with connection.transaction():
                store(connection, partition, month, following)
            connection.execute(f"VACUUM ANALYZE {partition}")


def store(connection, partition, month, following):
    """A month filled before it gets its indexes, as a dump is restored; recorded when it was true."""
    connection.execute(f"CREATE TABLE {partition} (LIKE sira_features_default INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    pairs = ", ".join(f"('{name}', {name})" for name in FEATURES)
    connection.execute(f"""INSERT INTO {partition} (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
        SELECT 'customer', customer::text, pair.key, pair.value, event_timestamp, event_timestamp
        FROM {WIDE}, LATERAL (VALUES {pairs}) AS pair(key, value)
        WHERE event_timestamp >= '{month} 00:00+00' AND event_timestamp < '{following} 00:00+00'""")
    connection.execute("SELECT sira_equip_partition('sira_features', %s)", [partition])
    connection.execute(f"ALTER TABLE sira_features ATTACH PARTITION {partition} FOR VALUES FROM ('{month} 00:00+00') TO ('{following} 00:00+00')")
