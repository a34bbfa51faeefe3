"""The SQL that Feast's PostgreSQL offline store generates for one feature view, rendered from its own template.

Importing the store would import pandas, pyarrow and the rest of Feast's dependencies; the template is a constant of the module and the
context is what its build_point_in_time_query gives it, so the constant is read from the installed source.
"""

import ast
import importlib.util
import pathlib

from jinja2 import BaseLoader, Environment

TEMPLATE = "MULTIPLE_FEATURE_VIEW_POINT_IN_TIME_JOIN"


def template():
    package = pathlib.Path(importlib.util.find_spec("feast").origin).parent
    source = package / "infra/offline_stores/contrib/postgres_offline_store/postgres.py"
    for statement in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and [target.id for target in statement.targets] == [TEMPLATE]:
            return ast.literal_eval(statement.value)
    raise RuntimeError(f"Feast has no {TEMPLATE} any more")


def point_in_time_join(*, table, key, features, entities, entity_columns, ttl):
    """`entities` is the table that Feast made of the entity query, with `key` and event_timestamp; `ttl` seconds, 0 for none."""
    view = {
        "name": "daily", "ttl": ttl, "entities": [key], "features": features, "field_mapping": {}, "timestamp_field": "event_timestamp",
        "created_timestamp_column": "", "table_subquery": table, "entity_selections": [f'"{key}" AS "{key}"'],
        "min_event_timestamp": None, "max_event_timestamp": None, "date_partition_column": "", "timestamp_field_type": None,
    }
    return Environment(loader=BaseLoader()).from_string(template()).render(
        left_table_query_string=entities, entity_df_event_timestamp_col="event_timestamp", unique_entity_keys={key}, featureviews=[view],
        full_feature_names=False, final_output_feature_names=[*entity_columns, *features], use_cte=False, start_date=None, end_date=None,
        filter_by_created_timestamp=False)
