-- Gates: what a version must show before it may go on. The settings sira.min_* say what holds for every model; rows of sira_gates
-- say it for a tenant, a type of model or one model, the narrower before the wider and the newer before the older. Rows are
-- added, never changed: what held when can be read afterwards, and each step keeps what was asked of it besides.
CREATE TABLE @extschema@.sira_gates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid,
    model_type text,
    stage text NOT NULL CHECK (stage IN ('validated', 'staging', 'production')),
    kind text NOT NULL CHECK (kind IN ('metric', 'improvement', 'slice', 'smoke_test')),
    metric text,
    slice text,
    minimum double precision,
    maximum double precision,
    max_gap double precision,
    min_rows integer,
    enabled boolean NOT NULL DEFAULT true,
    reason text,
    set_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- No default: it is filled in where it is missing, and a row that comes back from a dump is whole.
    set_by text NOT NULL,
    -- What the owner says may lower; what others say only adds.
    by_owner boolean NOT NULL DEFAULT false,
    CHECK (model_id IS NULL OR model_type IS NULL),
    CHECK ((metric IS NOT NULL) = (kind IN ('metric', 'slice')) AND (slice IS NOT NULL) = (kind = 'slice')),
    CHECK (NOT enabled OR kind = 'smoke_test' OR COALESCE(minimum, maximum, max_gap) IS NOT NULL),
    CHECK (kind = 'slice' OR (max_gap IS NULL AND min_rows IS NULL)),
    CHECK (kind IN ('metric', 'slice') OR maximum IS NULL),
    CHECK (kind <> 'smoke_test' OR minimum IS NULL),
    FOREIGN KEY (tenant_id, model_id) REFERENCES @extschema@.sira_models (tenant_id, id)
);
COMMENT ON TABLE @extschema@.sira_gates IS
    'what versions must show before they may go on, beyond the settings sira.min_*; the narrower row holds before the wider, of one width the newest; append-only';
COMMENT ON COLUMN @extschema@.sira_gates.id IS 'order of the rows';
COMMENT ON COLUMN @extschema@.sira_gates.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_gates.model_id IS 'the model it holds for; with model_type NULL too, all of the tenant''s';
COMMENT ON COLUMN @extschema@.sira_gates.model_type IS 'the type of model it holds for';
COMMENT ON COLUMN @extschema@.sira_gates.stage IS 'the state before which it stands';
COMMENT ON COLUMN @extschema@.sira_gates.kind IS
    'metric (a value of the version''s own metrics, or latency_us), improvement (over the champion on the same rows), slice (a metric by the values of a column) or smoke_test (stored examples are scored to the same bits)';
COMMENT ON COLUMN @extschema@.sira_gates.metric IS 'the metric; latency_us is what nineteen of twenty scores take at most, measured when it is asked';
COMMENT ON COLUMN @extschema@.sira_gates.slice IS 'the column by whose values an evaluation was sliced';
COMMENT ON COLUMN @extschema@.sira_gates.minimum IS 'at least this much; of improvement the share of the champion''s value';
COMMENT ON COLUMN @extschema@.sira_gates.maximum IS 'at most this much';
COMMENT ON COLUMN @extschema@.sira_gates.max_gap IS 'at most this much between the best slice and the worst';
COMMENT ON COLUMN @extschema@.sira_gates.min_rows IS 'slices with fewer rows are not looked at; where nothing is said, those with fewer than sira.min_gate_rows';
COMMENT ON COLUMN @extschema@.sira_gates.enabled IS 'false: nothing of the kind is asked from now on, whatever a setting or a wider row says';
COMMENT ON COLUMN @extschema@.sira_gates.reason IS 'why';
COMMENT ON COLUMN @extschema@.sira_gates.set_at IS 'when it was set';
COMMENT ON COLUMN @extschema@.sira_gates.set_by IS 'who set it: session_user';
COMMENT ON COLUMN @extschema@.sira_gates.by_owner IS
    'whether the owner of the extension or a superuser set it: others'' rows only add to what those and the settings ask';
CREATE TRIGGER sira_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON @extschema@.sira_gates
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();

