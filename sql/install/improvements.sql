-- Improvement suggestions: what metrics and feedback say should be done about a model, why, and what it would bring. Found by
-- sira_suggest_improvements or written by hand; then people carry them through a workflow that no UPDATE walks around.

CREATE TABLE @extschema@.sira_improvement_suggestions (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid,
    suggestion_type text NOT NULL CHECK (suggestion_type IN
        ('model_retrain', 'feature_engineering', 'threshold', 'label_quality', 'prompt_optimization')),
    subject text NOT NULL DEFAULT '',
    priority text NOT NULL DEFAULT 'medium' CHECK (priority IN ('low', 'medium', 'high', 'critical')),
    issue_identified text NOT NULL,
    root_cause_analysis text,
    recommendation text NOT NULL,
    expected_improvement double precision,
    expected_metric text,
    confidence_score double precision CHECK (confidence_score BETWEEN 0 AND 1),
    implementation_steps jsonb NOT NULL DEFAULT '[]' CHECK (pg_catalog.jsonb_typeof(implementation_steps) = 'array'),
    effort text NOT NULL DEFAULT 'medium' CHECK (effort IN ('low', 'medium', 'high')),
    evidence jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'approved', 'implemented', 'validated', 'deployed', 'dismissed')),
    status_note text,
    history jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by text NOT NULL DEFAULT SESSION_USER,
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
-- Found again, an open one is brought up to date instead of standing there twice.
CREATE UNIQUE INDEX sira_improvement_suggestions_open_idx
    ON @extschema@.sira_improvement_suggestions (tenant_id, model_id, suggestion_type, subject) WHERE status = 'open';
COMMENT ON TABLE @extschema@.sira_improvement_suggestions IS
    'what should be done about a model, why, and what it would bring; open, approved, implemented, validated, deployed, or dismissed';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.id IS 'identity of the suggestion';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.model_version_id IS 'the version it was found of';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.suggestion_type IS
    'model_retrain, feature_engineering, threshold, label_quality or prompt_optimization';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.subject IS 'what it is about within the model, such as a feature; empty for the model as a whole';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.priority IS 'low, medium, high or critical';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.issue_identified IS 'what was found';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.root_cause_analysis IS 'why that is, as far as the figures tell';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.recommendation IS 'what to do';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.expected_improvement IS 'by how much expected_metric would change for the better; NULL where the figures do not tell';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.expected_metric IS 'the metric that would change';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.confidence_score IS 'how sure it is, 0 to 1: n / (n + 100) for evidence of n rows unless the finding says otherwise';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.implementation_steps IS 'what to type, in order';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.effort IS 'low, medium or high';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.evidence IS 'the figures behind it';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.status IS 'where in the workflow it is';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.status_note IS 'why it is there';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.history IS 'every step: from, to, by, at, note';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.created_at IS 'when it was found first';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.created_by IS 'who asked, or wrote it';
COMMENT ON COLUMN @extschema@.sira_improvement_suggestions.updated_at IS 'when it changed last';

