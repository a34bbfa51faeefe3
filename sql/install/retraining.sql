-- The loop: feedback becomes labels, labels become a candidate. What people said of a prediction is joined to what the model saw
-- when it made it, not to what there is to see today; and a label counts once it is old enough to be believed: that nobody has
-- complained yet says little about a payment of yesterday.

CREATE TABLE @extschema@.sira_retrainings (
    id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    champion_version_id uuid,
    champion_version integer,
    run_id uuid,
    version_id uuid,
    version integer,
    status text NOT NULL CHECK (status IN ('registered', 'gates_failed', 'too_few_labels')),
    source text NOT NULL CHECK (source IN ('query', 'feedback', 'both')),
    base_query text,
    query text,
    label text,
    as_of timestamptz NOT NULL,
    label_maturity interval NOT NULL,
    labels bigint NOT NULL,
    new_labels bigint NOT NULL,
    rows bigint,
    metrics jsonb,
    champion_metrics jsonb,
    findings jsonb,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    started_by text NOT NULL DEFAULT SESSION_USER,
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
CREATE INDEX sira_retrainings_model_idx ON @extschema@.sira_retrainings (tenant_id, model_id, started_at);
COMMENT ON TABLE @extschema@.sira_retrainings IS
    'each retraining: which labels it took, what challenger and champion showed on the same rows, what the gates said, and the candidate, if one was registered; append-only';
COMMENT ON COLUMN @extschema@.sira_retrainings.id IS 'identity of the retraining';
COMMENT ON COLUMN @extschema@.sira_retrainings.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_retrainings.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_retrainings.champion_version_id IS 'the version in production when it began';
COMMENT ON COLUMN @extschema@.sira_retrainings.champion_version IS 'its number';
COMMENT ON COLUMN @extschema@.sira_retrainings.run_id IS 'the training run; it stands in sira_training_runs where a candidate was registered';
COMMENT ON COLUMN @extschema@.sira_retrainings.version_id IS 'the candidate that was registered';
COMMENT ON COLUMN @extschema@.sira_retrainings.version IS 'its number';
COMMENT ON COLUMN @extschema@.sira_retrainings.status IS
    'registered, gates_failed (trained and not registered) or too_few_labels (not trained)';
COMMENT ON COLUMN @extschema@.sira_retrainings.source IS
    'query (the champion''s rows, read again), feedback (logged predictions that have a label) or both';
COMMENT ON COLUMN @extschema@.sira_retrainings.base_query IS 'the query that a later retraining begins with again';
COMMENT ON COLUMN @extschema@.sira_retrainings.query IS 'the query whose rows were trained on';
COMMENT ON COLUMN @extschema@.sira_retrainings.label IS 'its column that says what came true';
COMMENT ON COLUMN @extschema@.sira_retrainings.as_of IS 'the moment it was done for';
COMMENT ON COLUMN @extschema@.sira_retrainings.label_maturity IS 'how old a row had to be for its label to count';
COMMENT ON COLUMN @extschema@.sira_retrainings.labels IS 'logged predictions with a mature label';
COMMENT ON COLUMN @extschema@.sira_retrainings.new_labels IS 'those of them that no registered retraining had taken';
COMMENT ON COLUMN @extschema@.sira_retrainings.rows IS 'rows trained, validated and tested on';
COMMENT ON COLUMN @extschema@.sira_retrainings.metrics IS 'of the challenger, on its test part';
COMMENT ON COLUMN @extschema@.sira_retrainings.champion_metrics IS 'of the champion, on the rows that decided';
COMMENT ON COLUMN @extschema@.sira_retrainings.findings IS 'what the gates asked and found';
COMMENT ON COLUMN @extschema@.sira_retrainings.started_at IS 'when it began';
COMMENT ON COLUMN @extschema@.sira_retrainings.finished_at IS 'when it ended';
COMMENT ON COLUMN @extschema@.sira_retrainings.started_by IS 'who logged in and asked for it';

CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_retrainings
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();

-- What a person's feedback says is true: the answer to the named question, or the only thing it says.
CREATE FUNCTION @extschema@.sira_label_said(label jsonb, label_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE jsonb_typeof(label)
        WHEN 'object' THEN coalesce(label ->> label_name, label ->> 'label',
            (SELECT min(e.value) FROM jsonb_each_text(label) e HAVING count(*) = 1))
        WHEN 'array' THEN NULL
        ELSE label #>> '{}' END
$$;
COMMENT ON FUNCTION @extschema@.sira_label_said(jsonb, text) IS
    'What a piece of feedback says is true, as text: the value under the label''s name, under "label", the only one, or the scalar itself. Example: SELECT sira_label_said(''{"is_fraud": true}'', ''is_fraud'');';

CREATE FUNCTION @extschema@.sira_label_number(label text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN lower(label) IN ('true', 't', 'yes') THEN 1
                WHEN lower(label) IN ('false', 'f', 'no') THEN 0
                WHEN label ~ '^[-+]?([0-9]{1,99}(\.[0-9]{0,99})?|\.[0-9]{1,99})(e[-+]?[0-9]{1,2})?$' THEN label::double precision
           END
$$;
COMMENT ON FUNCTION @extschema@.sira_label_number(text) IS
    'A label as a number: true is 1, false is 0; NULL where it is neither that nor a number. Example: SELECT sira_label_number(''true'');';

-- What a binary version calls its two sides. A model that names none counts 0 and 1, which people call false and true.
CREATE FUNCTION @extschema@.sira_signature_sides(signature jsonb, OUT negative text, OUT positive text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN c.said = c.first THEN c.second ELSE c.first END, c.said
    FROM (SELECT coalesce(signature #>> '{classes,0}', 'false') AS first, coalesce(signature #>> '{classes,1}', 'true') AS second,
                 coalesce(signature ->> 'positive', signature #>> '{classes,1}', 'true') AS said) c
$$;
COMMENT ON FUNCTION @extschema@.sira_signature_sides(jsonb) IS
    'The negative and the positive class of a binary version, by its signature. Example: SELECT s.* FROM sira_model_versions v, sira_signature_sides(v.signature) s WHERE v.status = ''production'';';

-- A word binds as a label does in an evaluation: by the class's own name, as a number where classes are numbers, and true or
-- false (of classes that are words 1 and 0 too) says whether it is the positive one.
CREATE FUNCTION @extschema@.sira_label_class(label text, negative text, positive text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN label IN (negative, positive) THEN label
        WHEN ARRAY[n.no, n.yes] <@ '{0,1}' OR label ~ '[0-9]' AND (n.no IS NOT NULL OR n.yes IS NOT NULL) THEN
            CASE n.value WHEN n.yes THEN positive WHEN n.no THEN negative END
        ELSE CASE n.value WHEN 1 THEN positive WHEN 0 THEN negative END END
    FROM (SELECT @extschema@.sira_label_number(label) AS value, @extschema@.sira_label_number(negative) AS no,
                 @extschema@.sira_label_number(positive) AS yes) n
$$;
COMMENT ON FUNCTION @extschema@.sira_label_class(text, text, text) IS
    'The class of a binary version that a label means; NULL where it means neither. Example: SELECT sira_label_class(''true'', ''legit'', ''fraud'');';

-- One row a prediction, with the word that counts: a label or correction before an acceptance or refusal, the newest first; where
-- nobody spoke of the prediction, the label of its entity: of the event that the prediction was about, where the label names one;
-- the asked question before "label", and human over rule over import. Who accepts a prediction says that its side of the
-- threshold was right, who rejects it that the other one was: of the threshold that it was made under, whatever it is moved to
-- later. Of several classes a refusal does not say which is right. A binary label bears the name that the version has for the
-- class, and its number is 1 or 0; what is neither of the two classes has none.
CREATE FUNCTION @extschema@.sira_labelled_predictions(
    model text, as_of timestamptz DEFAULT now(), label_maturity interval DEFAULT NULL, label_name text DEFAULT NULL,
    since timestamptz DEFAULT NULL, as_known boolean DEFAULT true)
RETURNS TABLE (prediction_id uuid, version integer, entity_type text, entity_id text, predicted_at timestamptz,
    score double precision, predicted_class text, decision text, features jsonb, label text, label_value double precision,
    label_from text, said_by text, known_at timestamptz, used_in_retraining boolean, feedback_id uuid)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    judged @extschema@.sira_models :=
        @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_labelled_predictions.model)).name);
    tenant text := @extschema@.sira_current_tenant();
    mature_at timestamptz := sira_labelled_predictions.as_of - coalesce(sira_labelled_predictions.label_maturity, judged.label_maturity);
    -- What was said later than the moment that is asked for does not count, unless the caller plays a past that nobody labelled.
    said_until timestamptz := CASE WHEN as_known IS FALSE THEN 'infinity' ELSE sira_labelled_predictions.as_of END;
    asked text := coalesce(sira_labelled_predictions.label_name, (
        SELECT r.label FROM @extschema@.sira_training_runs r
        WHERE r.tenant_id = judged.tenant_id AND r.model_id = judged.id AND r.status = 'completed' AND r.label IS NOT NULL
        ORDER BY r.started_at DESC LIMIT 1), 'label');
BEGIN
    RETURN QUERY
    WITH voices AS (
        SELECT DISTINCT ON (f.prediction_id) f.id AS feedback_id, f.prediction_id, f.prediction_created_at, f.feedback_type, f.label,
               f.reviewer_id, f.created_at, f.used_in_retraining AS used
        FROM @extschema@.sira_feedback f
        WHERE f.tenant_id = tenant AND f.model_id = judged.id AND f.prediction_id IS NOT NULL AND f.target = 'prediction'
          AND f.status <> 'dismissed' AND f.feedback_type IN ('label', 'correction', 'accept', 'reject') AND f.created_at <= said_until
        ORDER BY f.prediction_id, f.feedback_type IN ('label', 'correction') DESC, f.created_at DESC,
                 f.feedback_type = 'correction' DESC, f.id DESC
    ), current AS (
        SELECT DISTINCT ON (l.entity_type, l.entity_id, l.label_name, l.source) l.*
        FROM @extschema@.sira_labels l
        WHERE l.tenant_id = tenant AND l.label_name IN (asked, 'label') AND l.known_at <= least(said_until, now())
        ORDER BY l.entity_type, l.entity_id, l.label_name, l.source, l.known_at DESC, l.recorded_at DESC, l.id DESC
    ), said AS (
        SELECT v.prediction_id, v.prediction_created_at AS created_at, 0 AS rank, v.feedback_type, v.label AS words, NULL::text AS word,
               'feedback: ' || v.feedback_type AS label_from, v.reviewer_id AS said_by, v.created_at AS known_at, v.used, v.feedback_id
        FROM voices v
        UNION ALL
        SELECT p.id, p.created_at, CASE WHEN l.label_name = asked THEN 1 ELSE 5 END + array_position('{human,rule,import}', l.source),
               NULL, NULL, coalesce(l.label, l.label_value::text), 'label: ' || l.source, l.labelled_by, l.known_at, false, NULL
        FROM current l
        JOIN @extschema@.sira_predictions p
          ON p.tenant_id = l.tenant_id AND p.entity_id = l.entity_id AND p.entity_type = l.entity_type
         AND (l.event_ts IS NULL OR l.event_ts IN (p.created_at, p.as_of))
        WHERE p.model_id = judged.id AND (l.label IS NOT NULL OR l.label_value IS NOT NULL)
          AND NOT EXISTS (SELECT FROM voices v WHERE v.prediction_id = p.id)
    ), policies AS (
        SELECT p.id, p.created_at, p.version, p.threshold FROM @extschema@.sira_decision_policies p
        WHERE p.tenant_id = judged.tenant_id AND p.model_id = judged.id
    ), versions AS MATERIALIZED (
        SELECT v.id, v.version, c.negative, c.positive
        FROM @extschema@.sira_model_versions v, @extschema@.sira_signature_sides(v.signature) c
        WHERE v.tenant_id = judged.tenant_id AND v.model_id = judged.id
    ), spoken AS (
        SELECT DISTINCT ON (p.id) p.id, v.version, v.negative, v.positive, p.entity_type, p.entity_id,
               coalesce(p.as_of, p.created_at) AS predicted_at, p.score, p.predicted_class, p.decision, p.input_features,
               CASE WHEN s.rank > 0 THEN s.word
                    WHEN s.feedback_type IN ('label', 'correction') THEN @extschema@.sira_label_said(s.words, asked)
                    -- A prediction that somebody else logged names no policy: what stood there then counts.
                    WHEN judged.task = 'binary' THEN CASE (p.score >= coalesce(CASE
                            WHEN p.policy_id IS NOT NULL OR p.source = 'sira' THEN (SELECT y.threshold FROM policies y WHERE y.id = p.policy_id)
                            ELSE (SELECT y.threshold FROM policies y WHERE y.created_at <= p.created_at ORDER BY y.version DESC LIMIT 1) END, 0.7))
                        = (s.feedback_type = 'accept') WHEN true THEN v.positive WHEN false THEN v.negative END
                    WHEN judged.task = 'multiclass' AND s.feedback_type = 'accept' THEN p.predicted_class END AS label,
               s.label_from, s.said_by, s.known_at, s.used, s.feedback_id
        FROM said s
        JOIN @extschema@.sira_predictions p ON p.id = s.prediction_id AND p.created_at = s.created_at
        JOIN versions v ON v.id = p.model_version_id
        WHERE p.tenant_id = tenant AND p.erased_at IS NULL AND NOT p.fallback
        ORDER BY p.id, s.rank
    ), named AS (
        SELECT s.*, CASE WHEN judged.task <> 'binary' OR s.label IN (s.negative, s.positive) THEN s.label
                         ELSE coalesce(@extschema@.sira_label_class(s.label, s.negative, s.positive), s.label) END AS name
        FROM spoken s
        WHERE s.label IS NOT NULL AND s.predicted_at <= mature_at
          AND (sira_labelled_predictions.since IS NULL OR s.predicted_at >= sira_labelled_predictions.since)
    )
    SELECT s.id, s.version, s.entity_type, s.entity_id, s.predicted_at, s.score, s.predicted_class, s.decision, s.input_features, s.name,
           CASE WHEN judged.task <> 'binary' THEN @extschema@.sira_label_number(s.name)
                WHEN s.name = s.positive THEN 1 WHEN s.name = s.negative THEN 0 END,
           s.label_from, s.said_by, s.known_at,
           -- A label is no feedback that could be marked: it was used if a retraining took what was known when it began.
           CASE WHEN s.feedback_id IS NOT NULL THEN s.used ELSE EXISTS (
               SELECT 1 FROM @extschema@.sira_retrainings t
               WHERE t.model_id = judged.id AND t.status = 'registered' AND t.source <> 'query'
                 AND t.as_of - t.label_maturity >= s.predicted_at AND t.started_at >= s.known_at) END,
           s.feedback_id
    FROM named s;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_labelled_predictions(text, timestamptz, interval, text, timestamptz, boolean) IS
    'Logged predictions whose truth is known and old enough, each beside what the model saw; label_maturity is the model''s unless given; as_known => false also takes what was said after as_of. Example: SELECT label, count(*) FROM sira_labelled_predictions(''fraud'', label_maturity => ''7 days'') GROUP BY label;';

-- The columns of a query, by asking one row of it: names in order, and types. The query is read under the caller's search_path,
-- everything of ours under a pinned one, so that no operator of somebody else's comes in between.
CREATE FUNCTION @extschema@.sira_query_columns(query text, caller_path text, OUT names text[], OUT types text[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own CONSTANT text := current_setting('search_path');
    sample record;
    asked text := format(E'SELECT * FROM (%s\n) AS q LIMIT 1', query);
BEGIN
    PERFORM set_config('search_path', caller_path, true);
    EXECUTE asked INTO sample;
    PERFORM pg_catalog.set_config('search_path', own, true);
    names := ARRAY(SELECT k FROM json_object_keys(row_to_json(sample)) k);
    IF cardinality(names) = 0 THEN
        RETURN;
    END IF;
    asked := format(E'SELECT ARRAY[%s] FROM (%s\n) AS q LIMIT 1',
        (SELECT string_agg(format('pg_catalog.pg_typeof(q.%I)::pg_catalog.text', n), ', ' ORDER BY i)
         FROM unnest(names) WITH ORDINALITY AS c (n, i)), query);
    PERFORM set_config('search_path', caller_path, true);
    EXECUTE asked INTO types;
    PERFORM pg_catalog.set_config('search_path', own, true);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_query_columns(text, text) IS
    'Names and types of the columns of a query that has at least one row, read under a search_path. Example: SELECT * FROM sira_query_columns(''SELECT 1 AS a, now() AS b'', ''public'');';

-- A label from feedback in the type that the query's own label has; what cannot be read as that is no label. Of a binary model
-- it is one of the champion's two classes, whatever the version that was spoken of called them: a third would be one too many.
CREATE FUNCTION @extschema@.sira_label_expression(type text, signature jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN type = 'boolean' THEN 'CASE l.label_value WHEN 1::pg_catalog.float8 THEN true WHEN 0::pg_catalog.float8 THEN false END'
        WHEN signature ->> 'task' = 'binary' AND c.is_number THEN format(
            'CASE l.label_value WHEN 1::pg_catalog.float8 THEN %1$L::%3$s WHEN 0::pg_catalog.float8 THEN %2$L::%3$s END',
            coalesce(@extschema@.sira_label_number(s.positive), 1), coalesce(@extschema@.sira_label_number(s.negative), 0), type)
        WHEN signature ->> 'task' = 'binary' AND signature -> 'classes' -> 0 IS NOT NULL THEN format(
            'CASE l.label_value WHEN 1::pg_catalog.float8 THEN %1$L::%3$s WHEN 0::pg_catalog.float8 THEN %2$L::%3$s END',
            s.positive, s.negative, type)
        WHEN c.is_number THEN format('l.label_value::%s', type)
        ELSE format('l.label::%s', type) END
    FROM @extschema@.sira_signature_sides(signature) s,
         (SELECT type IN ('smallint', 'integer', 'bigint', 'real', 'double precision', 'numeric') AS is_number) c
$$;
COMMENT ON FUNCTION @extschema@.sira_label_expression(text, jsonb) IS
    'How a labelled prediction''s label is read as a type, for a champion with this signature. Example: SELECT sira_label_expression(''boolean'', ''{"task": "binary"}'');';

-- What the model saw, in the type of the query's column. Numbers stay what they were: beside an integer column they make both
-- double precision.
CREATE FUNCTION @extschema@.sira_seen_expression(feature text, type text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('pg_catalog.jsonb_extract_path_text(l.features, %L)::%s', feature,
                  CASE WHEN type IN ('smallint', 'integer', 'bigint', 'real', 'numeric') THEN 'double precision' ELSE type END)
$$;
COMMENT ON FUNCTION @extschema@.sira_seen_expression(text, text) IS
    'How a labelled prediction''s feature is read as a type. Example: SELECT sira_seen_expression(''amount'', ''integer'');';

-- The rows to train on. Where the query has a column of entity ids, labels are put into its rows; else the logged predictions
-- are rows beside its own, made of what the model saw. A row of the query that shows the same at the same moment is what such a
-- prediction was made of: it would be there twice, once with a label that nobody believes any more, and is left out. Where that
-- cannot be told, a warning says so.
CREATE FUNCTION @extschema@.sira_retraining_query(
    model text, base_query text, label text, time_column text, weight text, entity_column text, signature jsonb, source text,
    as_of timestamptz, label_maturity interval, as_known boolean, caller_path text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own CONSTANT text := current_setting('search_path');
    described record;
    labelled text := format('@extschema@.sira_labelled_predictions(%L, %L::pg_catalog.timestamptz, %L::pg_catalog.interval, %L, as_known => %L)',
                            model, as_of, label_maturity, label, as_known);
    mature text := CASE WHEN time_column IS NULL THEN ''
        ELSE format(' WHERE q.%I <= %L::pg_catalog.timestamptz', time_column, as_of - label_maturity) END;
    seen text[] := ARRAY(SELECT f ->> 'name' FROM jsonb_array_elements(signature -> 'features') f);
    columns text;
    question text;
    repeated text;
    same text;
    doubtful bigint;
BEGIN
    IF source = 'feedback' AND base_query IS NULL THEN
        RETURN format('SELECT l.predicted_at, %s, %s AS %I FROM %s AS l',
            (SELECT string_agg(format('%s AS %I', @extschema@.sira_seen_expression(f ->> 'name',
                        CASE f ->> 'kind' WHEN 'boolean' THEN 'boolean' WHEN 'text' THEN 'text' WHEN 'date' THEN 'date'
                                          WHEN 'timestamp' THEN 'timestamptz' ELSE 'double precision' END), f ->> 'name'), ', ' ORDER BY i)
             FROM jsonb_array_elements(signature -> 'features') WITH ORDINALITY AS s (f, i)),
            @extschema@.sira_label_expression('text', signature), label, labelled);
    END IF;
    SELECT * INTO described FROM @extschema@.sira_query_columns(base_query, caller_path);
    IF described.types IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = 'the query returns no rows',
            HINT = 'Run the query alone, and widen its WHERE.';
    END IF;
    IF label <> ALL (described.names) OR time_column <> ALL (described.names) OR entity_column <> ALL (described.names) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column',
            MESSAGE = format('the query has no column "%s"',
                CASE WHEN label <> ALL (described.names) THEN label
                     WHEN time_column <> ALL (described.names) THEN time_column ELSE entity_column END),
            DETAIL = format('It has %s.', array_to_string(described.names, ', ')),
            HINT = 'Name label, time_column and entity_column as the query calls them.';
    END IF;
    IF source = 'query' THEN
        RETURN format(E'SELECT q.* FROM (%s\n) AS q%s', base_query, mature);
    END IF;
    IF entity_column IS NOT NULL THEN
        -- A label is one row's: of an entity that has several nobody could say which.
        question := format(E'SELECT q.%1$I::pg_catalog.text FROM (%2$s\n) AS q GROUP BY q.%1$I HAVING pg_catalog.count(*) > 1 LIMIT 1',
                           entity_column, base_query);
        PERFORM set_config('search_path', caller_path, true);
        EXECUTE question INTO repeated;
        PERFORM pg_catalog.set_config('search_path', own, true);
        IF repeated IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'cardinality_violation',
                MESSAGE = format('entity "%s" has several rows in the query', repeated),
                DETAIL = format('Labels are put into rows by "%s".', entity_column),
                HINT = 'Give a column with one row an entity as entity_column, or none: then labelled predictions are added as rows.';
        END IF;
        columns := (SELECT string_agg(CASE
                WHEN n <> label THEN format('q.%I', n)
                ELSE format('CASE WHEN l.prediction_id IS NULL THEN q.%1$I ELSE %2$s END AS %1$I', n,
                            @extschema@.sira_label_expression(t, signature)) END, ', ' ORDER BY i)
            FROM ROWS FROM (unnest(described.names), unnest(described.types)) WITH ORDINALITY AS c (n, t, i));
        RETURN format(
            E'SELECT %s FROM (%s\n) AS q %s JOIN (SELECT DISTINCT ON (p.entity_id) p.* FROM %s AS p'
            ' ORDER BY p.entity_id, p.predicted_at DESC, p.prediction_id) AS l ON l.entity_id = q.%I::pg_catalog.text%s',
            columns, base_query, CASE source WHEN 'feedback' THEN '' ELSE 'LEFT' END, labelled, entity_column, mature);
    END IF;
    columns := (SELECT string_agg(format('%s AS %I', CASE
            WHEN n = label THEN @extschema@.sira_label_expression(t, signature)
            WHEN n = time_column THEN format('l.predicted_at::%s', t)
            WHEN n = weight THEN format('@extschema@.sira_label_weight(''human'')::%s', t)
            WHEN n = 'label_source' THEN format('''human''::%s', t)
            WHEN n = ANY (seen) THEN @extschema@.sira_seen_expression(n, t)
            ELSE format('NULL::%s', t) END, n), ', ' ORDER BY i)
        FROM ROWS FROM (unnest(described.names), unnest(described.types)) WITH ORDINALITY AS c (n, t, i));
    IF source = 'feedback' THEN
        RETURN format('SELECT %s FROM %s AS l', columns, labelled);
    END IF;
    -- NULL without a time or a feature in the query.
    same := (SELECT format('l.predicted_at::%s = q.%I AND ', min(t) FILTER (WHERE n = time_column), time_column)
                 || string_agg(format('q.%I::%s IS NOT DISTINCT FROM %s', n,
                        CASE WHEN t IN ('smallint', 'integer', 'bigint', 'real', 'numeric') THEN 'double precision' ELSE t END,
                        @extschema@.sira_seen_expression(n, t)), ' AND ' ORDER BY i) FILTER (WHERE n = ANY (seen) AND n <> time_column)
             FROM ROWS FROM (unnest(described.names), unnest(described.types)) WITH ORDINALITY AS c (n, t, i)
             WHERE time_column IS NOT NULL);
    question := CASE WHEN same IS NULL THEN format('SELECT pg_catalog.count(*) FROM %s AS l', labelled)
        ELSE format(E'WITH "sira labelled" AS MATERIALIZED (SELECT l.* FROM %1$s AS l), "sira rows" AS MATERIALIZED (SELECT q.* FROM (%2$s\n) AS q'
                    ' WHERE q.%3$I IS NOT NULL AND q.%4$I >= (SELECT pg_catalog.min(l.predicted_at) FROM "sira labelled" AS l))'
                    ' SELECT pg_catalog.count(*) FROM "sira labelled" AS l WHERE l.predicted_at <= (SELECT pg_catalog.max(q.%4$I) FROM "sira rows" AS q)'
                    ' AND NOT EXISTS (SELECT 1 FROM "sira rows" AS q WHERE %5$s)', labelled, base_query, label, time_column, same) END;
    PERFORM set_config('search_path', caller_path, true);
    EXECUTE question INTO doubtful;
    PERFORM pg_catalog.set_config('search_path', own, true);
    IF doubtful > 0 THEN
        RAISE WARNING USING MESSAGE = format('%s labelled predictions may stand in the query too, and be trained on twice', doubtful),
            DETAIL = CASE WHEN same IS NULL THEN 'Without a time column nobody can tell.'
                ELSE 'The query has labelled rows of their time, and none that shows what they saw at their moment.' END,
            HINT = 'Give a query with the entities'' ids, and their column as entity_column; or leave what was predicted out of it.';
    END IF;
    RETURN format(E'WITH "sira labelled" AS MATERIALIZED (SELECT l.* FROM %s AS l) SELECT q.* FROM (%s\n) AS q%s'
                  ' UNION ALL SELECT %s FROM "sira labelled" AS l', labelled, base_query,
                  mature || CASE WHEN same IS NULL THEN '' ELSE format(' AND NOT EXISTS (SELECT 1 FROM "sira labelled" AS l WHERE %s)', same) END,
                  columns);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_retraining_query(text, text, text, text, text, text, jsonb, text, timestamptz, interval, boolean, text) IS
    'The query that a retraining trains on. Example: SELECT sira_retraining_query(''fraud'', ''TABLE payments'', ''is_fraud'', ''paid_at'', NULL, ''id'', ''{"features": []}'', ''both'', now(), ''7 days'', true, ''public'');';

-- A challenger that had learned from the rows that judge it would win by heart. What the holdout has is left out of training: by
-- entity where both queries name it; else by content, as often as the holdout has it. Of rows that are alike any may go, for they
-- teach the same.
CREATE FUNCTION @extschema@.sira_apart_from_holdout(
    training text, holdout text, label text, time_column text, entity_column text, signature jsonb, feature_set text, caller_path text)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    described record;
    judging record;
    sides record;
    keys text[];
    columns text;
BEGIN
    SELECT * INTO judging FROM @extschema@.sira_query_columns(holdout, caller_path);
    -- Whoever reads a query without rows says so.
    IF judging.types IS NULL THEN
        RETURN training;
    END IF;
    IF entity_column = ANY (judging.names) THEN
        RETURN format(E'SELECT q.* FROM (%1$s\n) AS q WHERE NOT EXISTS (SELECT 1 FROM (%2$s\n) AS h'
                      ' WHERE h.%3$I::pg_catalog.text = q.%3$I::pg_catalog.text)', training, holdout, entity_column);
    END IF;
    IF feature_set IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_column', MESSAGE = format('the holdout has no column "%s"', entity_column),
            DETAIL = format('It has %s.', array_to_string(judging.names, ', ')),
            HINT = 'Select the entities'' ids too: rows that judge are left out of training by them.';
    END IF;
    SELECT * INTO described FROM @extschema@.sira_query_columns(training, caller_path);
    sides := @extschema@.sira_signature_sides(signature);
    keys := ARRAY(SELECT CASE
            WHEN c.n = label AND signature ->> 'task' = 'binary' THEN format(
                'CASE %%1$s.%1$I::pg_catalog.text WHEN %2$L THEN ''1'' WHEN %3$L THEN ''0'' WHEN ''true'' THEN ''1'' WHEN ''false'' THEN ''0'' '
                'ELSE %%1$s.%1$I::pg_catalog.text END', replace(c.n, '%', '%%'), replace(sides.positive, '%', '%%'), replace(sides.negative, '%', '%%'))
            ELSE format('%%1$s.%I::%s', replace(c.n, '%', '%%'), CASE
                WHEN ARRAY[c.t, j.t] <@ '{smallint,integer,bigint,real,numeric,double precision}' THEN 'pg_catalog.float8'
                WHEN ARRAY[c.t, j.t] <@ '{date,timestamp without time zone,timestamp with time zone}' THEN 'pg_catalog.timestamptz'
                ELSE 'pg_catalog.text' END) END
        FROM ROWS FROM (unnest(described.names), unnest(described.types)) WITH ORDINALITY AS c (n, t, i)
        JOIN ROWS FROM (unnest(judging.names), unnest(judging.types)) AS j (n, t) ON j.n = c.n
        WHERE c.n IN (label, time_column) OR EXISTS (
            SELECT 1 FROM jsonb_array_elements(signature -> 'features') f WHERE f ->> 'name' = c.n)
        ORDER BY c.i);
    IF cardinality(keys) = 0 THEN
        RETURN training;
    END IF;
    columns := (SELECT string_agg(format('t.%I', n), ', ' ORDER BY i) FROM unnest(described.names) WITH ORDINALITY AS c (n, i));
    RETURN format(
        E'SELECT %1$s FROM (SELECT q.*, pg_catalog.row_number() OVER (PARTITION BY q."sira key" ORDER BY %5$s(q.*)::pg_catalog.text) AS "sira copy"'
        ' FROM (SELECT q.*, pg_catalog.md5(ROW(%3$s)::pg_catalog.text) AS "sira key" FROM (%2$s\n) AS q) AS q) AS t'
        ' LEFT JOIN (SELECT k."sira key", pg_catalog.count(*) AS copies'
        ' FROM (SELECT pg_catalog.md5(ROW(%4$s)::pg_catalog.text) AS "sira key" FROM (%6$s\n) AS h) AS k GROUP BY k."sira key") AS j'
        ' ON j."sira key" = t."sira key" WHERE j.copies IS NULL OR t."sira copy" > j.copies',
        columns, training, format(array_to_string(keys, ', '), 'q'), format(array_to_string(keys, ', '), 'h'),
        CASE WHEN time_column IS NULL THEN '' ELSE format('q.%I, ', time_column) END, holdout);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_apart_from_holdout(text, text, text, text, text, jsonb, text, text) IS
    'A training query without the rows that a holdout has: by entity where both have its column, else by content (features, label, and time where the holdout has it), as often as the holdout has it. Example: SELECT sira_apart_from_holdout(''TABLE payments'', ''TABLE judged'', ''is_fraud'', ''paid_at'', ''id'', ''{"features": []}'', NULL, ''public'');';

-- What the champion was made from, where a retraining goes on from there.
CREATE FUNCTION @extschema@.sira_retraining_base(
    model text, OUT model_id uuid, OUT tenant_id text, OUT model_name text, OUT task text, OUT label_maturity interval,
    OUT champion_id uuid, OUT champion integer, OUT signature jsonb, OUT run @extschema@.sira_training_runs, OUT query text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    judged @extschema@.sira_models := @extschema@.sira_find_model((@extschema@.sira_parse_model(model)).name);
    live @extschema@.sira_model_versions;
BEGIN
    SELECT v.* INTO live FROM @extschema@.sira_model_versions v
    WHERE v.tenant_id = judged.tenant_id AND v.model_id = judged.id AND v.status = 'production';
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('model "%s" has no version in production to retrain', judged.name),
            HINT = format('SELECT * FROM sira_train(%L, ...); and SELECT * FROM sira_promote(%1$L);', judged.name);
    END IF;
    SELECT r.* INTO run FROM @extschema@.sira_training_runs r
    WHERE r.tenant_id = live.tenant_id AND r.id = live.training_run_id;
    model_id := judged.id;
    tenant_id := judged.tenant_id;
    model_name := judged.name;
    task := judged.task;
    label_maturity := judged.label_maturity;
    champion_id := live.id;
    champion := live.version;
    signature := live.signature;
    -- What a retraining made of the query is not what the next one begins with. The word of whoever ran it counts, nobody else's.
    query := coalesce((SELECT t.base_query FROM @extschema@.sira_retrainings t
                       WHERE t.tenant_id = live.tenant_id AND t.run_id = live.training_run_id AND t.started_by = run.started_by
                       ORDER BY t.started_at LIMIT 1), run.query);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_retraining_base(text) IS
    'The champion of a model, its run, and the query that run began with. Example: SELECT champion, query FROM sira_retraining_base(''fraud'');';

-- A challenger that does not pass leaves nothing but the row that says so: version, artifact and run go with the subtransaction.
-- The caller's query runs under the caller's search_path, and nothing else does.
CREATE FUNCTION @extschema@.sira_retrain_under(
    caller_path text, model text, source text, query text, label text, entity_column text, as_of timestamptz, label_maturity interval,
    min_labels bigint, holdout text, params jsonb, split jsonb, embargo interval, seed bigint, notes text, as_known boolean,
    OUT retraining_id uuid, OUT status text, OUT version integer, OUT run_id uuid, OUT labels bigint, OUT new_labels bigint,
    OUT rows bigint, OUT metrics jsonb, OUT champion_metrics jsonb, OUT findings jsonb, OUT seconds double precision)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    own CONSTANT text := current_setting('search_path');
    began CONSTANT timestamptz := clock_timestamp();
    base record;
    run @extschema@.sira_training_runs;
    own_query text;
    wanted_label text;
    maturity interval;
    entity text;
    time_column text;
    weight text;
    left_out text[];
    how_split jsonb;
    positive text;
    taken uuid[];
    built text;
    judging text;
    trained record;
    challenger text;
    registered uuid;
BEGIN
    IF source IS NULL OR source NOT IN ('query', 'feedback', 'both') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('source "%s" is not known', coalesce(source, 'NULL')),
            HINT = 'Choose one of query, feedback, both.';
    END IF;
    SELECT * INTO base FROM @extschema@.sira_retraining_base(sira_retrain_under.model);
    run := base.run;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('sira retrain ' || base.model_id::text, 0)) THEN
        RAISE EXCEPTION USING ERRCODE = 'object_in_use',
            MESSAGE = format('model "%s" is being retrained by another session', base.model_name), HINT = 'Wait for it.';
    END IF;
    own_query := rtrim(coalesce(sira_retrain_under.query, base.query), E'; \n\t');
    wanted_label := coalesce(sira_retrain_under.label, run.label);
    IF wanted_label IS NULL OR (own_query IS NULL AND source <> 'feedback') THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = format('version %s of model "%s" was not trained here', base.champion, base.model_name),
            DETAIL = 'There is no query to read again.',
            HINT = 'Give query and label, or source => ''feedback'' and label.';
    END IF;
    -- What somebody else wrote would do their will with the rights of whoever retrains.
    IF sira_retrain_under.query IS NULL AND own_query IS NOT NULL AND run.started_by <> SESSION_USER AND NOT EXISTS (
        SELECT 1 FROM pg_roles r WHERE r.rolname = run.started_by AND r.rolsuper)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('the query of version %s was written by "%s"', base.champion, run.started_by),
            DETAIL = 'What it calls would run with your rights.',
            HINT = 'Read it (SELECT query FROM sira_training_runs ...), and give it as query; or log in as that role.';
    END IF;
    maturity := coalesce(sira_retrain_under.label_maturity, base.label_maturity);
    entity := coalesce(sira_retrain_under.entity_column, CASE WHEN run.feature_set IS NOT NULL THEN 'entity_id' END);
    time_column := CASE WHEN source = 'feedback' AND own_query IS NULL THEN 'predicted_at'
                        ELSE coalesce(run.options ->> 'time_column', CASE WHEN run.feature_set IS NOT NULL THEN 'as_of' END) END;
    weight := run.options ->> 'weight';

    SELECT count(*), count(*) FILTER (WHERE NOT l.used_in_retraining),
           array_agg(l.feedback_id) FILTER (WHERE l.feedback_id IS NOT NULL AND source <> 'query')
    INTO labels, new_labels, taken
    FROM @extschema@.sira_labelled_predictions(base.model_name, sira_retrain_under.as_of, maturity, wanted_label,
                                               as_known => sira_retrain_under.as_known) l;
    retraining_id := gen_random_uuid();
    status := CASE WHEN new_labels < coalesce(min_labels, 1) THEN 'too_few_labels' ELSE 'registered' END;
    IF status = 'registered' THEN
        built := @extschema@.sira_retraining_query(base.model_name, own_query, wanted_label, time_column, weight, entity, base.signature,
            source, sira_retrain_under.as_of, maturity, sira_retrain_under.as_known, caller_path);
        judging := rtrim(holdout, E'; \n\t');
        IF judging IS NOT NULL THEN
            built := @extschema@.sira_apart_from_holdout(built, judging, wanted_label, time_column,
                CASE WHEN own_query IS NOT NULL THEN entity END, base.signature, run.feature_set, caller_path);
        END IF;
        left_out := ARRAY(SELECT e FROM jsonb_array_elements_text(run.options -> 'exclude') e WHERE own_query IS NOT NULL);
        IF entity IS NOT NULL AND own_query IS NOT NULL AND run.feature_set IS NULL AND entity <> ALL (left_out) THEN
            left_out := left_out || entity;
        END IF;
        -- What the run left out need not be in another query.
        IF sira_retrain_under.query IS NOT NULL THEN
            left_out := ARRAY(SELECT e FROM unnest(left_out) e, @extschema@.sira_query_columns(own_query, caller_path) c WHERE e = ANY (c.names));
        END IF;
        -- Labels that are words would else make the rarer one positive, which with labels from feedback may be another one.
        positive := coalesce(run.options ->> 'positive', (
            SELECT s.positive FROM @extschema@.sira_signature_sides(base.signature) s
            WHERE base.task = 'binary' AND (own_query IS NULL OR wanted_label = run.label AND NOT coalesce(
                ARRAY[@extschema@.sira_label_number(s.negative), @extschema@.sira_label_number(s.positive)] <@ '{0,1}', false))));
        how_split := coalesce(sira_retrain_under.split,
            CASE WHEN run.split ?| '{validation_from,test_from}'::text[] THEN NULL ELSE run.split END,
            CASE WHEN time_column IS NULL THEN '{"method": "random"}' ELSE '{"method": "time"}' END::jsonb);
        notes := coalesce(sira_retrain_under.notes, format('retraining of version %s', base.champion));
        params := coalesce(sira_retrain_under.params, run.params, '{}');
        embargo := coalesce(sira_retrain_under.embargo, run.embargo, '0');
        seed := coalesce(sira_retrain_under.seed, run.seed, 42);
        BEGIN
            PERFORM set_config('search_path', caller_path, true);
            SELECT t.* INTO trained FROM @extschema@.sira_train(base.model_name, built, wanted_label,
                time_column, weight, left_out, group_column => run.options ->> 'group_column', positive => positive,
                params => params, split => how_split, embargo => embargo, seed => seed, feature_set => run.feature_set, notes => notes,
                calibration => run.options #>> '{calibration,method}') t;
            PERFORM pg_catalog.set_config('search_path', own, true);
            run_id := trained.run_id;
            version := trained.version;
            metrics := trained.metrics;
            rows := trained.rows_train + trained.rows_validation + trained.rows_test;
            challenger := format('%s/%s', base.model_name, version);
            IF holdout IS NOT NULL THEN
                PERFORM set_config('search_path', caller_path, true);
                PERFORM @extschema@.sira_compare_versions(pg_catalog.format('%s/%s', base.model_name, base.champion), challenger,
                                                          holdout, wanted_label, weight);
                PERFORM pg_catalog.set_config('search_path', own, true);
            END IF;
            SELECT v.id INTO registered FROM @extschema@.sira_model_versions v
            WHERE v.tenant_id = base.tenant_id AND v.model_id = base.model_id AND v.version = trained.version;
            SELECT c.metrics INTO champion_metrics
            FROM @extschema@.sira_evaluations e
            JOIN @extschema@.sira_evaluations c ON c.tenant_id = e.tenant_id AND c.model_id = e.model_id AND c.data_digest = e.data_digest
            WHERE e.tenant_id = base.tenant_id AND e.model_version_id = registered AND c.model_version_id = base.champion_id
            ORDER BY c.evaluated_at DESC LIMIT 1;
            -- Signatures come after: nobody can sign what is not registered.
            SELECT jsonb_agg(to_jsonb(g)) INTO findings
            FROM @extschema@.sira_check_gates(challenger) g WHERE g.gate <> 'signatures';
            IF EXISTS (SELECT 1 FROM jsonb_array_elements(findings) f WHERE NOT (f ->> 'passed')::boolean) THEN
                RAISE EXCEPTION USING ERRCODE = 'SIRA0', MESSAGE = 'the gates were not passed';
            END IF;
        EXCEPTION WHEN SQLSTATE 'SIRA0' THEN
            status := 'gates_failed';
            version := NULL;
            registered := NULL;
        END;
    END IF;
    IF status = 'registered' THEN
        -- Exactly what was there when it began: what was said meanwhile is for the next one.
        UPDATE @extschema@.sira_feedback f
        SET used_in_retraining = true, used_in_run = sira_retrain_under.run_id
        FROM unnest(taken) AS t (id)
        WHERE f.id = t.id AND f.model_id = base.model_id AND NOT f.used_in_retraining;
    END IF;
    INSERT INTO @extschema@.sira_retrainings (id, tenant_id, model_id, champion_version_id, champion_version, run_id, version_id, version,
        status, source, base_query, query, label, as_of, label_maturity, labels, new_labels, rows, metrics, champion_metrics, findings,
        started_at)
    VALUES (retraining_id, base.tenant_id, base.model_id, base.champion_id, base.champion, run_id, registered, version, status, source,
        own_query, built, wanted_label, sira_retrain_under.as_of, maturity, labels, new_labels, rows, metrics, champion_metrics, findings,
        began);
    IF status = 'registered' AND @extschema@.sira_gate_setting('auto_promote') = 'on' THEN
        PERFORM @extschema@.sira_auto_promote(base.model_name, version);
    END IF;
    seconds := date_part('epoch', clock_timestamp() - began);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_retrain_under(text, text, text, text, text, text, timestamptz, interval, bigint, text, jsonb, jsonb, interval, bigint, text, boolean) IS
    'sira_retrain with the search_path under which queries are read. Example: SELECT * FROM sira_retrain_under(''public'', ''fraud'', ''both'', NULL, NULL, NULL, now(), ''7 days'', 1, NULL, NULL, NULL, NULL, NULL, NULL, true);';

-- Without a search_path of its own, for it hands on the caller's: nothing is resolved here but what is named with its schema.
CREATE FUNCTION @extschema@.sira_retrain(
    model text, source text DEFAULT 'both', query text DEFAULT NULL, label text DEFAULT NULL, entity_column text DEFAULT NULL,
    as_of timestamptz DEFAULT now(), label_maturity interval DEFAULT NULL, min_labels bigint DEFAULT 1, holdout text DEFAULT NULL,
    params jsonb DEFAULT NULL, split jsonb DEFAULT NULL, embargo interval DEFAULT NULL, seed bigint DEFAULT NULL,
    notes text DEFAULT NULL, as_known boolean DEFAULT true)
RETURNS TABLE (retraining_id uuid, status text, version integer, run_id uuid, labels bigint, new_labels bigint, rows bigint,
    metrics jsonb, champion_metrics jsonb, findings jsonb, seconds double precision)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    RETURN QUERY SELECT * FROM @extschema@.sira_retrain_under(pg_catalog.current_setting('search_path'), model, source, query, label,
        entity_column, as_of, label_maturity, min_labels, holdout, params, split, embargo, seed, notes, as_known);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_retrain(text, text, text, text, text, timestamptz, interval, bigint, text, jsonb, jsonb, interval, bigint, text, boolean) IS
    'Trains a challenger on the champion''s query read again and on logged predictions whose labels are mature and were known at as_of (as_known => false: also what was said later), compares both on the same rows (the test part, or holdout), and registers a candidate if every gate up to production is passed; then its feedback is marked as used. Where the query has a column of entity ids, one row each (entity_column; a feature set''s has entity_id), feedback labels go into its rows, else labelled predictions are added as rows. Rows of the holdout are left out of training. Example: SELECT * FROM sira_retrain(''fraud'', label_maturity => ''7 days'');';

CREATE FUNCTION @extschema@.sira_do_retrain(arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$ BEGIN RETURN @extschema@.sira_job_call('sira_retrain', arguments); END $$;
COMMENT ON FUNCTION @extschema@.sira_do_retrain(jsonb) IS
    'sira_retrain, as a job does it. Example: SELECT sira_do_retrain(''{"model": "fraud"}'');';

-- What people said becomes labels that features and trainings can read. Low ratings and flags wait for a person.
CREATE FUNCTION @extschema@.sira_process_feedback(max_rows integer DEFAULT 100000)
RETURNS TABLE (processed bigint, labels bigint, waiting bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tenant text := @extschema@.sira_current_tenant();
BEGIN
    -- Two at once: the second finds nothing left, or leaves what the first has locked.
    WITH due AS (
        SELECT f.id, f.created_at, f.entity_type, f.entity_id, f.feedback_type, f.label, f.reviewer_id, f.prediction_created_at, f.model_id, f.target
        FROM @extschema@.sira_feedback f
        WHERE f.tenant_id = tenant AND f.status = 'pending' AND NOT f.needs_review AND f.feedback_type <> 'flag'
        ORDER BY f.created_at LIMIT max_rows FOR UPDATE SKIP LOCKED
    ), done AS (
        UPDATE @extschema@.sira_feedback f SET status = 'processed', processed_at = clock_timestamp()
        FROM due d WHERE f.id = d.id AND f.created_at = d.created_at
        RETURNING f.id
    ), said AS (
        SELECT d.*, r.label AS label_name, @extschema@.sira_label_said(d.label, r.label) AS word
        FROM due d
        CROSS JOIN LATERAL (SELECT coalesce((SELECT t.label FROM @extschema@.sira_training_runs t
                                             WHERE t.model_id = d.model_id AND t.status = 'completed' AND t.label IS NOT NULL
                                             ORDER BY t.started_at DESC LIMIT 1), 'label') AS label) r
        WHERE d.feedback_type IN ('label', 'correction') AND d.target = 'prediction'
    ), written AS (
        INSERT INTO @extschema@.sira_labels (entity_type, entity_id, label_name, label, label_value, source, event_ts, known_at, labelled_by)
        SELECT lower(s.entity_type), s.entity_id, s.label_name, s.word, @extschema@.sira_label_number(s.word), 'human',
               s.prediction_created_at, s.created_at, s.reviewer_id
        FROM said s WHERE s.word IS NOT NULL
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM done), (SELECT count(*) FROM written) INTO processed, labels;
    SELECT count(*) INTO waiting FROM @extschema@.sira_feedback f WHERE f.tenant_id = tenant AND f.status = 'pending';
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_process_feedback(integer) IS
    'Turns pending feedback into labels of its entities and marks it processed; flags and low ratings wait for sira_review_feedback. Example: SELECT * FROM sira_process_feedback();';

CREATE FUNCTION @extschema@.sira_review_feedback(feedback_id uuid, verdict text, remark text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF verdict IS NULL OR verdict NOT IN ('processed', 'dismissed') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('verdict "%s" is not known', coalesce(verdict, 'NULL')),
            HINT = 'Choose one of processed, dismissed.';
    END IF;
    UPDATE @extschema@.sira_feedback f
    SET status = verdict, needs_review = false, processed_at = clock_timestamp(), reviewed_by = SESSION_USER, review_note = remark
    WHERE f.id = feedback_id AND f.status = 'pending'
      AND f.created_at = coalesce(@extschema@.sira_uuid_v7_time(feedback_id), f.created_at);
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
            MESSAGE = format('no pending feedback has id %s', coalesce(feedback_id::text, 'NULL')),
            HINT = 'SELECT id, feedback_type, note FROM sira_feedback WHERE status = ''pending'' AND needs_review;';
    END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_review_feedback(uuid, text, text) IS
    'A person''s word on feedback that waits for one: processed or dismissed. Example: SELECT sira_review_feedback(''01890a5d-ac96-774b-bcce-b302099a8057'', ''dismissed'', ''wrong payment'');';