-- The settings are known once the library is loaded, which a call of it does.
CREATE FUNCTION @extschema@.sira_gate_setting(setting text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM @extschema@.sira_version();
    RETURN current_setting('sira.' || setting);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_gate_setting(text) IS
    'A setting of the gates, whether or not the session has used SIRA before. Example: SELECT sira_gate_setting(''min_auc'');';

-- What is asked before a stage: of a model, or of a type, or of all, where model and type are NULL.
CREATE FUNCTION @extschema@.sira_gates_at(tenant text, model uuid, type text, task text, wanted_stage text)
RETURNS TABLE (kind text, metric text, slice text, minimum double precision, maximum double precision, max_gap double precision,
               min_rows integer, origin text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    min_auc double precision := @extschema@.sira_gate_setting('min_auc');
    min_precision double precision := @extschema@.sira_gate_setting('min_precision');
    min_recall double precision := @extschema@.sira_gate_setting('min_recall');
    min_improvement double precision := @extschema@.sira_gate_setting('min_improvement');
BEGIN
    RETURN QUERY
    WITH stated AS (
        SELECT DISTINCT ON (g.kind, g.metric, g.slice) g.*
        FROM @extschema@.sira_gates g
        WHERE g.tenant_id = tenant AND g.stage = wanted_stage AND g.by_owner
          AND (g.model_id IS NULL OR g.model_id = model) AND (g.model_type IS NULL OR g.model_type = type)
        ORDER BY g.kind, g.metric, g.slice, (g.model_id IS NULL), (g.model_type IS NULL), g.id DESC
    ), raised AS (
        -- All of them, until the owner says otherwise for as much or less.
        SELECT g.* FROM @extschema@.sira_gates g
        WHERE g.tenant_id = tenant AND g.stage = wanted_stage AND NOT g.by_owner AND g.enabled
          AND (g.model_id IS NULL OR g.model_id = model) AND (g.model_type IS NULL OR g.model_type = type)
          AND NOT EXISTS (
              SELECT 1 FROM @extschema@.sira_gates o
              WHERE o.tenant_id = tenant AND o.stage = wanted_stage AND o.by_owner AND o.id > g.id AND o.kind = g.kind
                AND o.metric IS NOT DISTINCT FROM g.metric AND o.slice IS NOT DISTINCT FROM g.slice
                AND (o.model_id IS NULL OR o.model_id = model) AND (o.model_type IS NULL OR o.model_type = type)
                AND (o.model_id IS NULL, o.model_type IS NULL) <= (g.model_id IS NULL, g.model_type IS NULL))
    ), declared (place, kind, metric, minimum, origin, asked) AS (
        -- What does not fit the task is left out. The validated version's AUC follows the setting down, not up.
        VALUES (1, 'metric', 'auc', CASE wanted_stage WHEN 'production' THEN min_auc ELSE least(0.85, min_auc) END,
                'sira.min_auc', task = 'binary' AND wanted_stage IN ('validated', 'production') AND min_auc > 0),
               (1, 'metric', 'precision', min_precision, 'sira.min_precision',
                task = 'binary' AND wanted_stage = 'validated' AND min_precision > 0),
               (1, 'metric', 'recall', min_recall, 'sira.min_recall',
                task = 'binary' AND wanted_stage = 'validated' AND min_recall > 0),
               (2, 'improvement', NULL, min_improvement, 'sira.min_improvement',
                wanted_stage = 'production' AND min_improvement > -1),
               (4, 'smoke_test', NULL, NULL, NULL, wanted_stage IN ('validated', 'production'))
    )
    SELECT a.kind, a.metric, a.slice, max(a.minimum), min(a.maximum), min(a.max_gap), min(a.min_rows),
           (array_agg(a.origin ORDER BY a.minimum DESC NULLS LAST, a.maximum, a.max_gap, a.origin))[1]
    FROM (
        SELECT d.place, d.kind, d.metric, NULL::text AS slice, d.minimum, NULL::double precision AS maximum,
               NULL::double precision AS max_gap, NULL::integer AS min_rows, d.origin
        FROM declared d
        WHERE d.asked AND NOT EXISTS (
            SELECT 1 FROM stated s WHERE s.kind = d.kind AND s.metric IS NOT DISTINCT FROM d.metric)
        UNION ALL
        SELECT CASE s.kind WHEN 'metric' THEN 1 WHEN 'improvement' THEN 2 WHEN 'slice' THEN 3 ELSE 4 END,
               s.kind, s.metric, s.slice, s.minimum, s.maximum, s.max_gap, s.min_rows,
               format('set for %s by %s', CASE WHEN s.model_id IS NOT NULL THEN 'the model'
                          WHEN s.model_type IS NOT NULL THEN format('models of type "%s"', s.model_type)
                          ELSE 'all models' END, s.set_by)
        FROM (SELECT t.* FROM stated t WHERE t.enabled UNION ALL SELECT r.* FROM raised r) s) a
    GROUP BY a.place, a.kind, a.metric, a.slice
    ORDER BY a.place, a.metric, a.slice;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_gates_at(text, uuid, text, text, text) IS
    'What is asked of versions before a stage, from rows of sira_gates and settings. Example: SELECT g.* FROM sira_models m, sira_gates_at(m.tenant_id, m.id, m.model_type, m.task, ''production'') g;';

CREATE FUNCTION @extschema@.sira_gates_in_force(model text)
RETURNS TABLE (stage text, gate text, metric text, slice text, minimum double precision, maximum double precision,
               max_gap double precision, min_rows integer, origin text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner_model @extschema@.sira_models :=
        @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_gates_in_force.model)).name);
