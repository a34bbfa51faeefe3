-- Quality of features: rules that hold or do not, statistics kept over time, freshness, importance.

-- One row a feature and run. A later run is compared with the last accepted one, in the bins that this one froze.
CREATE TABLE @extschema@.sira_feature_statistics (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    feature_set text NOT NULL,
    feature_set_version integer NOT NULL,
    feature text NOT NULL,
    feature_version integer NOT NULL,
    as_of timestamptz NOT NULL,
    rows bigint NOT NULL CHECK (rows >= 0),
    nulls bigint NOT NULL,
    null_rate double precision GENERATED ALWAYS AS (CASE WHEN rows > 0 THEN nulls::double precision / rows END) STORED,
    nans bigint,
    infinite bigint,
    distinct_values bigint NOT NULL,
    min double precision,
    max double precision,
    mean double precision,
    stddev double precision,
    fractions double precision[],
    quantiles double precision[],
    cut_points double precision[],
    categories text[],
    bin_counts bigint[] NOT NULL,
    accepted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    created_by text NOT NULL DEFAULT SESSION_USER
);
-- The last accepted run of a feature is one probe from its end.
CREATE INDEX sira_feature_statistics_feature_idx
    ON @extschema@.sira_feature_statistics (tenant_id, feature_set, feature, as_of);

COMMENT ON TABLE @extschema@.sira_feature_statistics IS 'what the values of each feature looked like, run by run; written by sira_record_feature_statistics';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.id IS 'identity of the row';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.feature_set IS 'name of the set';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.feature_set_version IS 'version of the set';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.feature IS 'name of the feature';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.feature_version IS 'version of its definition';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.as_of IS 'the moment up to which snapshots counted';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.rows IS 'how many rows were looked at';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.nulls IS 'how many of them had no value';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.null_rate IS 'their share; NULL where there were no rows';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.nans IS 'how many numbers were NaN';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.infinite IS 'how many numbers were infinite';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.distinct_values IS 'how many different values there were';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.min IS 'the smallest number';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.max IS 'the largest number; NaN is the largest of all';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.mean IS 'mean of the numbers';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.stddev IS 'standard deviation of the numbers, as of a sample';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.fractions IS 'which quantiles are kept';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.quantiles IS 'the quantiles at these fractions';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.cut_points IS 'numbers: where the bins are cut; bin i holds the values from point i - 1 on, below point i';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.categories IS 'texts: the most frequent ones, each a bin';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.bin_counts IS 'how many values fell into each bin; the last one holds what is missing, of texts the one before all others';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.accepted IS 'whether later runs may be compared with this one: true where no rule of severity error was broken and the distribution had not moved; set it by UPDATE to accept a change that was meant';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.created_at IS 'when the row was written';
COMMENT ON COLUMN @extschema@.sira_feature_statistics.created_by IS 'who had it written';

CREATE FUNCTION @extschema@.sira_validate_features(
    set text, as_of timestamptz DEFAULT pg_catalog.now(), gate boolean DEFAULT false, entities text DEFAULT NULL)
RETURNS TABLE (feature text, rule text, severity text, observed text, expected text, rows bigint, example_entity text,
    detail text)
LANGUAGE c STABLE ROWS 20 COST 1000000 AS 'MODULE_PATHNAME', 'sira_validate_features_wrapper';
COMMENT ON FUNCTION @extschema@.sira_validate_features(text, timestamptz, boolean, text) IS
    'The rules of a set''s features that do not hold for the newest snapshot of each entity up to a moment, or for the rows of an entity query (as of sira_historical_features). No row: all hold. With gate, a broken rule of severity error is an error (23514), one of severity warning a warning. Example: SELECT * FROM sira_validate_features(''cards'', gate => true);';

CREATE FUNCTION @extschema@.sira_feature_violations(
    set text, as_of timestamptz DEFAULT pg_catalog.now(), entities text DEFAULT NULL)