CREATE FUNCTION @extschema@.sira_improvement_next(from_status text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE from_status
        WHEN 'open' THEN '{approved,dismissed}' WHEN 'approved' THEN '{implemented,dismissed}'
        WHEN 'implemented' THEN '{validated,dismissed}' WHEN 'validated' THEN '{deployed,dismissed}' ELSE '{}' END::text[]
$$;
COMMENT ON FUNCTION @extschema@.sira_improvement_next(text) IS
    'Where a suggestion may go from a state. Example: SELECT sira_improvement_next(''open'');';

CREATE FUNCTION @extschema@.sira_improvement_step() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := now();
    NEW.history := OLD.history;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF NEW.status <> ALL (@extschema@.sira_improvement_next(OLD.status)) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('a suggestion may not go from "%s" to "%s"', OLD.status, NEW.status),
            DETAIL = format('From "%s" it may go to %s.', OLD.status,
                coalesce(nullif(array_to_string(@extschema@.sira_improvement_next(OLD.status), ', '), ''), 'nothing'));
    END IF;
    NEW.history := OLD.history || jsonb_build_object('from', OLD.status, 'to', NEW.status, 'by', SESSION_USER, 'at', clock_timestamp(),
                                                     'note', NEW.status_note);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_improvement_step() IS 'Trigger: the workflow of improvement suggestions, and its history. Example: bound to sira_improvement_suggestions.';
CREATE TRIGGER sira_improvement_step BEFORE UPDATE ON @extschema@.sira_improvement_suggestions
    FOR EACH ROW EXECUTE FUNCTION @extschema@.sira_improvement_step();

CREATE FUNCTION @extschema@.sira_move_suggestion(suggestion_id uuid, to_status text, note text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved text;
BEGIN
    UPDATE @extschema@.sira_improvement_suggestions s SET status = to_status, status_note = note
    WHERE s.id = suggestion_id RETURNING s.status INTO moved;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('suggestion "%s" does not exist', coalesce(suggestion_id::text, 'NULL')),
            HINT = 'SELECT id, suggestion_type, issue_identified FROM sira_improvement_suggestions WHERE status = ''open'';';
    END IF;
    RETURN moved;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_move_suggestion(uuid, text, text) IS
    'Takes a suggestion a step on: open, approved, implemented, validated, deployed, or dismissed from any of them. Example: SELECT sira_move_suggestion(id, ''approved'', ''next week'') FROM sira_improvement_suggestions;';

-- What another threshold would have done on what the model saw: the sweep that sira_threshold_sweep makes, over labelled
-- predictions. Without a cost matrix the measure is F1.
CREATE FUNCTION @extschema@.sira_threshold_gain(
    model text, as_of timestamptz, label_maturity interval, as_known boolean DEFAULT true,
    OUT rows bigint, OUT positives bigint, OUT current_threshold double precision,
    OUT best_threshold double precision, OUT measure text, OUT current_value double precision, OUT best_value double precision)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    base record;
    policy record;
    sides record;
    wanted_label text;
    seen text;
BEGIN
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_threshold_gain.model);
    sides := @extschema@.sira_signature_sides(base.signature);
    wanted_label := coalesce((base.run).label, 'label');
    SELECT p.cost_matrix AS costs, p.threshold INTO policy FROM @extschema@.sira_decision_policies p
    WHERE p.tenant_id = base.tenant_id AND p.model_id = base.model_id ORDER BY p.version DESC LIMIT 1;
    measure := CASE WHEN policy.costs IS NULL THEN 'f1' ELSE 'cost' END;
    current_threshold := coalesce(policy.threshold, 0.7);
    SELECT count(*), count(*) FILTER (WHERE l.label_value = 1) INTO rows, positives
    FROM @extschema@.sira_labelled_predictions(base.model_name, sira_threshold_gain.as_of, sira_threshold_gain.label_maturity, wanted_label,
                                               as_known => sira_threshold_gain.as_known) l
    WHERE l.label_value IN (0, 1);
    IF base.task <> 'binary' OR positives = 0 OR positives = rows THEN
        RETURN;
    END IF;
    -- What is neither of its two classes is no label.
    seen := format('SELECT * FROM (%s) AS q WHERE q.%I IN (%L, %L)',
        @extschema@.sira_retraining_query(base.model_name, NULL, wanted_label, 'predicted_at', NULL, NULL, base.signature, 'feedback',
            sira_threshold_gain.as_of, coalesce(sira_threshold_gain.label_maturity, base.label_maturity),
            sira_threshold_gain.as_known, 'pg_catalog'), wanted_label, sides.negative, sides.positive);
    WITH swept AS MATERIALIZED (
        SELECT s.threshold, s.best, s.current, CASE WHEN policy.costs IS NULL THEN coalesce(s.f1, 0) ELSE -s.cost END AS worth
        FROM @extschema@.sira_threshold_sweep(format('%s/%s', base.model_name, base.champion), seen, wanted_label, policy.costs,
                                              steps => 1000) s)
    SELECT (SELECT w.worth FROM swept w WHERE w.current LIMIT 1), b.threshold, b.worth INTO current_value, best_threshold, best_value
    FROM swept b ORDER BY b.worth DESC NULLS LAST, b.best DESC, b.threshold DESC LIMIT 1;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_threshold_gain(text, timestamptz, interval, boolean) IS
    'The threshold in use and the best one on labelled predictions: by mean cost (negative) where the policy has a cost matrix, else by F1. Example: SELECT * FROM sira_threshold_gain(''fraud'', now(), ''7 days'');';

-- Retrain: the world drifted, the model is worse than it promised, or much has been learned since.
CREATE FUNCTION @extschema@.sira_improvement_by_retraining(model text, as_of timestamptz, label_maturity interval, as_known boolean)
RETURNS SETOF @extschema@.sira_improvement_suggestions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    base record;
    train_rows bigint;
    promised double precision;
    now_auc double precision;
    labelled record;
    worst record;
    finding @extschema@.sira_improvement_suggestions;
BEGIN
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_improvement_by_retraining.model);
    train_rows := coalesce((base.run).train_size, 0);
    SELECT @extschema@.sira_number(v.metrics -> 'auc') INTO promised
    FROM @extschema@.sira_model_versions v WHERE v.tenant_id = base.tenant_id AND v.id = base.champion_id;
    SELECT count(*) AS rows, count(*) FILTER (WHERE NOT l.used_in_retraining) AS fresh,
           count(*) FILTER (WHERE l.label_value = 1) AS positives, count(*) FILTER (WHERE l.label_value = 0) AS negatives,
           @extschema@.sira_auc(l.score, l.label_value) FILTER (WHERE l.score IS NOT NULL AND l.label_value IN (0, 1)) AS auc
    INTO labelled
    FROM @extschema@.sira_labelled_predictions(base.model_name, as_of, label_maturity, as_known => as_known) l;
    SELECT d.severity, d.drift_score, d.created_at INTO worst
    FROM @extschema@.sira_data_drift d
    WHERE d.tenant_id = base.tenant_id AND d.model_id = base.model_id AND d.severity IN ('high', 'critical')
      AND d.created_at > now() - interval '30 days'
    ORDER BY d.drift_score DESC NULLS LAST, d.created_at DESC LIMIT 1;
    IF base.task = 'binary' AND labelled.positives >= 30 AND labelled.negatives >= 30 THEN
        now_auc := labelled.auc;
    END IF;
    IF worst.severity IS NOT NULL OR now_auc < promised - 0.02 OR (train_rows > 0 AND labelled.fresh >= 0.1 * train_rows) THEN
        finding := NULL;
        finding.suggestion_type := 'model_retrain';
        finding.subject := '';
        finding.priority := CASE WHEN worst.severity = 'critical' OR now_auc < promised - 0.1 THEN 'critical'
                                 WHEN worst.severity = 'high' OR now_auc < promised - 0.05 THEN 'high' ELSE 'medium' END;
        finding.issue_identified := concat_ws('; ',
            format('drift is %s', worst.severity), CASE WHEN now_auc < promised - 0.02 THEN
                format('AUC on %s labelled predictions is %s, its test said %s', labelled.rows, round(now_auc::numeric, 4), round(promised::numeric, 4)) END,
            CASE WHEN train_rows > 0 AND labelled.fresh >= 0.1 * train_rows THEN
                format('%s labels are new, it was trained on %s rows', labelled.fresh, train_rows) END);
        finding.issue_identified := CASE WHEN worst.severity IS NULL THEN substr(finding.issue_identified, strpos(finding.issue_identified, '; ') + 2)
                                         ELSE finding.issue_identified END;
        finding.root_cause_analysis := CASE
            WHEN worst.severity IS NOT NULL THEN format('the inputs or scores of %s differ from those it was trained on', to_char(worst.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
            WHEN now_auc < promised - 0.02 THEN 'the relation between inputs and truth has changed, or the test part was not like today'
            ELSE 'it has not seen what was learned since' END;
        finding.recommendation := 'train a challenger with the new labels and compare it with the champion';
        finding.expected_metric := CASE WHEN now_auc < promised THEN 'auc' END;
        finding.expected_improvement := CASE WHEN now_auc < promised THEN promised - now_auc END;
        finding.confidence_score := greatest(worst.drift_score, labelled.rows / (labelled.rows + 100.0));
        finding.implementation_steps := jsonb_build_array(format('SELECT * FROM sira_retrain(%L);', base.model_name),
            format('SELECT * FROM sira_check_gates(%L);', base.model_name), format('SELECT * FROM sira_promote(%L);', base.model_name));
        finding.effort := 'low';
        finding.evidence := jsonb_strip_nulls(jsonb_build_object('severity', worst.severity, 'drift_score', worst.drift_score,
            'auc', now_auc, 'promised_auc', promised, 'labels', labelled.rows, 'new_labels', labelled.fresh, 'train_rows', train_rows));
        RETURN NEXT finding;
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_improvement_by_retraining(text, timestamptz, interval, boolean) IS
    'Whether a model should be retrained, and why: drift of the last 30 days, AUC on labelled predictions below what its test said, or many new labels. Example: SELECT issue_identified FROM sira_improvement_by_retraining(''fraud'', now(), ''7 days'', true);';

-- Threshold: another one would have done better by 2 % or more.
CREATE FUNCTION @extschema@.sira_improvement_by_threshold(model text, as_of timestamptz, label_maturity interval, as_known boolean)
RETURNS SETOF @extschema@.sira_improvement_suggestions
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    base record;
    line record;
    finding @extschema@.sira_improvement_suggestions;
BEGIN
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_improvement_by_threshold.model);
    IF base.task = 'binary' THEN
        SELECT * INTO line FROM @extschema@.sira_threshold_gain(base.model_name, as_of, label_maturity, as_known);
        IF line.positives >= 30 AND line.rows - line.positives >= 30 AND line.best_value - line.current_value > 0.02 * greatest(abs(line.current_value), 1e-9) THEN
            finding := NULL;
            finding.suggestion_type := 'threshold';
            finding.subject := '';
            finding.priority := CASE WHEN line.best_value - line.current_value > 0.2 * abs(line.current_value) THEN 'high' ELSE 'medium' END;
            finding.issue_identified := format('at threshold %s %s is %s, at %s it is %s', line.current_threshold, line.measure,
                round(abs(line.current_value)::numeric, 4), round(line.best_threshold::numeric, 4), round(abs(line.best_value)::numeric, 4));
            finding.root_cause_analysis := format('the threshold was not chosen on these %s predictions, of which %s turned out positive', line.rows, line.positives);
            finding.recommendation := format('move the threshold to %s', round(line.best_threshold::numeric, 4));
            finding.expected_metric := line.measure;
            finding.expected_improvement := line.best_value - line.current_value;
            finding.confidence_score := line.positives / (line.positives + 100.0);
            finding.implementation_steps := jsonb_build_array(
                format('SELECT * FROM sira_threshold_sweep(%L, ...); to see it on rows of your own', base.model_name),
                format('SELECT sira_set_policy(%L, ..., threshold => %s);', base.model_name, round(line.best_threshold::numeric, 4)));
            finding.effort := 'low';
            finding.evidence := to_jsonb(line);
            RETURN NEXT finding;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_improvement_by_threshold(text, timestamptz, interval, boolean) IS
    'Whether another threshold would have done better on labelled predictions, by 2 % or more, with at least 30 of each class. Example: SELECT issue_identified FROM sira_improvement_by_threshold(''fraud'', now(), ''7 days'', true);';

-- Features: those that no tree asks for, together; and each important one whose values have drifted.
CREATE FUNCTION @extschema@.sira_improvement_by_features(model text)
RETURNS SETOF @extschema@.sira_improvement_suggestions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    base record;
    doubt record;
    finding @extschema@.sira_improvement_suggestions;
BEGIN
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_improvement_by_features.model);
    SELECT array_agg(f ->> 'feature' ORDER BY f ->> 'feature') AS names, count(*) AS n INTO doubt
    FROM jsonb_array_elements(CASE jsonb_typeof((base.run).feature_importance) WHEN 'array' THEN (base.run).feature_importance ELSE '[]' END) f
    WHERE (f ->> 'gain')::double precision = 0;
    IF doubt.n > 0 THEN
        finding := NULL;
        finding.suggestion_type := 'feature_engineering';
        finding.subject := 'unused features';
        finding.priority := 'low';
        finding.issue_identified := format('%s features are asked for by no tree: %s', doubt.n, array_to_string(doubt.names, ', '));
        finding.root_cause_analysis := 'they tell nothing that others do not tell, or hardly vary';
        finding.recommendation := 'leave them out, or find what about them should tell something';
        finding.confidence_score := 0.9;
        finding.implementation_steps := jsonb_build_array(format('SELECT * FROM sira_train(%L, ..., exclude => %L);', base.model_name, doubt.names));
        finding.effort := 'low';
        finding.evidence := jsonb_build_object('features', doubt.names);
        RETURN NEXT finding;
    END IF;
    FOR doubt IN
        SELECT DISTINCT ON (d.feature_key) d.feature_key, d.severity, d.drift_score, d.statistic, d.method, i.share
        FROM @extschema@.sira_data_drift d
        JOIN (SELECT f ->> 'feature' AS name, (f ->> 'gain')::double precision / nullif(sum((f ->> 'gain')::double precision) OVER (), 0) AS share
              FROM jsonb_array_elements(CASE jsonb_typeof((base.run).feature_importance) WHEN 'array' THEN (base.run).feature_importance ELSE '[]' END) f) i
          ON i.name = d.feature_key
        WHERE d.tenant_id = base.tenant_id AND d.model_id = base.model_id AND d.drift_type = 'data' AND d.drift_detected
          AND d.created_at > now() - interval '30 days' AND i.share >= 0.05
        ORDER BY d.feature_key, d.created_at DESC, d.statistic DESC
    LOOP
        finding := NULL;
        finding.suggestion_type := 'feature_engineering';
        finding.subject := doubt.feature_key;
        finding.priority := CASE WHEN doubt.share >= 0.2 THEN 'high' ELSE 'medium' END;
        finding.issue_identified := format('feature "%s", %s %% of all gain, has drifted: %s %s', doubt.feature_key, round((100 * doubt.share)::numeric, 1),
                                           doubt.method, round(doubt.statistic::numeric, 4));
        finding.root_cause_analysis := 'its source has changed, or the world has: look at both histograms';
        finding.recommendation := 'check the source; if the world has changed, use a form of it that travels better (a ratio, a rank, a shorter window)';
        finding.confidence_score := least(1, 0.5 + doubt.share);
        finding.implementation_steps := jsonb_build_array(
            format('SELECT * FROM sira_data_drift WHERE feature_key = %L ORDER BY created_at DESC;', doubt.feature_key),
            format('SELECT * FROM sira_feature_catalog WHERE name = %L;', doubt.feature_key));
        finding.effort := 'medium';
        finding.evidence := to_jsonb(doubt);
        RETURN NEXT finding;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_improvement_by_features(text) IS
    'Features of the version in production that tell nothing, and important ones that have drifted within 30 days. Example: SELECT subject, issue_identified FROM sira_improvement_by_features(''fraud'');';