BEGIN
    RETURN QUERY
    SELECT s.stage, g.kind, g.metric, g.slice, g.minimum, g.maximum, g.max_gap, g.min_rows, coalesce(g.origin, 'always')
    FROM unnest(ARRAY['validated', 'staging', 'production']) WITH ORDINALITY s (stage, place),
         @extschema@.sira_gates_at(owner_model.tenant_id, owner_model.id, owner_model.model_type, owner_model.task, s.stage)
             WITH ORDINALITY g (kind, metric, slice, minimum, maximum, max_gap, min_rows, origin, place)
    ORDER BY s.place, g.place;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_gates_in_force(text) IS
    'What is asked of a model''s versions before each stage, and who says so. Example: SELECT * FROM sira_gates_in_force(''fraud'');';

-- A gate is anybody's to raise who may write the table, and the owner's to lower: "GRANT SET ON PARAMETER" has no counterpart for
-- rows, and who trains must not be able to lower what their own version has to pass. current_user counts, so that a superuser
-- who has taken another role has only that one's rights.
CREATE FUNCTION @extschema@.sira_gate_fill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    least_rows CONSTANT integer := @extschema@.sira_gate_setting('min_gate_rows');
    owner_model @extschema@.sira_models;
    held record;
BEGIN
    NEW.set_by := SESSION_USER;
    NEW.set_at := clock_timestamp();
    NEW.by_owner := pg_has_role(CURRENT_USER, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE');
    IF NEW.model_id IS NOT NULL THEN
        -- A promotion that is under way has its gates; the next one has the new ones.
        SELECT m.* INTO owner_model FROM @extschema@.sira_models m
        WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.model_id FOR NO KEY UPDATE;
    END IF;
    SELECT g.* INTO held
    FROM @extschema@.sira_gates_at(NEW.tenant_id, NEW.model_id, coalesce(NEW.model_type, owner_model.model_type),
                                   coalesce(owner_model.task, 'binary'), NEW.stage) g
    WHERE g.kind = NEW.kind AND g.metric IS NOT DISTINCT FROM NEW.metric AND g.slice IS NOT DISTINCT FROM NEW.slice;
    IF FOUND
       AND (NOT NEW.enabled
            OR NEW.minimum IS DISTINCT FROM greatest(NEW.minimum, held.minimum)
            OR NEW.maximum IS DISTINCT FROM least(NEW.maximum, held.maximum)
            OR NEW.max_gap IS DISTINCT FROM least(NEW.max_gap, held.max_gap)
            OR NEW.kind = 'slice' AND coalesce(NEW.min_rows, least_rows) > coalesce(held.min_rows, least_rows))
       AND NOT NEW.by_owner
    THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = format('role "%s" may not lower a gate of "%s"', CURRENT_USER, NEW.stage),
            DETAIL = format('%s holds: %s (%s).', coalesce(NEW.metric, NEW.kind),
                @extschema@.sira_gate_wanted(held.kind, held.minimum, held.maximum, held.max_gap), coalesce(held.origin, 'always')),
            HINT = 'Raising is open to administrators; lowering is for the owner of the extension and superusers.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_gate_fill() IS 'Trigger: who set a gate, and that nobody but the owner lowers one.';
CREATE TRIGGER sira_gate_fill BEFORE INSERT ON @extschema@.sira_gates
    FOR EACH ROW WHEN (NEW.set_by IS NULL) EXECUTE FUNCTION @extschema@.sira_gate_fill();

-- A gate in words, as people read it before they promote.
CREATE FUNCTION @extschema@.sira_gate_wanted(
    kind text, minimum double precision, maximum double precision, max_gap double precision) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE kind
        WHEN 'smoke_test' THEN 'the same bits'
        WHEN 'improvement' THEN format('%s %% better than the champion', trim_scale(100 * minimum::numeric))
        ELSE concat_ws(', ', 'at least ' || minimum, 'at most ' || maximum, 'a gap of at most ' || max_gap)
    END;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_gate_wanted(text, double precision, double precision, double precision) IS
    'A gate in words. Example: SELECT sira_gate_wanted(''metric'', 0.9, NULL, NULL);';

-- The names that a gate may ask for: those that the library measures for a task, and what the model's versions brought along.
CREATE FUNCTION @extschema@.sira_metric_names(task text) RETURNS text[]
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'sira_metric_names_wrapper';
COMMENT ON FUNCTION @extschema@.sira_metric_names(text) IS
    'The metrics that a version of a task is measured by. Example: SELECT sira_metric_names(''binary'');';

CREATE FUNCTION @extschema@.sira_set_gates(
    model text, gates jsonb, model_type text DEFAULT NULL, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    example CONSTANT text := '[{"stage": "validated", "metric": "auc", "minimum": 0.8},'
        ' {"stage": "production", "improvement": 0.01},'
        ' {"stage": "production", "slice": "country", "metric": "recall", "max_gap": 0.1}]';
    owner_model @extschema@.sira_models;
    known text[];
    wish jsonb;
    wrong text;
    kind text;
    is_on boolean;
BEGIN
    IF sira_set_gates.model IS NOT NULL THEN
        IF sira_set_gates.model_type IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'gates are of a model or of a type of models, not of both',
                HINT = format('SELECT sira_set_gates(NULL, %L, model_type => %L);', example, sira_set_gates.model_type);
        END IF;
        owner_model := @extschema@.sira_find_model((@extschema@.sira_parse_model(sira_set_gates.model)).name);
        IF owner_model.tenant_id IS DISTINCT FROM @extschema@.sira_current_tenant() THEN
            RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
                MESSAGE = format('model "%s" belongs to tenant "%s"', owner_model.name, owner_model.tenant_id),
                HINT = format('Act as a role that sira_tenant_members lists for tenant %L.', owner_model.tenant_id);
        END IF;
    END IF;
    IF gates IS NULL OR jsonb_typeof(gates) <> 'array' OR jsonb_array_length(gates) = 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'gates are a JSON array of objects',
            HINT = format('SELECT sira_set_gates(%L, %L);', sira_set_gates.model, example);
    END IF;
    -- What the library measures, and what versions brought from elsewhere.
    SELECT array_agg(DISTINCT n.name ORDER BY n.name) INTO known FROM (
        SELECT unnest(@extschema@.sira_metric_names(t.task)) AS name
        FROM unnest(ARRAY['binary', 'multiclass', 'regression', 'ranking', 'anomaly']) t (task)
        WHERE owner_model.task IS NULL OR t.task = owner_model.task
        UNION ALL SELECT 'latency_us'
        UNION ALL
        SELECT k.key FROM @extschema@.sira_models m
        JOIN @extschema@.sira_model_versions v ON v.tenant_id = m.tenant_id AND v.model_id = m.id
        CROSS JOIN jsonb_each(v.metrics) k
        WHERE m.tenant_id = @extschema@.sira_current_tenant() AND (owner_model.id IS NULL OR m.id = owner_model.id)
          AND (sira_set_gates.model_type IS NULL OR m.model_type = sira_set_gates.model_type)
          AND jsonb_typeof(k.value) = 'number') n;
    FOR wish IN SELECT * FROM jsonb_array_elements(gates) LOOP
        wrong := CASE WHEN jsonb_typeof(wish) <> 'object' THEN 'it is no JSON object' END;
        IF wrong IS NULL THEN
            SELECT format('"%s" is not known', k.name) INTO wrong FROM jsonb_object_keys(wish) k (name)
            WHERE k.name <> ALL (ARRAY['stage', 'metric', 'minimum', 'maximum', 'improvement', 'slice', 'max_gap', 'min_rows',
                                       'smoke_test', 'enabled']);
            wrong := coalesce(wrong, (
                SELECT format('"%s" is no number', k.key) FROM jsonb_each(wish) k
                WHERE (k.key IN ('minimum', 'maximum', 'max_gap', 'min_rows')
                       OR k.key = 'improvement' AND k.value <> 'false') AND jsonb_typeof(k.value) <> 'number' LIMIT 1), (
                SELECT format('"%s" is neither true nor false', k.key) FROM jsonb_each(wish) k
                WHERE k.key IN ('smoke_test', 'enabled') AND jsonb_typeof(k.value) <> 'boolean' LIMIT 1), (
                SELECT format('"%s" is out of range', k.key) FROM jsonb_each(wish) k
                WHERE CASE WHEN jsonb_typeof(k.value) <> 'number' THEN false
                           WHEN k.key = 'min_rows' THEN k.value::numeric NOT BETWEEN 0 AND 2147483647
                           ELSE abs(k.value::numeric) NOT BETWEEN 1e-300 AND 1e300 AND k.value::numeric <> 0 END LIMIT 1));
            kind := CASE WHEN wish ? 'slice' THEN 'slice' WHEN wish ? 'improvement' THEN 'improvement'
                         WHEN wish ? 'smoke_test' THEN 'smoke_test' ELSE 'metric' END;
            is_on := coalesce(wish -> 'enabled' <> 'false', true)
                AND wish -> 'improvement' IS DISTINCT FROM 'false' AND wish -> 'smoke_test' IS DISTINCT FROM 'false';
        END IF;
        wrong := coalesce(wrong, CASE
            WHEN coalesce(wish ->> 'stage', '') NOT IN ('validated', 'staging', 'production')
                THEN format('stage "%s" is none of validated, staging, production', coalesce(wish ->> 'stage', 'NULL'))
            WHEN kind IN ('improvement', 'smoke_test') AND wish ?| ARRAY['metric', 'minimum', 'maximum', 'max_gap', 'min_rows']
                THEN format('"%s" goes with a stage alone', kind)
            WHEN kind IN ('improvement', 'smoke_test') THEN NULL
            WHEN NOT coalesce(wish ->> 'metric', '') = ANY (known)
                THEN format('metric "%s" is not known', coalesce(wish ->> 'metric', 'NULL'))
            WHEN kind = 'slice' AND wish ->> 'metric' = 'latency_us' THEN 'latency is not measured by slices'
            WHEN kind = 'metric' AND wish ?| ARRAY['max_gap', 'min_rows'] THEN '"max_gap" and "min_rows" go with a "slice"'
            WHEN is_on AND NOT wish ?| ARRAY['minimum', 'maximum', 'max_gap']
                THEN CASE kind WHEN 'slice' THEN 'it has none of "max_gap", "minimum", "maximum"'
                               ELSE 'it has neither "minimum" nor "maximum"' END END);
        IF wrong IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('a gate cannot be read: %s', wrong),
                DETAIL = format('The gate is %s.', wish),
                HINT = CASE WHEN wrong LIKE 'metric %' THEN format('Metrics are %s.', array_to_string(known, ', '))
                            ELSE format('SELECT sira_set_gates(%L, %L);', sira_set_gates.model, example) END;
        END IF;
        INSERT INTO @extschema@.sira_gates
            (model_id, model_type, stage, kind, metric, slice, minimum, maximum, max_gap, min_rows, enabled, reason)
        VALUES (owner_model.id, sira_set_gates.model_type, wish ->> 'stage', kind, wish ->> 'metric', wish ->> 'slice',
                CASE WHEN is_on AND kind = 'improvement' THEN (wish ->> 'improvement')::double precision
                     WHEN kind <> 'improvement' THEN (wish ->> 'minimum')::double precision END,
                (wish ->> 'maximum')::double precision, (wish ->> 'max_gap')::double precision,
                (wish ->> 'min_rows')::double precision::integer, is_on, sira_set_gates.reason);
    END LOOP;
    RETURN jsonb_array_length(gates);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_set_gates(text, jsonb, text, text) IS
    'Sets what a model''s versions must show before a stage; without a model of all models of a type, or of the tenant. Each object replaces the gate of its stage and metric, and "enabled": false takes it away, which only the owner may. Example: SELECT sira_set_gates(''fraud'', ''[{"stage": "validated", "metric": "auc", "minimum": 0.8}, {"stage": "production", "improvement": 0.01}, {"stage": "production", "slice": "country", "metric": "recall", "max_gap": 0.1}]'');';