RETURNS TABLE (feature text, rule text, severity text, entity_id text, as_of timestamptz, value text, expected text)
LANGUAGE c STABLE ROWS 100 COST 1000000 AS 'MODULE_PATHNAME', 'sira_feature_violations_wrapper';
COMMENT ON FUNCTION @extschema@.sira_feature_violations(text, timestamptz, text) IS
    'Each value that breaks a rule, with its entity and moment; distinctness and distribution are about all rows and name none. Example: SELECT * FROM sira_feature_violations(''cards'') WHERE feature = ''spent_7d'';';

CREATE FUNCTION @extschema@.sira_record_feature_statistics(
    set text, as_of timestamptz DEFAULT pg_catalog.now(), entities text DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE COST 1000000 AS 'MODULE_PATHNAME', 'sira_record_feature_statistics_wrapper';
COMMENT ON FUNCTION @extschema@.sira_record_feature_statistics(text, timestamptz, text) IS
    'Keeps statistics of every feature of a set, over the newest snapshots or the rows of an entity query, and gives how many; those of a feature that breaks no rule of severity error, and whose distribution has not moved, are accepted. Example: SELECT sira_record_feature_statistics(''cards'');';

-- How old what is served may be, and how old it is. The newest sample of a stored feature is found from the newest month
-- backwards: a feature that gets values is answered at once, one that never got any reads the raw values once.
CREATE VIEW @extschema@.sira_feature_freshness WITH (security_barrier) AS
    WITH sets AS (
        SELECT DISTINCT ON (s.name) s.*
        FROM @extschema@.sira_feature_sets s
        WHERE s.tenant_id = (SELECT @extschema@.sira_current_tenant())
        ORDER BY s.name, s.version DESC
    ), snapshots AS (
        SELECT p.entity_type, p.feature_set, p.feature_set_version, pg_catalog.max(p.snapshot_ts) AS newest
        FROM @extschema@.sira_feature_snapshots p
        WHERE p.tenant_id = (SELECT @extschema@.sira_current_tenant())
        GROUP BY p.entity_type, p.feature_set, p.feature_set_version
    ), found AS (
        SELECT s.name AS feature_set, s.version, d.name AS feature, d.kind, member.place, d.max_age,
               CASE d.kind WHEN 'stored' THEN
                   (SELECT f.sample_ts FROM @extschema@.sira_features f
                    WHERE f.tenant_id = d.tenant_id AND f.entity_type = d.entity_type AND f.feature_key = d.name
                    ORDER BY f.sample_ts DESC LIMIT 1) END AS newest_sample,
               (SELECT pg_catalog.max(p.newest) FROM snapshots p
                WHERE p.entity_type = s.entity_type AND p.feature_set = s.name
                  AND (p.feature_set_version = s.version OR p.feature_set_version IS NULL)) AS newest_snapshot
        FROM sets s
        CROSS JOIN LATERAL pg_catalog.unnest(s.definition_ids) WITH ORDINALITY AS member (id, place)
        JOIN @extschema@.sira_feature_definitions d ON d.tenant_id = s.tenant_id AND d.id = member.id
        WHERE d.kind <> 'request'
    ), aged AS (
        SELECT f.*, CASE f.kind WHEN 'stored' THEN f.newest_sample ELSE f.newest_snapshot END AS newest FROM found f
    )
    SELECT a.feature_set, a.version, a.feature, a.kind, a.newest_sample, a.newest_snapshot, pg_catalog.now() - a.newest AS age,
           a.max_age, a.max_age IS NOT NULL AND coalesce(pg_catalog.now() - a.newest > a.max_age, true) AS stale
    FROM aged a
    ORDER BY a.feature_set, a.place;
COMMENT ON VIEW @extschema@.sira_feature_freshness IS 'how old the newest value of each feature of each set''s newest version is, and whether that is too old to be served; request features come with their row and are left out';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.feature_set IS 'name of the set';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.version IS 'its newest version';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.feature IS 'name of the feature';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.kind IS 'window, sql, stored or derived';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.newest_sample IS 'stored: when the newest value was true';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.newest_snapshot IS 'the newest snapshot of any entity';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.age IS 'how old the newest value is: of a stored feature its sample, of any other its snapshot';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.max_age IS 'how old it may be';
COMMENT ON COLUMN @extschema@.sira_feature_freshness.stale IS 'whether it is older than that, or not there; never where nothing is demanded';

-- What each feature gave to each model version.
CREATE VIEW @extschema@.sira_feature_importance WITH (security_barrier) AS
    SELECT m.name AS model, v.version, r.feature_set, i.feature, i.gain, i.split,
           i.gain / nullif(pg_catalog.sum(i.gain) OVER (PARTITION BY v.id), 0) AS share
    FROM @extschema@.sira_models m
    JOIN @extschema@.sira_model_versions v ON v.tenant_id = m.tenant_id AND v.model_id = m.id
    JOIN @extschema@.sira_training_runs r ON r.tenant_id = v.tenant_id AND r.id = v.training_run_id
    CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(r.feature_importance)
        AS i (feature text, gain double precision, split bigint)
    WHERE m.tenant_id = (SELECT @extschema@.sira_current_tenant());
COMMENT ON VIEW @extschema@.sira_feature_importance IS 'what each feature gave to each model version that was trained here';
COMMENT ON COLUMN @extschema@.sira_feature_importance.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.sira_feature_importance.version IS 'number of the version';
COMMENT ON COLUMN @extschema@.sira_feature_importance.feature_set IS 'the set that it was trained on, where one was named';
COMMENT ON COLUMN @extschema@.sira_feature_importance.feature IS 'name of the feature';
COMMENT ON COLUMN @extschema@.sira_feature_importance.gain IS 'the loss that its splits took away';
COMMENT ON COLUMN @extschema@.sira_feature_importance.split IS 'how many splits use it';
COMMENT ON COLUMN @extschema@.sira_feature_importance.share IS 'its part of the version''s whole gain';

-- Whether each feature keeps its rules, run by run.
CREATE VIEW @extschema@.sira_feature_quality WITH (security_barrier) AS
    SELECT DISTINCT ON (t.feature_set, t.feature)
           t.feature_set, t.feature, t.feature_version, t.as_of, t.accepted, t.rows, t.null_rate, t.distinct_values,
           pg_catalog.max(t.as_of) FILTER (WHERE t.accepted) OVER (PARTITION BY t.feature_set, t.feature) AS last_accepted
    FROM @extschema@.sira_feature_statistics t
    WHERE t.tenant_id = (SELECT @extschema@.sira_current_tenant())
    ORDER BY t.feature_set, t.feature, t.as_of DESC, t.created_at DESC;
COMMENT ON VIEW @extschema@.sira_feature_quality IS 'the newest statistics of each feature of each set, and when they were last accepted';
COMMENT ON COLUMN @extschema@.sira_feature_quality.feature_set IS 'name of the set';
COMMENT ON COLUMN @extschema@.sira_feature_quality.feature IS 'name of the feature';
COMMENT ON COLUMN @extschema@.sira_feature_quality.feature_version IS 'version of its definition';
COMMENT ON COLUMN @extschema@.sira_feature_quality.as_of IS 'the moment of the newest run';
COMMENT ON COLUMN @extschema@.sira_feature_quality.accepted IS 'whether later runs may be compared with it';
COMMENT ON COLUMN @extschema@.sira_feature_quality.rows IS 'how many rows it looked at';
COMMENT ON COLUMN @extschema@.sira_feature_quality.null_rate IS 'the share of NULLs';
COMMENT ON COLUMN @extschema@.sira_feature_quality.distinct_values IS 'how many different values there were';
COMMENT ON COLUMN @extschema@.sira_feature_quality.last_accepted IS 'the moment of the newest accepted run';

GRANT SELECT ON @extschema@.sira_feature_freshness, @extschema@.sira_feature_importance, @extschema@.sira_feature_quality
    TO sira_admin, sira_user, sira_auditor;
