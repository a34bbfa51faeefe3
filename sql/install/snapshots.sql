-- Snapshots: a set computed for many entities at one moment, kept to be served.

-- Up to when the changes of a source are in the snapshots of a version of a set. It stays behind transactions that still run.
CREATE TABLE @extschema@.sira_feature_watermarks (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    feature_set text NOT NULL,
    feature_set_version integer NOT NULL,
    watermark timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (tenant_id, feature_set, feature_set_version)
);
COMMENT ON TABLE @extschema@.sira_feature_watermarks IS
    'up to when the changes of its sources are in the snapshots of a set; delete a row to have everybody computed anew';
COMMENT ON COLUMN @extschema@.sira_feature_watermarks.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_feature_watermarks.feature_set IS 'the set';
COMMENT ON COLUMN @extschema@.sira_feature_watermarks.feature_set_version IS 'and its version';
COMMENT ON COLUMN @extschema@.sira_feature_watermarks.watermark IS 'the next run looks at what happened, was recorded or expired after this';
COMMENT ON COLUMN @extschema@.sira_feature_watermarks.updated_at IS 'when it moved last';

CREATE FUNCTION @extschema@.sira_materialize_snapshots(
    set text, as_of timestamptz DEFAULT pg_catalog.now(), entity_ids text[] DEFAULT NULL, "full" boolean DEFAULT false)
RETURNS bigint
LANGUAGE c VOLATILE COST 1000000 AS 'MODULE_PATHNAME', 'sira_materialize_snapshots_wrapper';
COMMENT ON FUNCTION @extschema@.sira_materialize_snapshots(text, timestamptz, text[], boolean) IS
    'Computes a set for the named entities, or for those that changed since the last run (full, and at first: for all), writes a snapshot of each and answers how many; the same moment again replaces. A row of a source without a recorded_column counts by its time: one that comes late, is changed or deleted is seen when the entity changes again, or by a full run; a warning says so. Example: SELECT sira_materialize_snapshots(''cards'');';

CREATE FUNCTION @extschema@.sira_backfill_features(set text, from_ts timestamptz, to_ts timestamptz, step interval DEFAULT '1 day')
RETURNS bigint
LANGUAGE c VOLATILE COST 1000000 AS 'MODULE_PATHNAME', 'sira_backfill_features_wrapper';
COMMENT ON FUNCTION @extschema@.sira_backfill_features(text, timestamptz, timestamptz, interval) IS
    'Writes a snapshot of every entity known at each moment of a range, as it would have been written then, and answers how many. Example: SELECT sira_backfill_features(''cards'', ''2026-01-01'', ''2026-02-01'', ''1 day'');';

CREATE FUNCTION @extschema@.sira_latest_snapshot(
    set text, entity_id text, as_of timestamptz DEFAULT pg_catalog.now(), max_age interval DEFAULT NULL)
RETURNS TABLE (snapshot_ts timestamptz, set_version integer, features jsonb)
LANGUAGE c STABLE ROWS 1 COST 100 AS 'MODULE_PATHNAME', 'sira_latest_snapshot_wrapper';
COMMENT ON FUNCTION @extschema@.sira_latest_snapshot(text, text, timestamptz, interval) IS
    'The newest snapshot of an entity by a set (set: its newest version, set/2: that one) that is not after a moment nor older than max_age; no row where there is none. Example: SELECT * FROM sira_latest_snapshot(''cards'', ''42'', max_age => interval ''1 day'');';

CREATE FUNCTION @extschema@.sira_latest_snapshot(
    set text, entity_id anynonarray, as_of timestamptz DEFAULT pg_catalog.now(), max_age interval DEFAULT NULL)
RETURNS TABLE (snapshot_ts timestamptz, set_version integer, features jsonb)
LANGUAGE sql STABLE ROWS 1 COST 100 AS $$
    SELECT * FROM @extschema@.sira_latest_snapshot($1, $2::pg_catalog.text, $3, $4)
$$;
COMMENT ON FUNCTION @extschema@.sira_latest_snapshot(text, anynonarray, timestamptz, interval) IS
    'The same for entity ids that are uuid or integers. Example: SELECT * FROM sira_latest_snapshot(''cards'', 42);';

CREATE FUNCTION @extschema@.sira_changed_entities(
    set text, since timestamptz DEFAULT NULL, as_of timestamptz DEFAULT pg_catalog.now())
RETURNS SETOF text
LANGUAGE c VOLATILE ROWS 10000 COST 1000000 AS 'MODULE_PATHNAME', 'sira_changed_entities_wrapper';
COMMENT ON FUNCTION @extschema@.sira_changed_entities(text, timestamptz, timestamptz) IS
    'The entities of which a value can have changed between two moments, all that are known without a first one. Example: SELECT sira_changed_entities(''cards'', now() - interval ''1 hour'');';

CREATE FUNCTION @extschema@.sira_settled_at() RETURNS timestamptz
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_settled_at_wrapper';
COMMENT ON FUNCTION @extschema@.sira_settled_at() IS
    'The moment before which every transaction of the database has ended, and at least sira.settle_margin ago. Example: SELECT sira_settled_at();';