-- Labels: people who looked at the same prediction disagree.
CREATE FUNCTION @extschema@.sira_improvement_by_labels(model text)
RETURNS SETOF @extschema@.sira_improvement_suggestions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    base record;
    doubt record;
    finding @extschema@.sira_improvement_suggestions;
BEGIN
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_improvement_by_labels.model);
    SELECT count(*) AS judged_twice, count(*) FILTER (WHERE w.words > 1) AS disputed INTO doubt
    FROM (SELECT f.prediction_id, count(*) AS said, count(DISTINCT @extschema@.sira_label_said(f.label, (base.run).label)) AS words
          FROM @extschema@.sira_feedback f
          WHERE f.tenant_id = @extschema@.sira_current_tenant() AND f.model_id = base.model_id AND f.status <> 'dismissed'
            AND f.feedback_type IN ('label', 'correction') AND f.prediction_id IS NOT NULL
          GROUP BY f.prediction_id HAVING count(DISTINCT f.reviewer_id) > 1) w;
    IF doubt.judged_twice >= 20 AND doubt.disputed >= 0.05 * doubt.judged_twice THEN
        finding := NULL;
        finding.suggestion_type := 'label_quality';
        finding.subject := '';
        finding.priority := CASE WHEN doubt.disputed >= 0.2 * doubt.judged_twice THEN 'high' ELSE 'medium' END;
        finding.issue_identified := format('reviewers disagree on %s of %s predictions that more than one of them labelled', doubt.disputed, doubt.judged_twice);
        finding.root_cause_analysis := 'what counts as positive is not settled, or some reviewers lack what they would need to know';
        finding.recommendation := 'settle the disputed cases, write down the rule, and label them again';
        finding.confidence_score := doubt.judged_twice / (doubt.judged_twice + 100.0);
        finding.implementation_steps := jsonb_build_array(
            'SELECT prediction_id, array_agg(reviewer_id || '' '' || label) FROM sira_feedback GROUP BY 1 HAVING count(DISTINCT label) > 1;',
            'SELECT sira_record_feedback(..., ''correction'', ...);');
        finding.effort := 'medium';
        finding.evidence := to_jsonb(doubt);
        RETURN NEXT finding;
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_improvement_by_labels(text) IS
    'Whether reviewers disagree about predictions: of at least 20 that several labelled, one in 20. Example: SELECT issue_identified FROM sira_improvement_by_labels(''fraud'');';

