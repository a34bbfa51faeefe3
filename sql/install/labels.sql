-- Labels: what turned out to be true, who says so, and since when it is known.
CREATE TABLE @extschema@.sira_labels (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    entity_type text NOT NULL CHECK (entity_type = pg_catalog.lower(entity_type)),
    entity_id text NOT NULL,
    label_name text NOT NULL DEFAULT 'label',
    label text,
    label_value double precision,
    label_json jsonb,
    source text NOT NULL DEFAULT 'human' CHECK (source IN ('human', 'rule', 'import')),
    weight double precision CHECK (weight >= 0),
    event_ts timestamptz,
    known_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    labelled_by text NOT NULL DEFAULT SESSION_USER,
    PRIMARY KEY (tenant_id, entity_type, entity_id, label_name, source, recorded_at, id)
);

CREATE FUNCTION @extschema@.sira_label_weight(source text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE source WHEN 'human' THEN 3.0 WHEN 'rule' THEN 1.0 WHEN 'import' THEN 0.5 END::float8 $$;
COMMENT ON FUNCTION @extschema@.sira_label_weight(text) IS
    'What a label counts in training by its source: human 3.0, rule 1.0, import 0.5. Example: SELECT sira_label_weight(''human'');';

CREATE FUNCTION @extschema@.sira_record_label(
    entity_type text, entity_id text, label text, source text DEFAULT 'human', known_at timestamptz DEFAULT pg_catalog.now(),
    label_name text DEFAULT 'label', event_ts timestamptz DEFAULT NULL, weight double precision DEFAULT NULL,
    label_json jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Made beforehand: RETURNING would ask for the right to read labels.
    new_id uuid := gen_random_uuid();
    number double precision;
BEGIN
    IF sira_record_label.entity_type IS NULL OR sira_record_label.entity_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a label needs an entity',
            HINT = 'SELECT sira_record_label(''transaction'', ''42'', ''groceries'');';
    END IF;
    IF sira_record_label.source IS NULL OR sira_record_label.source NOT IN ('human', 'rule', 'import') THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('label source "%s" is not known', coalesce(sira_record_label.source, 'NULL')),
            HINT = 'Choose one of human, rule, import.';
    END IF;
    IF sira_record_label.weight < 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('weight %s of a label is negative', sira_record_label.weight),
            HINT = 'Give a weight of 0 or more, or none for what the source gives.';
    END IF;
    IF @extschema@.sira_current_tenant() IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    -- What reads as a number, or as true and false, is one as well.
    IF lower(sira_record_label.label) IN ('true', 'false') THEN
        number := sira_record_label.label::boolean::integer;
    ELSIF sira_record_label.label ~ '^[-+]?([0-9]{1,99}(\.[0-9]{0,99})?|\.[0-9]{1,99})(e[-+]?[0-9]{1,3})?$' THEN
        BEGIN
            number := sira_record_label.label::double precision;
        EXCEPTION WHEN numeric_value_out_of_range THEN
            number := NULL;
        END;
    END IF;
    INSERT INTO @extschema@.sira_labels (id, entity_type, entity_id, label_name, label, label_value, label_json, source, weight,
                                         event_ts, known_at)
    VALUES (new_id, lower(sira_record_label.entity_type), sira_record_label.entity_id, coalesce(sira_record_label.label_name, 'label'),
            sira_record_label.label, number, sira_record_label.label_json, sira_record_label.source, sira_record_label.weight,
            sira_record_label.event_ts, coalesce(sira_record_label.known_at, now()));
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_record_label(text, text, text, text, timestamptz, text, timestamptz, double precision, jsonb) IS
    'Records what turned out to be true and answers the id of the label; a NULL label takes back what the same source said before. Example: SELECT sira_record_label(''transaction'', ''42'', ''groceries'', source => ''rule'');';

CREATE FUNCTION @extschema@.sira_record_label(
    entity_type text, entity_id anynonarray, label text, source text DEFAULT 'human', known_at timestamptz DEFAULT pg_catalog.now(),
    label_name text DEFAULT 'label', event_ts timestamptz DEFAULT NULL, weight double precision DEFAULT NULL,
    label_json jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    SELECT @extschema@.sira_record_label($1, $2::pg_catalog.text, $3, $4, $5, $6, $7, $8, $9)
$$;
COMMENT ON FUNCTION @extschema@.sira_record_label(text, anynonarray, text, text, timestamptz, text, timestamptz, double precision, jsonb) IS
    'The same for entity ids that are uuid or integers. Example: SELECT sira_record_label(''transaction'', 42, ''groceries'');';

-- One answer a question. The strongest source decides (human over rule over import), whenever it spoke: an import of tonight
-- does not overrule the analyst of last week. Within a source the newest by known_at counts; a NULL there takes back what the
-- source had said, and the next source speaks. What becomes known later than now does not count yet.
CREATE VIEW @extschema@.sira_current_labels AS
    SELECT DISTINCT ON (s.tenant_id, s.entity_type, s.entity_id, s.label_name)
           s.tenant_id, s.entity_type, s.entity_id, s.label_name, s.label, s.label_value, s.label_json, s.source,
           coalesce(s.weight, @extschema@.sira_label_weight(s.source)) AS weight,
           s.event_ts, s.known_at, s.recorded_at, s.labelled_by, s.id
    FROM (SELECT DISTINCT ON (l.tenant_id, l.entity_type, l.entity_id, l.label_name, l.source) l.*
          FROM @extschema@.sira_labels l
          WHERE l.tenant_id = (SELECT @extschema@.sira_current_tenant()) AND l.known_at <= now()
          ORDER BY l.tenant_id, l.entity_type, l.entity_id, l.label_name, l.source, l.known_at DESC, l.recorded_at DESC, l.id DESC) s
    WHERE s.label IS NOT NULL OR s.label_value IS NOT NULL OR s.label_json IS NOT NULL
    ORDER BY s.tenant_id, s.entity_type, s.entity_id, s.label_name, array_position('{human,rule,import}', s.source);
COMMENT ON VIEW @extschema@.sira_current_labels IS 'the label that holds now for each entity and question: human over rule over import, the newest within a source';

-- What there was to know when the labelled thing happened: of each feature set the newest snapshot that is not younger than the
-- event. A label that names no event is about the entity's first snapshot: a transaction has one, and no later one can leak.
CREATE VIEW @extschema@.sira_training_view AS
    SELECT l.tenant_id, l.entity_type, l.entity_id, l.label_name, f.feature_set, f.features, l.label, l.label_value,
           l.source AS label_source, l.weight, coalesce(l.event_ts, f.snapshot_ts) AS event_ts, f.snapshot_ts, l.known_at,
           date_trunc('month', timezone('UTC', coalesce(l.event_ts, f.snapshot_ts)))::date AS ts_month
    FROM @extschema@.sira_current_labels l
    CROSS JOIN LATERAL (
        SELECT DISTINCT ON (s.feature_set) s.feature_set, s.features, s.snapshot_ts
        FROM @extschema@.sira_feature_snapshots s
        WHERE s.tenant_id = l.tenant_id AND s.entity_type = l.entity_type AND s.entity_id = l.entity_id
          AND (l.event_ts IS NULL OR s.snapshot_ts <= l.event_ts)
        ORDER BY s.feature_set, CASE WHEN l.event_ts IS NULL THEN s.snapshot_ts END, s.snapshot_ts DESC) f;
COMMENT ON VIEW @extschema@.sira_training_view IS 'current labels beside the features of their moment, with weight and month: ready to split by month and to train on';

-- Confidence is of the merchant's best evidence: n counts all labels of the merchant, p the share of this one among them.
-- Spellings of a merchant are one (sira_normalize_text). Every label counts once, whatever its weight and however many sets
-- hold the merchant. A prior knows the labels that it is made of: for training, build it from earlier months.
CREATE VIEW @extschema@.sira_merchant_priors AS
    SELECT c.tenant_id, c.entity_type, c.label_name, c.merchant, c.label AS category, c.n, c.labels,
           c.labels::double precision / c.n AS p,
           CASE WHEN c.n >= 20 AND c.labels >= 0.8 * c.n THEN 'high'
                WHEN c.n >= 5 AND c.labels >= 0.6 * c.n THEN 'medium' ELSE 'low' END AS confidence,
           c.human_labels, c.is_subscription, c.first_event, c.last_event
    FROM (SELECT g.*, sum(g.labels) OVER (PARTITION BY g.tenant_id, g.entity_type, g.label_name, g.merchant)::bigint AS n
          FROM (SELECT o.tenant_id, o.entity_type, o.label_name, o.merchant, o.label, count(*) AS labels,
                       count(*) FILTER (WHERE o.label_source = 'human') AS human_labels,
                       bool_or(@extschema@.sira_is_subscription(o.merchant)) AS is_subscription,
                       min(o.event_ts) AS first_event, max(o.event_ts) AS last_event
                FROM (SELECT DISTINCT ON (t.tenant_id, t.entity_type, t.entity_id, t.label_name)
                             t.tenant_id, t.entity_type, t.label_name, t.label, t.label_source, t.event_ts,
                             coalesce(nullif(@extschema@.sira_normalize_text(t.features ->> 'merchant'), ''),
                                      lower(t.features ->> 'merchant')) AS merchant
                      FROM @extschema@.sira_training_view t
                      WHERE t.label IS NOT NULL AND btrim(t.features ->> 'merchant') <> ''
                      ORDER BY t.tenant_id, t.entity_type, t.entity_id, t.label_name, t.snapshot_ts DESC, t.feature_set) o
                GROUP BY o.tenant_id, o.entity_type, o.label_name, o.merchant, o.label) g) c;
COMMENT ON VIEW @extschema@.sira_merchant_priors IS 'P(category | merchant) from the current labels, with confidence high (20 labels, p 0.8), medium (5, 0.6) or low';

-- A deleted transaction takes its features and labels along, never its audit: predictions, feedback and suggestions stay. What
-- a run of the pipeline has computed of it and not stored yet goes first: a run that is storing it meanwhile is waited for, and
-- its snapshot is then there to delete.
CREATE FUNCTION @extschema@.sira_forget_entity(entity_type text, entity_id text)
RETURNS TABLE (relation text, rows_deleted bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
BEGIN
    IF sira_forget_entity.entity_type IS NULL OR sira_forget_entity.entity_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'an entity has a type and an id',
            HINT = 'SELECT * FROM sira_forget_entity(''transaction'', ''42'');';
    END IF;
    IF tenant IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" belongs to no tenant', CURRENT_USER),
            HINT = format('INSERT INTO sira_tenant_members (tenant_id, member) VALUES (''...'', %L); as the owner of the extension', CURRENT_USER);
    END IF;
    relation := 'sira_snapshot_work';
    DELETE FROM @extschema@.sira_snapshot_work w
    WHERE w.tenant_id = tenant AND w.entity_id = sira_forget_entity.entity_id AND w.job_id IN (
        SELECT j.id FROM @extschema@.sira_jobs j
        JOIN @extschema@.sira_feature_sets s ON s.tenant_id = j.tenant_id AND j.subject = format('%s/%s', s.name, s.version)
        WHERE j.tenant_id = tenant AND j.kind = 'feature_pipeline' AND j.parent_id IS NULL
          AND s.entity_type = lower(sira_forget_entity.entity_type));
    GET DIAGNOSTICS rows_deleted = ROW_COUNT;
    RETURN NEXT;
    FOREACH relation IN ARRAY ARRAY['sira_features', 'sira_feature_snapshots', 'sira_labels'] LOOP
        EXECUTE format('DELETE FROM @extschema@.%I t WHERE t.tenant_id = $1 AND t.entity_type = $2 AND t.entity_id = $3', relation)
            USING tenant, lower(sira_forget_entity.entity_type), sira_forget_entity.entity_id;
        GET DIAGNOSTICS rows_deleted = ROW_COUNT;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_forget_entity(text, text) IS
    'Deletes features, snapshots and labels of an entity, also those that a run of the pipeline has not stored yet; predictions, feedback and suggestions stay. Example: SELECT * FROM sira_forget_entity(''transaction'', ''42'');';

CREATE FUNCTION @extschema@.sira_forget_entity(entity_type text, entity_id anynonarray)
RETURNS TABLE (relation text, rows_deleted bigint)
LANGUAGE sql VOLATILE AS $$ SELECT * FROM @extschema@.sira_forget_entity($1, $2::pg_catalog.text) $$;
COMMENT ON FUNCTION @extschema@.sira_forget_entity(text, anynonarray) IS
    'The same for entity ids that are uuid or integers. Example: SELECT * FROM sira_forget_entity(''transaction'', 42);';

CREATE FUNCTION @extschema@.sira_delete_entity_trigger() RETURNS trigger
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_delete_entity_trigger';
COMMENT ON FUNCTION @extschema@.sira_delete_entity_trigger() IS
    'Deletes features, snapshots and labels with the row they are about. Example: CREATE TRIGGER forget AFTER DELETE ON payments FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger(''transaction'', ''id'');';
-- It deletes with the owner's rights: whoever could bind it to a table of their own could delete what they may not.
REVOKE ALL ON FUNCTION @extschema@.sira_delete_entity_trigger() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.sira_delete_entity_trigger() TO sira_admin;

-- The views name the tenant themselves, which is the wall on 13 and 14 (where nothing may be evaluated in front of it); from 15
-- on they read with the caller's rights as well.
DO $views$
DECLARE
    shown text;
BEGIN
    FOREACH shown IN ARRAY ARRAY['sira_current_labels', 'sira_training_view', 'sira_merchant_priors'] LOOP
        EXECUTE pg_catalog.format('ALTER VIEW @extschema@.%I SET (%s)', shown,
            CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 150000 THEN 'security_invoker' ELSE 'security_barrier' END);
        EXECUTE pg_catalog.format('GRANT SELECT ON @extschema@.%I TO sira_admin', shown);
    END LOOP;
END
$views$;

COMMENT ON COLUMN @extschema@.sira_current_labels.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_current_labels.entity_type IS 'what is labelled';
COMMENT ON COLUMN @extschema@.sira_current_labels.entity_id IS 'which one';
COMMENT ON COLUMN @extschema@.sira_current_labels.label_name IS 'which question the label answers';
COMMENT ON COLUMN @extschema@.sira_current_labels.label IS 'the answer as text';
COMMENT ON COLUMN @extschema@.sira_current_labels.label_value IS 'the answer as a number';
COMMENT ON COLUMN @extschema@.sira_current_labels.label_json IS 'the answer as a structure';
COMMENT ON COLUMN @extschema@.sira_current_labels.source IS 'human, rule or import';
COMMENT ON COLUMN @extschema@.sira_current_labels.weight IS 'weight in training: the label''s own, else its source''s';
COMMENT ON COLUMN @extschema@.sira_current_labels.event_ts IS 'when the labelled thing happened';
COMMENT ON COLUMN @extschema@.sira_current_labels.known_at IS 'when the answer became known';
COMMENT ON COLUMN @extschema@.sira_current_labels.recorded_at IS 'when the database recorded it';
COMMENT ON COLUMN @extschema@.sira_current_labels.labelled_by IS 'who said so';
COMMENT ON COLUMN @extschema@.sira_current_labels.id IS 'identity of the label';

COMMENT ON COLUMN @extschema@.sira_training_view.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_training_view.entity_type IS 'what is labelled';
COMMENT ON COLUMN @extschema@.sira_training_view.entity_id IS 'which one';
COMMENT ON COLUMN @extschema@.sira_training_view.label_name IS 'which question the label answers';
COMMENT ON COLUMN @extschema@.sira_training_view.feature_set IS 'the set that the features are of';
COMMENT ON COLUMN @extschema@.sira_training_view.features IS 'the snapshot of the label''s moment';
COMMENT ON COLUMN @extschema@.sira_training_view.label IS 'the answer as text';
COMMENT ON COLUMN @extschema@.sira_training_view.label_value IS 'the answer as a number';
COMMENT ON COLUMN @extschema@.sira_training_view.label_source IS 'human, rule or import';
COMMENT ON COLUMN @extschema@.sira_training_view.weight IS 'weight in training';
COMMENT ON COLUMN @extschema@.sira_training_view.event_ts IS 'when the labelled thing happened; where the label does not say, the time of the first snapshot';
COMMENT ON COLUMN @extschema@.sira_training_view.snapshot_ts IS 'the time that the features are of';
COMMENT ON COLUMN @extschema@.sira_training_view.known_at IS 'when the label became known';
COMMENT ON COLUMN @extschema@.sira_training_view.ts_month IS 'first day of the event''s month, UTC';

COMMENT ON COLUMN @extschema@.sira_merchant_priors.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.entity_type IS 'what is labelled';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.label_name IS 'which question the labels answer';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.merchant IS 'the merchant, normalised';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.category IS 'the label';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.n IS 'labels of the merchant';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.labels IS 'of these, with this category';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.p IS 'P(category | merchant): labels over n';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.confidence IS 'high (n from 20, p from 0.8), medium (5, 0.6) or low';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.human_labels IS 'of labels, given by people';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.is_subscription IS 'whether the merchant sells subscriptions';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.first_event IS 'the first labelled event';
COMMENT ON COLUMN @extschema@.sira_merchant_priors.last_event IS 'the last one';
