-- What there is, and what hangs on what. The view filters by tenant itself: it reads as its owner on every PostgreSQL.
CREATE VIEW @extschema@.sira_feature_catalog WITH (security_barrier) AS
    SELECT d.name, d.version, d.entity_type, d.kind, d.value_type, d.unit, d.category, d.description, d.owner, d.status,
           d.status_reason, d.aggregate, d.window_size, d.delay, d.lookback, d.max_age, d.retention, d.rules,
           CASE d.kind WHEN 'window' THEN ARRAY[d.source_relation]
                       WHEN 'stored' THEN ARRAY['sira_features']
                       WHEN 'derived' THEN d.inputs END AS sources,
           d.source_columns,
           coalesce(d.query, d.expression, d.value_expression) AS expression,
           used.sets, used.models, d.created_at, d.created_by
    FROM @extschema@.sira_feature_definitions d
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(DISTINCT s.name || '/' || s.version) AS sets,
               pg_catalog.array_agg(DISTINCT m.name || '/' || v.version) FILTER (WHERE v.id IS NOT NULL) AS models
        FROM @extschema@.sira_feature_sets s
        LEFT JOIN @extschema@.sira_training_runs r
          ON r.tenant_id = s.tenant_id AND r.feature_set IN (s.name || '/' || s.version, s.name)
        LEFT JOIN @extschema@.sira_model_versions v ON v.tenant_id = r.tenant_id AND v.training_run_id = r.id
        LEFT JOIN @extschema@.sira_models m ON m.tenant_id = v.tenant_id AND m.id = v.model_id
        WHERE s.tenant_id = d.tenant_id AND d.id = ANY (s.definition_ids)
    ) used
    WHERE d.tenant_id = (SELECT @extschema@.sira_current_tenant());
COMMENT ON VIEW @extschema@.sira_feature_catalog IS 'every version of every feature with what it reads and who uses it; the newest of each name has the highest version';
DO $columns$
DECLARE
    said record;
BEGIN
    FOR said IN SELECT * FROM (VALUES
        ('name', 'what the feature is called'), ('version', 'which version of its definition'),
        ('entity_type', 'what it is about'), ('kind', 'window, sql, stored, derived or request'),
        ('value_type', 'numeric, boolean, text or json'), ('unit', 'unit of the value'), ('category', 'free grouping'),
        ('description', 'what it means'), ('owner', 'who answers for it'), ('status', 'active or deprecated'),
        ('status_reason', 'why it was deprecated'), ('aggregate', 'window: how rows become a value'),
        ('window_size', 'window: how far back, NULL for all'), ('delay', 'window: how late a row becomes known'),
        ('lookback', 'window: how far back it reads, delay included'), ('max_age', 'how old a value may be to be served'),
        ('retention', 'after how long raw values may go'), ('rules', 'validation rules'),
        ('sources', 'what it reads: a relation, or of a derived feature its inputs; NULL where a query says so itself'),
        ('source_columns', 'window: the columns that its expressions use'), ('expression', 'its query or expression'),
        ('sets', 'the versions of sets that pin it'), ('models', 'the versions of models that were trained on one of these'),
        ('created_at', 'when this version was defined'), ('created_by', 'who defined it')) AS s (name, comment)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN @extschema@.sira_feature_catalog.%I IS %L', said.name, said.comment);
    END LOOP;
END
$columns$;
GRANT SELECT ON @extschema@.sira_feature_catalog TO sira_admin, sira_user, sira_auditor;
