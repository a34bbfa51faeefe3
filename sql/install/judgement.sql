-- What a version shows of what the gates ask: judged before a step, by the trigger on every UPDATE of a status and by whoever
-- wants to know beforehand, with the same function.

-- Rows that every version is scored on before it may go on. The library makes them from the artifact's own splits when it
-- registers a version, values on one side or the other of them: they lead through more of the trees than as many rows of the
-- training data would, imported versions have them too, and nobody's data is kept in them.
CREATE TABLE @extschema@.sira_model_examples (
    tenant_id text NOT NULL DEFAULT @extschema@.sira_current_tenant(),
    model_id uuid NOT NULL,
    model_version_id uuid NOT NULL,
    place integer NOT NULL,
    features double precision[] NOT NULL,
    raw_scores double precision[] NOT NULL,
    PRIMARY KEY (model_version_id, place),
    FOREIGN KEY (tenant_id, model_id, model_version_id)
        REFERENCES @extschema@.sira_model_versions (tenant_id, model_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE @extschema@.sira_model_examples IS
    'rows made from a version''s own splits, with the raw scores that its artifact gave when it was registered: the smoke test compares them bit by bit';
COMMENT ON COLUMN @extschema@.sira_model_examples.tenant_id IS 'the tenant it belongs to';
COMMENT ON COLUMN @extschema@.sira_model_examples.model_id IS 'the model';
COMMENT ON COLUMN @extschema@.sira_model_examples.model_version_id IS 'the version';
COMMENT ON COLUMN @extschema@.sira_model_examples.place IS 'which of the version''s examples';
COMMENT ON COLUMN @extschema@.sira_model_examples.features IS 'the features in the order of the model; NaN is a missing value';
COMMENT ON COLUMN @extschema@.sira_model_examples.raw_scores IS 'raw scores, one an output, by the plain walk through the artifact''s trees';
CREATE TRIGGER sira_append_only BEFORE UPDATE OR TRUNCATE ON @extschema@.sira_model_examples
    FOR EACH STATEMENT EXECUTE FUNCTION @extschema@.sira_refuse_change();

CREATE FUNCTION @extschema@.sira_smoke_test(version_id uuid)
RETURNS TABLE (examples integer, identical integer, latency_us double precision, problem text)
LANGUAGE c VOLATILE STRICT ROWS 1 AS 'MODULE_PATHNAME', 'sira_smoke_test_wrapper';
COMMENT ON FUNCTION @extschema@.sira_smoke_test(uuid) IS
    'Scores a version''s stored examples with its compiled model: how many there are, how many give the same bits, and the microseconds that nineteen of twenty scores take at most. Example: SELECT s.* FROM sira_model_versions v, sira_smoke_test(v.id) s WHERE v.status = ''staging'';';

CREATE FUNCTION @extschema@.sira_number(value jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'number' THEN (value #>> '{}')::double precision END
$$;
COMMENT ON FUNCTION @extschema@.sira_number(jsonb) IS
    'The number that a JSON value is, NULL where it is none. Example: SELECT sira_number(metrics -> ''auc'') FROM sira_model_versions;';

-- A few rows show nothing, least of all those that somebody has picked: any model tells one fraud from one payment that is none.
CREATE FUNCTION @extschema@.sira_rows_told(rows bigint, prevalence double precision) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(rows::text, 'unknown') || ' rows' || coalesce(', ' || round(rows * prevalence)::bigint || ' of them positive', '')
$$;
COMMENT ON FUNCTION @extschema@.sira_rows_told(bigint, double precision) IS
    'How many rows something was measured on, in words. Example: SELECT sira_rows_told(rows, sira_number(metrics -> ''prevalence'')) FROM sira_evaluations;';

CREATE FUNCTION @extschema@.sira_rows_lacking(rows bigint, prevalence double precision) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    least_rows integer := @extschema@.sira_gate_setting('min_gate_rows');
    positives double precision := round(rows * prevalence);
BEGIN
    RETURN CASE
        WHEN coalesce(rows, 0) < least_rows THEN format('%s rows are needed', least_rows)
        -- Where rows have weights it is their share that is known, and the number follows from it.
        WHEN least(positives, rows - positives) < least_rows THEN format('%s rows of each class are needed', least_rows) END;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_rows_lacking(bigint, double precision) IS
    'What rows lack to be enough for a gate, by sira.min_gate_rows; NULL where they are. Example: SELECT sira_rows_lacking(rows, sira_number(metrics -> ''prevalence'')) FROM sira_evaluations;';

-- How a version compares with the champion on the newest rows that both have met. NULL for value or champion_value: there are none.
CREATE FUNCTION @extschema@.sira_against_champion(
    tenant text, model uuid, target uuid, share double precision,
    OUT champion integer, OUT metric text, OUT wanted double precision, OUT higher_is_better boolean, OUT value double precision,
    OUT champion_value double precision, OUT detail text, OUT rows bigint, OUT prevalence double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    live record;
    met record;
BEGIN
    SELECT c.version_id AS id, c.version INTO live FROM @extschema@.sira_champion(tenant, model) c;
    IF live.version IS NULL THEN
        -- Retiring the champion first does not spare the comparison with it.
        SELECT f.version_id AS id, f.version INTO live FROM @extschema@.sira_former_champion(tenant, model) f;
    END IF;
    champion := live.version;
    IF champion IS NULL OR live.id = target THEN
        champion := NULL;
        RETURN;
    END IF;
    SELECT e.primary_metric, e.primary_value, c.primary_value AS of_champion, e.metrics, e.rows, e.purpose, e.evaluated_by
    INTO met
    FROM @extschema@.sira_evaluations e
    JOIN @extschema@.sira_evaluations c
      ON c.tenant_id = e.tenant_id AND c.model_id = e.model_id AND c.data_digest = e.data_digest
     AND c.primary_metric = e.primary_metric AND c.model_version_id = live.id
    WHERE e.tenant_id = tenant AND e.model_id = model AND e.model_version_id = target
    ORDER BY greatest(e.evaluated_at, c.evaluated_at) DESC, e.evaluated_at DESC, c.evaluated_at DESC LIMIT 1;
    IF NOT FOUND THEN
        detail := format('never evaluated on the same rows as version %s', champion);
        RETURN;
    END IF;
    metric := met.primary_metric;
    higher_is_better := coalesce((
        SELECT p.higher_is_better FROM @extschema@.sira_models m, @extschema@.sira_primary_metric(m.task, met.metrics) p
        WHERE m.tenant_id = tenant AND m.id = model AND p.metric = met.primary_metric), true);
    rows := met.rows;
    prevalence := @extschema@.sira_number(met.metrics -> 'prevalence');
    value := met.primary_value;
    champion_value := met.of_champion;
    -- By a share of the champion's value, or by a fifth of what is left to perfection where that is less: 1 where more is
    -- better, no error at all where less is. The last digit is rounding's, not the model's.
    wanted := CASE WHEN higher_is_better
        THEN champion_value + least(share * abs(champion_value), (1 - champion_value) / 5) - 1e-12
        ELSE champion_value - least(share, 0.2) * abs(champion_value) + 1e-12 END;
    detail := format('version %s has %s on the same %s (%s by %s)', champion, champion_value,
                     @extschema@.sira_rows_told(rows, prevalence), met.purpose, met.evaluated_by);
END
$$;
COMMENT ON FUNCTION @extschema@.sira_against_champion(text, uuid, uuid, double precision) IS
    'A version and the champion on the newest rows that both were evaluated on, and what the version needs there. Example: SELECT c.* FROM sira_model_versions v, sira_against_champion(v.tenant_id, v.model_id, v.id, 0.02) c WHERE v.status = ''staging'';';

-- A metric by the values of a column, in the version's newest evaluation that has it.
CREATE FUNCTION @extschema@.sira_slices_of(
    tenant text, target uuid, sliced_by text, measure text, least_rows integer,
    OUT lowest double precision, OUT highest double precision, OUT detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    enough integer := coalesce(least_rows, @extschema@.sira_gate_setting('min_gate_rows')::integer);
    newest record;
    spread record;
BEGIN
    SELECT e.slices -> sliced_by AS parts, e.rows, e.purpose, e.evaluated_by INTO newest
    FROM @extschema@.sira_evaluations e
    WHERE e.tenant_id = tenant AND e.model_version_id = target AND jsonb_typeof(e.slices -> sliced_by) = 'object'
    ORDER BY e.evaluated_at DESC LIMIT 1;
    IF NOT FOUND THEN
        detail := format('never evaluated by slices of "%s"', sliced_by);
        RETURN;
    END IF;
    SELECT min(s.value) AS low, max(s.value) AS high, count(*) AS counted,
           (array_agg(s.name ORDER BY s.value, s.name))[1] AS worst, (array_agg(s.name ORDER BY s.value DESC, s.name))[1] AS best
    INTO spread
    FROM (SELECT p.key AS name, @extschema@.sira_number(p.value -> measure) AS value FROM jsonb_each(newest.parts) p
          WHERE coalesce(@extschema@.sira_number(p.value -> 'rows'), 0) >= enough) s
    WHERE s.value IS NOT NULL;
    -- One slice has no gap, and a query that holds one value of the column shows nothing of the others.
    IF spread.counted > 1 THEN
        lowest := spread.low;
        highest := spread.high;
    END IF;
    detail := CASE
        WHEN spread.counted = 0 THEN format('no slice of "%s" has the metric on %s rows', sliced_by, enough)
        WHEN spread.counted = 1
            THEN format('only one slice of "%s" (%s) has the metric on %s rows', sliced_by, spread.worst, enough)
        ELSE format('lowest %s (%s), highest %s (%s) of %s slices of %s rows (%s by %s)', spread.low, spread.worst, spread.high,
                    spread.best, spread.counted, newest.rows, newest.purpose, newest.evaluated_by) END;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_slices_of(text, uuid, text, text, integer) IS
    'The least and the most of a metric over the values of a column, in a version''s newest evaluation by it. Example: SELECT s.* FROM sira_model_versions v, sira_slices_of(v.tenant_id, v.id, ''country'', ''recall'', 100) s;';

-- Every gate and every policy before a stage, met or not. The trigger calls it as the owner with the row as it is about to be;
-- people call it, through sira_check_gates, with what row-level security lets them see.
CREATE TYPE @extschema@.sira_gate_finding AS (
    stage text, gate text, metric text, wanted text, found text, passed boolean, detail text);
COMMENT ON TYPE @extschema@.sira_gate_finding IS 'One gate or approval policy, and what a version shows of it.';
COMMENT ON COLUMN @extschema@.sira_gate_finding.stage IS 'the state before which it stands';
COMMENT ON COLUMN @extschema@.sira_gate_finding.gate IS 'metric, improvement, slice, smoke_test or signatures';
COMMENT ON COLUMN @extschema@.sira_gate_finding.metric IS 'the metric, where it is of one';
COMMENT ON COLUMN @extschema@.sira_gate_finding.wanted IS 'what is asked';
COMMENT ON COLUMN @extschema@.sira_gate_finding.found IS 'what the version shows; NULL where it shows nothing';
COMMENT ON COLUMN @extschema@.sira_gate_finding.passed IS 'whether that is enough';
COMMENT ON COLUMN @extschema@.sira_gate_finding.detail IS 'on which rows, compared with what, and who asks for it';

CREATE FUNCTION @extschema@.sira_judge(
    tenant text, model uuid, target uuid, author text, artifact bytea, measured jsonb, wanted_stage text)
RETURNS SETOF @extschema@.sira_gate_finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    judged_model @extschema@.sira_models;
    asked record;
    smoke record;
    better record;
    part record;
    one @extschema@.sira_gate_finding;
    value double precision;
    evaluated record;
    lacking text;
    is_trained_here boolean;
BEGIN
    SELECT v.training_run_id IS NOT NULL INTO is_trained_here FROM @extschema@.sira_model_versions v WHERE v.id = target;
    SELECT m.* INTO judged_model FROM @extschema@.sira_models m WHERE m.tenant_id = tenant AND m.id = model;
    one.stage := wanted_stage;
    FOR asked IN SELECT g.* FROM @extschema@.sira_gates_at(tenant, model, judged_model.model_type, judged_model.task, wanted_stage) g
    LOOP
        IF (asked.kind = 'smoke_test' OR asked.metric = 'latency_us') AND smoke IS NULL THEN
            SELECT s.* INTO smoke FROM @extschema@.sira_smoke_test(target) s;
        END IF;
        one.gate := asked.kind;
        one.metric := asked.metric;
        one.wanted := @extschema@.sira_gate_wanted(asked.kind, asked.minimum, asked.maximum, asked.max_gap);
        one.detail := asked.origin;
        lacking := NULL;
        CASE asked.kind
        WHEN 'metric' THEN
            IF asked.metric = 'latency_us' THEN
                value := smoke.latency_us;
            ELSE
                value := @extschema@.sira_number(measured -> asked.metric);
            END IF;
            -- What came with an imported version is the word of whoever imported it, and nothing to go to production by.
            SELECT @extschema@.sira_number(e.metrics -> asked.metric) AS value, e.rows,
                   @extschema@.sira_number(e.metrics -> 'prevalence') AS prevalence, e.purpose, e.evaluated_by INTO evaluated
            FROM @extschema@.sira_evaluations e
            WHERE e.tenant_id = tenant AND e.model_version_id = target AND jsonb_typeof(e.metrics -> asked.metric) = 'number'
              AND asked.metric <> 'latency_us' AND NOT coalesce(is_trained_here, false)
            ORDER BY e.evaluated_at DESC LIMIT 1;
            IF FOUND THEN
                value := evaluated.value;
                lacking := @extschema@.sira_rows_lacking(evaluated.rows, evaluated.prevalence);
                one.detail := concat_ws('; ', format('on %s (%s by %s)', @extschema@.sira_rows_told(evaluated.rows, evaluated.prevalence),
                                                     evaluated.purpose, evaluated.evaluated_by), lacking, asked.origin);
            ELSIF value IS NOT NULL AND asked.metric <> 'latency_us' AND is_trained_here THEN
                evaluated.rows := @extschema@.sira_number(measured -> 'rows');
                evaluated.prevalence := @extschema@.sira_number(measured -> 'prevalence');
                lacking := @extschema@.sira_rows_lacking(evaluated.rows, evaluated.prevalence);
                one.detail := concat_ws('; ', format('on %s (test part of the run by %s)',
                    @extschema@.sira_rows_told(evaluated.rows, evaluated.prevalence), author), lacking, asked.origin);
            ELSIF value IS NOT NULL AND asked.metric <> 'latency_us' THEN
                one.detail := concat_ws('; ', format('claimed by %s, not measured here', author), asked.origin);
            END IF;
            one.found := value::text;
            one.passed := coalesce(value >= coalesce(asked.minimum, value) AND value <= coalesce(asked.maximum, value), false)
                AND (wanted_stage <> 'production' OR asked.metric = 'latency_us' OR coalesce(is_trained_here, false)
                     OR evaluated.value IS NOT NULL)
                -- Whoever asks for nothing needs no rows.
                AND (lacking IS NULL OR (asked.minimum = 0 AND asked.maximum IS NULL));
            IF value IS NULL THEN
                one.detail := concat_ws('; ', 'not measured', asked.origin);
            END IF;
        WHEN 'improvement' THEN
            SELECT c.* INTO better FROM @extschema@.sira_against_champion(tenant, model, target, asked.minimum) c;
            one.metric := better.metric;
            one.found := better.value::text;
            IF better.value IS NOT NULL AND asked.minimum > -1 THEN
                lacking := @extschema@.sira_rows_lacking(better.rows, better.prevalence);
            END IF;
            -- The first version has nobody to be better than. Where better is asked for, as good is not enough, unless there is
            -- no better.
            one.passed := better.champion IS NULL
                OR coalesce(CASE WHEN better.higher_is_better THEN better.value >= better.wanted
                                 ELSE better.value <= better.wanted END, false)
                AND lacking IS NULL
                AND (asked.minimum <= 0 OR better.value <> better.champion_value
                     OR better.value = CASE WHEN better.higher_is_better THEN 1 ELSE 0 END);
            IF better.wanted IS NOT NULL THEN
                one.wanted := format('at %s %s', CASE WHEN better.higher_is_better THEN 'least' ELSE 'most' END,
                                 trim_scale(round(better.wanted::numeric, 9)));
            END IF;
            one.detail := concat_ws('; ', coalesce(better.detail, CASE WHEN better.champion IS NULL THEN 'no champion to compare with'
                                                                   END), lacking, asked.origin);
        WHEN 'slice' THEN
            SELECT s.* INTO part FROM @extschema@.sira_slices_of(tenant, target, asked.slice, asked.metric, asked.min_rows) s;
            one.wanted := one.wanted || format(' by "%s"', asked.slice);
            one.found := CASE WHEN asked.max_gap IS NULL THEN concat_ws(' to ', part.lowest, part.highest)
                          ELSE (part.highest - part.lowest)::text END;
            one.found := nullif(one.found, '');
            one.passed := coalesce(part.lowest >= coalesce(asked.minimum, part.lowest)
                               AND part.highest <= coalesce(asked.maximum, part.highest)
                               AND part.highest - part.lowest <= coalesce(asked.max_gap, 'Infinity'), false);
            one.detail := concat_ws('; ', part.detail, asked.origin);
        ELSE
            -- Without a row that asks for it, a version has to repeat what is stored of it, and nothing where nothing is: what
            -- is scored elsewhere has no artifact here.
            CONTINUE WHEN asked.origin IS NULL AND coalesce(smoke.examples, 0) = 0;
            one.found := CASE WHEN smoke.examples > 0 THEN format('%s of %s', smoke.identical, smoke.examples) END;
            one.passed := coalesce(smoke.examples > 0 AND smoke.identical = smoke.examples, false);
            one.detail := concat_ws('; ', coalesce(smoke.problem, CASE WHEN coalesce(smoke.examples, 0) = 0
                THEN 'no stored examples' END), asked.origin);
        END CASE;
        one.detail := nullif(one.detail, '');
        RETURN NEXT one;
    END LOOP;
    RETURN QUERY
    SELECT wanted_stage, 'signatures', NULL::text,
           CASE WHEN s.needed > 0 THEN s.needed || coalesce(' of "' || s.required_role || '"', '') ELSE 'no rejection' END,
           CASE WHEN s.rejected > 0 THEN format('%s, rejections %s', s.given, s.rejected) ELSE s.given::text END,
           s.given >= s.needed AND s.rejected = 0,
           concat_ws('; ', 'approval policy', (
               SELECT string_agg(DISTINCT format('"%s" signed in a session of "%s"', a.signer, a.logged_in_as), '; ')
               FROM @extschema@.sira_approvals a
               WHERE a.tenant_id = tenant AND a.model_version_id = target AND a.stage = wanted_stage AND a.logged_in_as IS NOT NULL
                 AND a.digest = @extschema@.sira_version_digest(tenant, model, artifact, measured)))
    FROM @extschema@.sira_signatures(tenant, target, model, author,
        @extschema@.sira_version_digest(tenant, model, artifact, measured), wanted_stage) s;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_judge(text, uuid, uuid, text, bytea, jsonb, text) IS
    'Every gate and approval policy before a stage, with what was wanted and found; what the trigger asks. Example: SELECT j.* FROM sira_model_versions v, sira_judge(v.tenant_id, v.model_id, v.id, v.created_by, v.artifact_digest, v.metrics, ''production'') j;';

CREATE FUNCTION @extschema@.sira_check_gates(model text, stage text DEFAULT NULL) RETURNS SETOF @extschema@.sira_gate_finding
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stages CONSTANT text[] := ARRAY['validated', 'staging', 'production'];
    target record;
BEGIN
    IF sira_check_gates.stage IS NOT NULL AND sira_check_gates.stage <> ALL (stages) THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('stage "%s" is not known', sira_check_gates.stage),
            HINT = 'Choose one of validated, staging, production.';
    END IF;
    SELECT p.*, v.created_by, v.artifact_digest, v.metrics INTO target
    FROM @extschema@.sira_pick_version(sira_check_gates.model, ARRAY['candidate', 'validated', 'staging']) p
    JOIN @extschema@.sira_model_versions v ON v.id = p.version_id;
    RETURN QUERY
    SELECT j.stage, j.gate, j.metric, j.wanted, j.found, j.passed, j.detail
    FROM unnest(stages) WITH ORDINALITY s (stage, place),
         @extschema@.sira_judge(target.tenant_id, target.model_id, target.version_id, target.created_by,
             target.artifact_digest, target.metrics, s.stage)
             WITH ORDINALITY j (stage, gate, metric, wanted, found, passed, detail, place)
    -- Unless one is named, those that the version has before it.
    WHERE s.stage = sira_check_gates.stage
       OR (sira_check_gates.stage IS NULL AND s.place > coalesce(array_position(stages, target.status), 0))
    ORDER BY s.place, j.place;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_check_gates(text, text) IS
    'What a version shows of what gates and approval policies ask before a stage, or before all that are left; a bare name means the newest version under way. Example: SELECT * FROM sira_check_gates(''fraud/3'', ''production'');';

-- For whoever trains: what passes goes on by itself, as far as nobody has to sign, and where the DBA has allowed it. It asks
-- before it steps, so that a superuser's bypass takes nothing along.
CREATE TYPE @extschema@.sira_auto_step AS (
    model text, version integer, from_status text, to_status text, promoted boolean, why text);
COMMENT ON TYPE @extschema@.sira_auto_step IS 'A step that sira_auto_promote took, or the one at which it stopped.';
COMMENT ON COLUMN @extschema@.sira_auto_step.model IS 'name of the model';
COMMENT ON COLUMN @extschema@.sira_auto_step.version IS 'number of the version';
COMMENT ON COLUMN @extschema@.sira_auto_step.from_status IS 'the state it had';
COMMENT ON COLUMN @extschema@.sira_auto_step.to_status IS 'the state that comes next; NULL where none does';
COMMENT ON COLUMN @extschema@.sira_auto_step.promoted IS 'whether it went there';
COMMENT ON COLUMN @extschema@.sira_auto_step.why IS 'why, or why not';

CREATE FUNCTION @extschema@.sira_auto_promote(model text, version integer DEFAULT NULL)
RETURNS SETOF @extschema@.sira_auto_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reference text := sira_auto_promote.model || coalesce('/' || sira_auto_promote.version, '');
    target record;
    unmet text;
    step @extschema@.sira_auto_step;
BEGIN
    SELECT p.*, v.created_by, v.artifact_digest, v.metrics INTO target
    FROM @extschema@.sira_pick_version(reference, ARRAY['candidate', 'validated', 'staging']) p
    JOIN @extschema@.sira_model_versions v ON v.id = p.version_id;
    step.model := target.model_name;
    step.version := target.version;
    step.from_status := target.status;
    LOOP
        step.to_status := CASE step.from_status WHEN 'candidate' THEN 'validated' WHEN 'validated' THEN 'staging'
                                      WHEN 'staging' THEN 'production' END;
        step.promoted := false;
        step.why := CASE
            WHEN @extschema@.sira_gate_setting('auto_promote') <> 'on' THEN 'sira.auto_promote is off'
            WHEN target.artifact_digest IS NULL THEN 'it has no artifact and could not score'
            WHEN NOT has_column_privilege('@extschema@.sira_model_versions', 'status', 'UPDATE')
                THEN format('role "%s" may not move versions', CURRENT_USER) END;
        IF step.to_status IS NULL THEN
            step.why := format('from "%s" nothing is promoted', step.from_status);
        ELSIF step.why IS NULL THEN
            PERFORM @extschema@.sira_lock_model(target.model_id);
            SELECT string_agg(concat_ws(' ', j.gate, j.metric) || format(': wanted %s, found %s', j.wanted, coalesce(j.found, 'nothing')), '; ')
            INTO unmet
            FROM @extschema@.sira_judge(target.tenant_id, target.model_id, target.version_id, target.created_by,
                target.artifact_digest, target.metrics, step.to_status) j
            WHERE NOT j.passed;
            IF unmet IS NOT NULL THEN
                step.why := unmet;
            ELSIF step.to_status = 'production' AND target.version < (
                SELECT c.version FROM @extschema@.sira_champion(target.tenant_id, target.model_id) c) THEN
                step.why := 'the champion is newer';
            ELSIF @extschema@.sira_take_step(target.version_id, step.from_status, step.to_status, 'sira_auto_promote: every gate is met') THEN
                step.promoted := true;
                step.why := 'every gate is met';
            ELSE
                step.why := 'another session has moved it';
            END IF;
        END IF;
        RETURN NEXT step;
        EXIT WHEN NOT step.promoted OR step.to_status = 'production';
        step.from_status := step.to_status;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_auto_promote(text, integer) IS
    'Takes a version as far as gates and approval policies let it without anybody''s hand, where sira.auto_promote is on; a row a step, the last one says why it stopped. Example: SELECT * FROM sira_auto_promote(''fraud'', 3);';
