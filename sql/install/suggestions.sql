-- Suggestions to people, and what came of them.
CREATE TABLE @extschema@.sira_suggestions (
    id uuid NOT NULL DEFAULT @extschema@.sira_uuid_v7(pg_catalog.transaction_timestamp()),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.transaction_timestamp(),
    entity_type text NOT NULL,
    entity_id text NOT NULL,
    -- Which question of the entity the candidates answer, as in sira_labels.
    label_name text NOT NULL DEFAULT 'label',
    mode text NOT NULL CHECK (mode IN ('heuristic', 'model')),
    source text NOT NULL CHECK (source IN ('rule', 'model')),
    model_id uuid,
    model_version_id uuid,
    prediction_id uuid,
    candidates jsonb NOT NULL,
    features_hash text
) PARTITION BY RANGE (created_at);

-- The answer that a suggestion puts first: candidates are texts or objects with a label, best first.
CREATE FUNCTION @extschema@.sira_first_candidate(candidates jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE jsonb_typeof(candidates -> 0) WHEN 'object' THEN coalesce(candidates -> 0 ->> 'label', candidates -> 0 ->> 'category')
                ELSE candidates ->> 0 END
$$;
COMMENT ON FUNCTION @extschema@.sira_first_candidate(jsonb) IS
    'The label of the first of a suggestion''s candidates. Example: SELECT sira_first_candidate(''[{"label": "groceries", "score": 0.8}, "fuel"]'');';

CREATE FUNCTION @extschema@.sira_record_suggestion(
    entity_type text, entity_id text, candidates jsonb, mode text DEFAULT 'heuristic', model text DEFAULT NULL,
    features jsonb DEFAULT NULL, prediction_id uuid DEFAULT NULL, source text DEFAULT NULL, label_name text DEFAULT 'label')
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Made beforehand: RETURNING would ask for the right to read suggestions.
    new_id uuid := @extschema@.sira_uuid_v7(transaction_timestamp());
    made_by record;
BEGIN
    IF sira_record_suggestion.entity_type IS NULL OR sira_record_suggestion.entity_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a suggestion needs an entity',
            HINT = 'SELECT sira_record_suggestion(''transaction'', ''42'', ''["groceries"]'');';
    END IF;
    IF sira_record_suggestion.mode IS NULL OR sira_record_suggestion.mode NOT IN ('heuristic', 'model') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('suggestion mode "%s" is not known', coalesce(sira_record_suggestion.mode, 'NULL')),
            HINT = 'Choose heuristic or model.';
    END IF;
    IF sira_record_suggestion.source NOT IN ('rule', 'model') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('suggestion source "%s" is not known', sira_record_suggestion.source),
            HINT = 'Choose rule or model.';
    END IF;
    -- Evaluation looks at the first: it must be there and name something.
    IF jsonb_typeof(sira_record_suggestion.candidates) IS DISTINCT FROM 'array'
       OR @extschema@.sira_first_candidate(sira_record_suggestion.candidates) IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'candidates are no list that begins with a label',
            HINT = 'Give ''["groceries", "fuel"]'' or ''[{"label": "groceries", "score": 0.8}]'', best first.';
    END IF;
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    IF sira_record_suggestion.model IS NOT NULL THEN
        SELECT r.model_id, r.version_id INTO STRICT made_by FROM @extschema@.sira_resolve_version(sira_record_suggestion.model) r;
    ELSE
        SELECT NULL::uuid AS model_id, NULL::uuid AS version_id INTO made_by;
    END IF;
    INSERT INTO @extschema@.sira_suggestions (id, entity_type, entity_id, label_name, mode, source, model_id, model_version_id,
                                              prediction_id, candidates, features_hash)
    VALUES (new_id, lower(sira_record_suggestion.entity_type), sira_record_suggestion.entity_id,
            coalesce(sira_record_suggestion.label_name, 'label'), sira_record_suggestion.mode,
            coalesce(sira_record_suggestion.source, CASE sira_record_suggestion.mode WHEN 'model' THEN 'model' ELSE 'rule' END),
            made_by.model_id, made_by.version_id, sira_record_suggestion.prediction_id, sira_record_suggestion.candidates,
            -- jsonb writes one object in one way: equal features have equal digests.
            encode(sha256(convert_to(sira_record_suggestion.features::text, 'UTF8')), 'hex'));
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_record_suggestion(text, text, jsonb, text, text, jsonb, uuid, text, text) IS
    'Records what a rule or a model suggested to a person, best first, and answers the suggestion''s id. Example: SELECT sira_record_suggestion(''transaction'', ''42'', ''[{"label": "groceries", "score": 0.8}]'', features => sira_transaction_features(''POS WHOLE FOODS'', -42));';

CREATE FUNCTION @extschema@.sira_record_suggestion(
    entity_type text, entity_id anynonarray, candidates jsonb, mode text DEFAULT 'heuristic', model text DEFAULT NULL,
    features jsonb DEFAULT NULL, prediction_id uuid DEFAULT NULL, source text DEFAULT NULL, label_name text DEFAULT 'label')
RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    SELECT @extschema@.sira_record_suggestion($1, $2::pg_catalog.text, $3, $4, $5, $6, $7, $8, $9)
$$;
COMMENT ON FUNCTION @extschema@.sira_record_suggestion(text, anynonarray, jsonb, text, text, jsonb, uuid, text, text) IS
    'The same for entity ids that are uuid or integers. Example: SELECT sira_record_suggestion(''transaction'', 42, ''["groceries"]'');';

-- An answer is feedback. It makes no label by itself: an accepted suggestion that is true by its own acceptance would evaluate
-- to perfection.
CREATE FUNCTION @extschema@.sira_answer_suggestion(
    suggestion_id uuid, answer text, label text DEFAULT NULL, note text DEFAULT NULL, reviewer_id text DEFAULT SESSION_USER)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- By the clock: of two answers in one transaction, which share created_at, the later id is the later answer.
    new_id uuid := @extschema@.sira_uuid_v7(clock_timestamp());
BEGIN
    IF sira_answer_suggestion.answer IS NULL OR sira_answer_suggestion.answer NOT IN ('accept', 'reject') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('answer "%s" is not known', coalesce(sira_answer_suggestion.answer, 'NULL')), HINT = 'Choose accept or reject.';
    END IF;
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    INSERT INTO @extschema@.sira_feedback (id, suggestion_id, feedback_type, label, note, reviewer_id)
    VALUES (new_id, sira_answer_suggestion.suggestion_id, sira_answer_suggestion.answer, to_jsonb(sira_answer_suggestion.label),
            sira_answer_suggestion.note, coalesce(sira_answer_suggestion.reviewer_id, SESSION_USER));
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_answer_suggestion(uuid, text, text, text, text) IS
    'Records that a person accepted or rejected a suggestion, and what they took instead; answers the feedback''s id. Example: SELECT sira_answer_suggestion(id, ''reject'', ''fuel'') FROM sira_suggestions ORDER BY created_at DESC LIMIT 1;';

-- One row a suggestion. The flags are numeric, NULL where there is no answer or no label yet, so that sum and avg count what can
-- be counted. Of several answers the last holds; what is true is the current label of the same question.
CREATE VIEW @extschema@.sira_suggestion_outcomes AS
    SELECT s.tenant_id, s.id AS suggestion_id, s.created_at AS suggested_at, s.entity_type, s.entity_id, s.label_name,
           s.mode AS suggestion_mode, s.source, s.model_id, s.model_version_id, s.candidates,
           @extschema@.sira_first_candidate(s.candidates) AS suggested, a.answered_at, l.label,
           CASE a.feedback_type WHEN 'accept' THEN 1 WHEN 'reject' THEN 0 END::numeric AS is_accepted,
           CASE WHEN l.label IS NOT NULL AND a.feedback_type IS NOT NULL THEN
               (a.feedback_type = 'accept' AND @extschema@.sira_first_candidate(s.candidates) = l.label)::integer END::numeric AS is_correct_accept,
           CASE WHEN l.label IS NOT NULL AND a.feedback_type IS NOT NULL THEN
               (a.feedback_type = 'reject' AND @extschema@.sira_first_candidate(s.candidates) <> l.label)::integer END::numeric AS is_correct_reject
    FROM @extschema@.sira_suggestions s
    LEFT JOIN (SELECT DISTINCT ON (f.tenant_id, f.suggestion_id) f.tenant_id, f.suggestion_id, f.feedback_type, f.created_at AS answered_at
               FROM @extschema@.sira_feedback f
               WHERE f.tenant_id = (SELECT @extschema@.sira_current_tenant()) AND f.suggestion_id IS NOT NULL
                 AND f.feedback_type IN ('accept', 'reject')
               ORDER BY f.tenant_id, f.suggestion_id, f.created_at DESC, f.id DESC) a
           ON a.tenant_id = s.tenant_id AND a.suggestion_id = s.id
    LEFT JOIN @extschema@.sira_current_labels l
           ON l.tenant_id = s.tenant_id AND l.entity_type = s.entity_type AND l.entity_id = s.entity_id AND l.label_name = s.label_name
    WHERE s.tenant_id = (SELECT @extschema@.sira_current_tenant());
COMMENT ON VIEW @extschema@.sira_suggestion_outcomes IS 'what came of each suggestion: answered how, and rightly so or not';

CREATE VIEW @extschema@.sira_suggestion_evaluation AS
    SELECT e.*, e.precision - max(e.precision) FILTER (WHERE e.suggestion_mode = 'heuristic')
                               OVER (PARTITION BY e.tenant_id, e.label_name) AS against_heuristic
    FROM (SELECT o.tenant_id, o.label_name, o.suggestion_mode, o.source, o.model_id, o.model_version_id,
                 count(*) AS suggestions, count(o.is_accepted) AS answered,
                 count(*) FILTER (WHERE o.is_accepted = 1) AS accepted, count(*) FILTER (WHERE o.is_accepted = 0) AS rejected,
                 count(*) FILTER (WHERE o.is_correct_accept = 1) AS correct_accepts,
                 count(*) FILTER (WHERE o.is_correct_reject = 1) AS correct_rejects,
                 count(*) FILTER (WHERE o.is_accepted = 1 AND o.label IS NOT NULL) AS judged_accepts,
                 avg(o.is_accepted)::double precision AS acceptance_rate,
                 (sum(o.is_correct_accept) / nullif(count(*) FILTER (WHERE o.is_accepted = 1 AND o.label IS NOT NULL), 0))::double precision AS precision
          FROM @extschema@.sira_suggestion_outcomes o
          GROUP BY o.tenant_id, o.label_name, o.suggestion_mode, o.source, o.model_id, o.model_version_id) e;
COMMENT ON VIEW @extschema@.sira_suggestion_evaluation IS 'suggestions by mode, source and version: accepted, rightly accepted and rejected, precision, and that against the best heuristic';

DO $views$
DECLARE
    shown text;
BEGIN
    FOREACH shown IN ARRAY ARRAY['sira_suggestion_outcomes', 'sira_suggestion_evaluation'] LOOP
        EXECUTE pg_catalog.format('ALTER VIEW @extschema@.%I SET (%s)', shown,
            CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
        EXECUTE pg_catalog.format('GRANT SELECT ON @extschema@.%I TO sira_admin', shown);
    END LOOP;
END
$views$;

COMMENT ON COLUMN @extschema@.sira_suggestions.label_name IS 'which question the candidates answer';

COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.suggestion_id IS 'the suggestion';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.suggested_at IS 'when it was made';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.entity_type IS 'what it is about';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.entity_id IS 'which one';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.label_name IS 'which question it answers';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.suggestion_mode IS 'heuristic or model';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.source IS 'rule or model';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.model_id IS 'the model, where one made it';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.model_version_id IS 'its version';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.candidates IS 'what was suggested, best first';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.suggested IS 'the first of them';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.answered_at IS 'when the last answer came';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.label IS 'what is true by the current label';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.is_accepted IS '1 accepted, 0 rejected, NULL unanswered';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.is_correct_accept IS '1 where the accepted suggestion is the label; NULL unanswered or without label';
COMMENT ON COLUMN @extschema@.sira_suggestion_outcomes.is_correct_reject IS '1 where the rejected suggestion is not the label; NULL unanswered or without label';

COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.label_name IS 'which question was answered';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.suggestion_mode IS 'heuristic or model';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.source IS 'rule or model';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.model_version_id IS 'its version';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.suggestions IS 'how many were made';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.answered IS 'how many a person answered';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.accepted IS 'how many were accepted';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.rejected IS 'how many were rejected';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.correct_accepts IS 'accepted and true';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.correct_rejects IS 'rejected and not true';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.judged_accepts IS 'accepted, with a label that says whether rightly';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.acceptance_rate IS 'accepted over answered';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.precision IS 'correct_accepts over judged_accepts';
COMMENT ON COLUMN @extschema@.sira_suggestion_evaluation.against_heuristic IS 'precision less that of the best heuristic for the same question';