CREATE FUNCTION @extschema@.sira_suggest_improvements(
    model text, as_of timestamptz DEFAULT now(), label_maturity interval DEFAULT NULL, as_known boolean DEFAULT true)
RETURNS SETOF @extschema@.sira_improvement_suggestions
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    base record;
    finding @extschema@.sira_improvement_suggestions;
BEGIN
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_suggest_improvements.model);
    FOR finding IN
        SELECT * FROM @extschema@.sira_improvement_by_retraining(base.model_name, as_of, label_maturity, as_known)
        UNION ALL SELECT * FROM @extschema@.sira_improvement_by_threshold(base.model_name, as_of, label_maturity, as_known)
        UNION ALL SELECT * FROM @extschema@.sira_improvement_by_features(base.model_name)
        UNION ALL SELECT * FROM @extschema@.sira_improvement_by_labels(base.model_name)
    LOOP
        INSERT INTO @extschema@.sira_improvement_suggestions AS s
            (tenant_id, model_id, model_version_id, suggestion_type, subject, priority, issue_identified, root_cause_analysis, recommendation,
             expected_improvement, expected_metric, confidence_score, implementation_steps, effort, evidence)
        VALUES (base.tenant_id, base.model_id, base.champion_id, finding.suggestion_type, finding.subject, finding.priority,
                finding.issue_identified, finding.root_cause_analysis, finding.recommendation, finding.expected_improvement,
                finding.expected_metric, finding.confidence_score, finding.implementation_steps, finding.effort, finding.evidence)
        ON CONFLICT (tenant_id, model_id, suggestion_type, subject) WHERE status = 'open' DO UPDATE
        SET model_version_id = EXCLUDED.model_version_id, priority = EXCLUDED.priority, issue_identified = EXCLUDED.issue_identified,
            root_cause_analysis = EXCLUDED.root_cause_analysis, recommendation = EXCLUDED.recommendation,
            expected_improvement = EXCLUDED.expected_improvement, expected_metric = EXCLUDED.expected_metric,
            confidence_score = EXCLUDED.confidence_score, implementation_steps = EXCLUDED.implementation_steps, evidence = EXCLUDED.evidence
        RETURNING s.* INTO finding;
        RETURN NEXT finding;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_suggest_improvements(text, timestamptz, interval, boolean) IS
    'Looks at drift, labelled predictions, feedback and importance of the version in production, writes what should be done to sira_improvement_suggestions and answers it; an open suggestion is brought up to date. Example: SELECT priority, issue_identified, recommendation FROM sira_suggest_improvements(''fraud'');';
