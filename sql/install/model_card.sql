-- Model cards: what a version is, what it learned from, how good it is and who let it go live, in one document. The JSON is put
-- together here, where it is data; sira_render_card makes the page of it and reads nothing.

-- The curves of a version's test part. Predictions of a test part are not kept after training, so what plots need of them is
-- written once, with the version: at most two hundred points a curve, counts in bins, means. No row of it is anybody's.
CREATE TABLE @extschema@.sira_model_curves (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    version_id uuid NOT NULL,
    curves jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (tenant_id, version_id),
    FOREIGN KEY (tenant_id, model_id, version_id)
        REFERENCES @extschema@.sira_model_versions (tenant_id, model_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE @extschema@.sira_model_curves IS
    'what the plots of a version''s model card are drawn from: thinned curves, counts and means of its test part, never a row of it; written by the library';
COMMENT ON COLUMN @extschema@.sira_model_curves.tenant_id IS 'the tenant whose version it is';
COMMENT ON COLUMN @extschema@.sira_model_curves.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_model_curves.version_id IS 'the version';
COMMENT ON COLUMN @extschema@.sira_model_curves.curves IS
    'roc, precision_recall, calibration, scores or residuals, shap, time_bounds; rows of the test part that were used, of how many';
COMMENT ON COLUMN @extschema@.sira_model_curves.recorded_at IS 'when they were drawn up';

-- What follows for the reader from what is known and what is not.
CREATE FUNCTION @extschema@.sira_card_limits(card jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_agg(l.said ORDER BY l.place), '[]')
    FROM (VALUES
        (1, 'The version answers for rows like those it learned from. It knows correlations, not causes.', true),
        (2, 'A category that training did not see counts as a missing value.',
         card #> '{signature,features}' @> '[{"kind": "text"}]'),
        (3, format('The curves come from %s rows that are later than those it learned from; older patterns are not in them.',
                   card #>> '{curves,of}'), card #>> '{training,split,method}' = 'time' AND card #>> '{curves,of}' IS NOT NULL),
        (4, 'Rows were split by chance: rows of the same person or day may stand on both sides, and the metrics may flatter.',
         card #>> '{training,split,method}' = 'random'),
        (5, 'Scores are not calibrated: read them as an order, and as probabilities only as far as the calibration plot says.',
         card #>> '{model,task}' = 'binary' AND jsonb_typeof(card -> 'calibration') IS DISTINCT FROM 'object'),
        (6, 'How it was trained is not recorded here: it was brought from elsewhere, or its run may not be read by your role.',
         jsonb_typeof(card -> 'training') IS DISTINCT FROM 'object'),
        (7, 'It was evaluated on no rows but its own test part.', jsonb_typeof(card -> 'evaluations') = 'array'
                                                              AND card -> 'evaluations' = '[]'),
        (8, 'Contributions say what moved the score, not what moved the world.', card #> '{curves,shap}' IS NOT NULL)
    ) AS l (place, said, holds)
    WHERE l.holds
$$;
COMMENT ON FUNCTION @extschema@.sira_card_limits(jsonb) IS
    'What a model card warns of, from what it says. Example: SELECT sira_card_limits(sira_model_card(''fraud''));';

-- Runs as the caller: a part whose table the caller may not read is null, and the page says so.
CREATE FUNCTION @extschema@.sira_model_card(model text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target record;
    owner_model @extschema@.sira_models;
    this @extschema@.sira_model_versions;
    card jsonb;
    part jsonb;
    importance jsonb;
    may_read_runs boolean := has_table_privilege('@extschema@.sira_training_runs'::regclass, 'SELECT');
BEGIN
    SELECT * INTO target FROM @extschema@.sira_resolve_version(sira_model_card.model);
    owner_model := @extschema@.sira_find_model(target.model_name);
    SELECT v.* INTO this FROM @extschema@.sira_model_versions v
    WHERE v.tenant_id = target.tenant_id AND v.id = target.version_id;

    card := jsonb_build_object(
        'model', jsonb_build_object(
            'name', owner_model.name, 'display_name', owner_model.display_name, 'description', owner_model.description,
            'model_type', owner_model.model_type, 'task', owner_model.task, 'entity_type', owner_model.entity_type,
            'owner', owner_model.owner, 'enabled', owner_model.enabled, 'created_at', owner_model.created_at),
        'version', jsonb_build_object(
            'number', this.version, 'label', this.version_label, 'status', this.status, 'status_reason', this.status_reason,
            'format', this.format, 'artifact_digest', encode(this.artifact_digest, 'hex'),
            'created_at', this.created_at, 'created_by', this.created_by, 'promoted_at', this.promoted_at,
            'promoted_by', this.promoted_by, 'tags', this.tags),
        'metrics', this.metrics,
        'parameters', this.parameters,
        'calibration', this.signature -> 'calibration',
        -- How many categories a text has, and not which: they are values of rows.
        'signature', jsonb_build_object(
            'features', (SELECT jsonb_agg(jsonb_build_object('name', f ->> 'name', 'kind', f ->> 'kind')
                                          || CASE WHEN jsonb_typeof(f -> 'categories') = 'array'
                                                  THEN jsonb_build_object('categories', jsonb_array_length(f -> 'categories'))
                                                  ELSE '{}' END ORDER BY place)
                         FROM jsonb_array_elements(this.signature -> 'features') WITH ORDINALITY AS features (f, place)),
            'classes', this.signature -> 'classes', 'positive', this.signature -> 'positive'));

    IF has_table_privilege('@extschema@.sira_model_curves'::regclass, 'SELECT') THEN
        SELECT c.curves INTO part FROM @extschema@.sira_model_curves c
        WHERE c.tenant_id = this.tenant_id AND c.version_id = this.id;
        card := card || jsonb_build_object('curves', part);
    END IF;

    IF has_table_privilege('@extschema@.sira_model_aliases'::regclass, 'SELECT') THEN
        SELECT jsonb_agg(a.alias ORDER BY a.alias) INTO part FROM @extschema@.sira_model_aliases a
        WHERE a.tenant_id = this.tenant_id AND a.model_id = this.model_id AND a.version_id = this.id;
        card := jsonb_set(card, '{version,aliases}', coalesce(part, '[]'));
    END IF;

    IF may_read_runs THEN
        SELECT jsonb_build_object(
                   'run_id', r.id, 'experiment_name', r.experiment_name, 'query', r.query, 'label', r.label,
                   'feature_set', r.feature_set, 'rows_train', r.train_size, 'rows_validation', r.validation_size,
                   'rows_test', r.test_size, 'split', r.split, 'embargo', r.embargo, 'seed', r.seed, 'threads', r.threads,
                   'library_version', r.library_version, 'data_digest', encode(r.data_digest, 'hex'), 'notes', r.notes,
                   'started_at', r.started_at, 'finished_at', r.finished_at, 'started_by', r.started_by,
                   'time_bounds', (
                       SELECT jsonb_object_agg(b.key, jsonb_build_array(
                                  to_timestamp((b.value ->> 0)::double precision / 1e6),
                                  to_timestamp((b.value ->> 1)::double precision / 1e6)))
                       FROM jsonb_each(CASE WHEN jsonb_typeof(card #> '{curves,time_bounds}') = 'object'
                                            THEN card #> '{curves,time_bounds}' END) b
                       WHERE jsonb_typeof(b.value) = 'array'),
                   -- Some two hundred rounds draw the curve of ten thousand.
                   'history', (SELECT jsonb_agg(h.round ORDER BY h.place)
                               FROM jsonb_array_elements(r.history) WITH ORDINALITY AS h (round, place)
                               WHERE (h.place - 1) % (1 + jsonb_array_length(r.history) / 200) = 0
                                  OR h.place = jsonb_array_length(r.history)))
               || jsonb_build_object('best_round', r.options -> 'best_round', 'time_column', r.options -> 'time_column',
                                     'rows_without_label', r.options -> 'rows_without_label',
                                     'rows_in_embargo', r.options -> 'rows_in_embargo'),
               r.feature_importance
        INTO part, importance
        FROM @extschema@.sira_training_runs r
        WHERE r.tenant_id = this.tenant_id AND r.id = this.training_run_id;
        card := card || jsonb_build_object('training', part, 'importance', importance);
    END IF;

    -- Evaluations on rows of their own; slices of few rows may be about one person.
    IF has_table_privilege('@extschema@.sira_evaluations'::regclass, 'SELECT') THEN
        SELECT jsonb_agg(jsonb_build_object(
                   'purpose', e.purpose, 'rows', e.rows, 'data_digest', encode(e.data_digest, 'hex'), 'threshold', e.threshold,
                   'metrics', e.metrics, 'intervals', e.intervals,
                   'slices', (SELECT jsonb_object_agg(s.key, (
                                  SELECT jsonb_object_agg(g.key, g.value) FROM jsonb_each(s.value) g
                                  WHERE jsonb_typeof(g.value -> 'rows') = 'number' AND (g.value ->> 'rows')::numeric >= 20))
                              FROM jsonb_each(CASE WHEN jsonb_typeof(e.slices) = 'object' THEN e.slices END) s
                              WHERE jsonb_typeof(s.value) = 'object'),
                   'evaluated_at', e.evaluated_at, 'evaluated_by', e.evaluated_by) ORDER BY e.evaluated_at DESC)
        INTO part
        FROM (SELECT * FROM @extschema@.sira_evaluations
              WHERE tenant_id = this.tenant_id AND model_version_id = this.id AND purpose <> 'test'
              ORDER BY evaluated_at DESC LIMIT 5) e;
        card := card || jsonb_build_object('evaluations', coalesce(part, '[]'));
    END IF;

    -- What the steps before it ask; what was asked of the steps behind it stands with them.
    IF this.status IN ('candidate', 'validated', 'staging')
       AND has_function_privilege('@extschema@.sira_check_gates(text, text)'::regprocedure, 'EXECUTE')
    THEN
        SELECT jsonb_agg(to_jsonb(g) ORDER BY g.place) INTO part
        FROM (SELECT f.*, row_number() OVER () AS place
              FROM @extschema@.sira_check_gates(format('%s/%s', owner_model.name, this.version)) f) g;
        SELECT jsonb_agg(g - 'place') INTO part FROM jsonb_array_elements(part) g;
        card := card || jsonb_build_object('gates', coalesce(part, '[]'));
    END IF;
    IF has_table_privilege('@extschema@.sira_approvals'::regclass, 'SELECT') THEN
        SELECT jsonb_agg(jsonb_build_object(
                   'at', a.at, 'stage', a.stage, 'signer', a.signer, 'decision', a.decision, 'comment', a.comment,
                   'digest', encode(a.digest, 'hex')) ORDER BY a.at, a.id)
        INTO part
        FROM @extschema@.sira_approvals a WHERE a.tenant_id = this.tenant_id AND a.model_version_id = this.id;
        card := card || jsonb_build_object('approvals', coalesce(part, '[]'));
    END IF;
    IF has_table_privilege('@extschema@.sira_model_transitions'::regclass, 'SELECT') THEN
        SELECT jsonb_agg(jsonb_build_object(
                   'at', t.at, 'from', t.from_status, 'to', t.to_status, 'actor', t.actor, 'acted_as', t.acted_as,
                   'reason', t.reason, 'digest', encode(t.digest, 'hex')) ORDER BY t.at, t.id)
        INTO part
        FROM @extschema@.sira_model_transitions t WHERE t.tenant_id = this.tenant_id AND t.version_id = this.id;
        card := card || jsonb_build_object('transitions', coalesce(part, '[]'));
    END IF;
    IF has_table_privilege('@extschema@.sira_decision_policies'::regclass, 'SELECT') THEN
        SELECT jsonb_build_object('version', p.version, 'bands', p.bands, 'cost_matrix', p.cost_matrix, 'threshold', p.threshold,
                                  'fallback', p.fallback, 'created_at', p.created_at, 'created_by', p.created_by)
        INTO part
        FROM @extschema@.sira_decision_policies p WHERE p.tenant_id = this.tenant_id AND p.model_id = this.model_id
        ORDER BY p.version DESC LIMIT 1;
        card := card || jsonb_build_object('decision_policy', part);
    END IF;

    IF has_table_privilege('@extschema@.sira_model_performance'::regclass, 'SELECT') THEN
        SELECT jsonb_agg(to_jsonb(p) - ARRAY['tenant_id', 'model_id', 'model_version_id', 'id', 'segment', 'metrics']
                         ORDER BY p.period_end DESC)
        INTO part
        FROM (SELECT * FROM @extschema@.sira_model_performance
              WHERE tenant_id = this.tenant_id AND model_version_id = this.id AND segment IS NULL
              ORDER BY period_end DESC LIMIT 30) p;
        card := card || jsonb_build_object('performance', coalesce(part, '[]'));
    END IF;
    IF has_table_privilege('@extschema@.sira_data_drift'::regclass, 'SELECT') THEN
        SELECT jsonb_agg(jsonb_build_object(
                   'created_at', d.created_at, 'drift_type', d.drift_type, 'feature_key', d.feature_key, 'method', d.method,
                   'statistic', d.statistic, 'p_value', d.p_value, 'severity', d.severity, 'drift_detected', d.drift_detected)
                   ORDER BY d.created_at DESC, d.drift_type, d.feature_key)
        INTO part
        FROM (SELECT * FROM @extschema@.sira_data_drift
              WHERE tenant_id = this.tenant_id AND model_version_id = this.id AND segment IS NULL
              ORDER BY created_at DESC, drift_type, feature_key LIMIT 30) d;
        card := card || jsonb_build_object('drift', coalesce(part, '[]'));
    END IF;

    RETURN card || jsonb_build_object('limits', @extschema@.sira_card_limits(card));
END
$$;
COMMENT ON FUNCTION @extschema@.sira_model_card(text) IS
    'Everything recorded about a version in one document: what it is, what it learned from, metrics, curves, explanations, gates, approvals, history. What the caller may not read is left out. Example: SELECT jsonb_pretty(sira_model_card(''fraud''));';

CREATE FUNCTION @extschema@.sira_render_card(card jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_render_card_wrapper';
COMMENT ON FUNCTION @extschema@.sira_render_card(jsonb) IS
    'A model card as one HTML page with its plots drawn into it; reads nothing but its argument. Example: SELECT sira_render_card(sira_model_card(''fraud''));';

CREATE FUNCTION @extschema@.sira_model_card_html(model text) RETURNS text
LANGUAGE sql VOLATILE AS $$
    SELECT @extschema@.sira_render_card(@extschema@.sira_model_card($1))
$$;
COMMENT ON FUNCTION @extschema@.sira_model_card_html(text) IS
    'The model card as one self-contained HTML page, without scripts or anything from elsewhere. Example: SELECT sira_model_card_html(''fraud'');';
