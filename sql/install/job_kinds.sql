-- What kinds of jobs there are, and what each is asked for. The arguments of a job bear the names of the parameters of the
-- function that it calls; they are read as values of the parameters' types and never become SQL themselves.

-- What a kind of job calls: the parameters of that function are the job's arguments.
CREATE FUNCTION @extschema@.sira_job_callable(kind text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.callable
    FROM (VALUES ('train', 'sira_train'), ('evaluate', 'sira_evaluate'), ('tune', 'sira_tune'), ('reproduce', 'sira_reproduce'),
                 ('retrain', 'sira_retrain'), ('drift', 'sira_detect_drift')) AS c(kind, callable)
    WHERE c.kind = $1
$$;
COMMENT ON FUNCTION @extschema@.sira_job_callable(text) IS
    'The function whose parameters are the arguments of a kind of job. Example: SELECT sira_job_callable(''train'');';

-- Only members of the extension, which nobody but its owner can add.
CREATE FUNCTION @extschema@.sira_job_kinds() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT substr(p.proname, 9)
    FROM pg_proc p
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'sira'
    WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname LIKE 'sira\_do\_%' AND p.prokind = 'f'
      AND p.proargtypes = ARRAY['jsonb'::regtype]::oidvector AND p.prorettype = 'jsonb'::regtype AND NOT p.prosecdef
      AND (@extschema@.sira_job_callable(substr(p.proname, 9)) IS NULL
           OR EXISTS (SELECT 1 FROM pg_proc c WHERE c.pronamespace = p.pronamespace
                      AND c.proname = @extschema@.sira_job_callable(substr(p.proname, 9))))
    ORDER BY 1
$$;
COMMENT ON FUNCTION @extschema@.sira_job_kinds() IS
    'The kinds of jobs that workers run: one for each function sira_do_KIND of the extension. Example: SELECT sira_job_kinds();';

-- The parameters of a function in all its overloads that can be called by name with values of known types.
CREATE FUNCTION @extschema@.sira_job_parameters(callable text)
RETURNS TABLE (overload oid, place bigint, name text, type_oid oid, type_name text, required boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid, a.place, a.name, t.oid, format('%I.%I', n.nspname, t.typname), a.place <= p.pronargs - p.pronargdefaults
    FROM pg_proc p
    CROSS JOIN LATERAL unnest(p.proargnames[1:p.pronargs]) WITH ORDINALITY AS a(name, place)
    JOIN pg_type t ON t.oid = p.proargtypes[a.place - 1]
    JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE p.pronamespace = to_regnamespace('@extschema@') AND p.proname = callable AND p.prokind = 'f'
      AND NOT EXISTS (SELECT 1 FROM pg_type o WHERE o.oid = ANY (p.proargtypes) AND o.typtype = 'p')
$$;
COMMENT ON FUNCTION @extschema@.sira_job_parameters(text) IS
    'The parameters of a function of the extension. Example: SELECT name, type_name, required FROM sira_job_parameters(''sira_train'');';

-- The overload that takes these arguments: all that are given, and given all that it must have.
CREATE FUNCTION @extschema@.sira_job_overload(callable text, arguments jsonb) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.overload FROM @extschema@.sira_job_parameters(callable) p
    GROUP BY p.overload
    HAVING array_agg(p.name) @> ARRAY(SELECT jsonb_object_keys(arguments)) AND bool_and(arguments ? p.name OR NOT p.required)
    ORDER BY count(*) DESC, p.overload LIMIT 1
$$;
COMMENT ON FUNCTION @extschema@.sira_job_overload(text, jsonb) IS
    'The overload of a function that takes arguments of these names; NULL where none does. Example: SELECT sira_job_overload(''sira_train'', ''{"model": "fraud", "query": "TABLE payments", "label": "is_fraud"}'')::regprocedure;';

-- An argument as an expression over $1; what stands in the argument itself never becomes SQL.
CREATE FUNCTION @extschema@.sira_job_value(name text, type_oid oid, type_name text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN type_oid = 'jsonb'::regtype THEN format('($1 OPERATOR(pg_catalog.->) %L)', name)
        WHEN (SELECT t.typelem <> 0 AND t.typlen = -1 FROM pg_type t WHERE t.oid = type_oid) THEN format(
            'CASE WHEN pg_catalog.jsonb_typeof($1 OPERATOR(pg_catalog.->) %1$L) OPERATOR(pg_catalog.=) ''array'' '
            'THEN ARRAY(SELECT pg_catalog.jsonb_array_elements_text($1 OPERATOR(pg_catalog.->) %1$L))::%2$s '
            'ELSE ($1 OPERATOR(pg_catalog.->>) %1$L)::%2$s END', name, type_name)
        ELSE format('($1 OPERATOR(pg_catalog.->>) %L)::%s', name, type_name) END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_value(text, oid, text) IS
    'The expression that reads an argument of a job. Example: SELECT sira_job_value(''seed'', ''bigint''::regtype, ''pg_catalog.int8'');';

-- What was asked, complete and checked: a job that fails tonight for a slip of the pen is no use.
CREATE FUNCTION @extschema@.sira_job_arguments(kind text, subject text, arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked jsonb := coalesce(arguments, '{}');
    callable text := @extschema@.sira_job_callable(kind);
    known text[];
    wrong text;
    parameter record;
    answer text;
BEGIN
    IF jsonb_typeof(asked) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the arguments of a job are no JSON object',
            DETAIL = format('They are of type %s.', jsonb_typeof(asked)), HINT = 'Write {"query": "SELECT ...", "label": "..."}.';
    END IF;
    IF kind NOT IN (SELECT @extschema@.sira_job_kinds()) THEN
        IF kind <> 'feature_pipeline' THEN
            RAISE NOTICE USING MESSAGE = format('jobs of kind "%s" are run by no worker', kind),
                HINT = 'SELECT sira_job_kinds();';
        END IF;
        RETURN asked;
    END IF;
    known := ARRAY(SELECT p.name FROM @extschema@.sira_job_parameters(callable) p GROUP BY p.name ORDER BY min(p.place), p.name);
    IF cardinality(known) = 0 THEN
        RETURN asked;
    END IF;
    IF subject IS NOT NULL THEN
        asked := jsonb_build_object(known[1], subject) || asked;
    END IF;
    SELECT k INTO wrong FROM jsonb_object_keys(asked) k WHERE k <> ALL (known) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('a job of kind "%s" has no argument "%s"', kind, wrong),
            HINT = format('Its arguments are %s.', array_to_string(known, ', '));
    END IF;
    IF @extschema@.sira_job_overload(callable, asked) IS NULL THEN
        SELECT p.name INTO wrong FROM @extschema@.sira_job_parameters(callable) p
        WHERE p.required AND NOT asked ? p.name ORDER BY p.place LIMIT 1;
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('a job of kind "%s" lacks argument "%s"', kind, coalesce(wrong, 'NULL')),
            HINT = format('Its arguments are %s.', array_to_string(known, ', '));
    END IF;
    FOR parameter IN
        SELECT p.* FROM @extschema@.sira_job_parameters(callable) p
        WHERE p.overload = @extschema@.sira_job_overload(callable, asked) AND asked ? p.name
    LOOP
        IF parameter.required AND asked -> parameter.name = 'null' THEN
            RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
                MESSAGE = format('argument "%s" of a job of kind "%s" is null', parameter.name, kind);
        END IF;
        BEGIN
            EXECUTE 'SELECT (' || @extschema@.sira_job_value(parameter.name, parameter.type_oid, parameter.type_name) || ')::text'
            INTO answer USING asked;
        EXCEPTION WHEN data_exception THEN
            GET STACKED DIAGNOSTICS answer = RETURNED_SQLSTATE;
            RAISE EXCEPTION USING ERRCODE = answer,
                MESSAGE = format('argument "%s" of a job of kind "%s" is not of type %s', parameter.name, kind, format_type(parameter.type_oid, NULL)),
                DETAIL = format('%s.', SQLERRM);
        END;
    END LOOP;
    RETURN asked;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_arguments(text, text, jsonb) IS
    'The arguments of a job with its subject among them, or an error that says what is wrong with them. Example: SELECT sira_job_arguments(''train'', ''fraud'', ''{"query": "TABLE payments", "label": "is_fraud"}'');';

CREATE FUNCTION @extschema@.sira_job_statement(callable text, arguments jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) 1 '
                  'THEN pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) OPERATOR(pg_catalog.->) 0 '
                  'ELSE pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) END FROM @extschema@.%I(%s) AS t', callable,
                  (SELECT string_agg(format('%I => %s', p.name, @extschema@.sira_job_value(p.name, p.type_oid, p.type_name)), ', ' ORDER BY p.place)
                   FROM @extschema@.sira_job_parameters(callable) p
                   WHERE p.overload = @extschema@.sira_job_overload(callable, arguments) AND arguments ? p.name))
$$;
COMMENT ON FUNCTION @extschema@.sira_job_statement(text, jsonb) IS
    'The call that a job makes, with its arguments as $1. Example: SELECT sira_job_statement(''sira_train'', ''{"model": "fraud", "query": "TABLE payments", "label": "is_fraud"}'');';

-- No SET clause, here and in the kinds: the search_path is the job's, for the query in it.
CREATE FUNCTION @extschema@.sira_job_call(callable text, arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    answer pg_catalog.jsonb;
BEGIN
    EXECUTE @extschema@.sira_job_statement(callable, arguments) INTO answer USING arguments;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_job_call(text, jsonb) IS
    'Calls a function of the extension with named arguments; one row is answered as an object, several as an array. Example: SELECT sira_job_call(''sira_live_version'', ''{"model": "fraud"}'');';

-- The kinds. Whatever is a member of the extension and bears such a name is one, provided that what it calls is there.
CREATE FUNCTION @extschema@.sira_do_train(arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$ BEGIN RETURN @extschema@.sira_job_call('sira_train', arguments); END $$;
COMMENT ON FUNCTION @extschema@.sira_do_train(jsonb) IS
    'sira_train, as a job does it. Example: SELECT sira_do_train(''{"model": "fraud", "query": "TABLE payments", "label": "is_fraud"}'');';

CREATE FUNCTION @extschema@.sira_do_evaluate(arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$ BEGIN RETURN @extschema@.sira_job_call('sira_evaluate', arguments); END $$;
COMMENT ON FUNCTION @extschema@.sira_do_evaluate(jsonb) IS
    'sira_evaluate, as a job does it. Example: SELECT sira_do_evaluate(''{"model": "fraud", "query": "TABLE payments", "label": "is_fraud"}'');';

CREATE FUNCTION @extschema@.sira_do_tune(arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$ BEGIN RETURN @extschema@.sira_job_call('sira_tune', arguments); END $$;
COMMENT ON FUNCTION @extschema@.sira_do_tune(jsonb) IS
    'sira_tune, as a job does it. Example: SELECT sira_do_tune(''{"model": "fraud", "query": "TABLE payments", "label": "is_fraud", "space": {"learning_rate": [0.05, 0.1]}}'');';

CREATE FUNCTION @extschema@.sira_do_reproduce(arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$ BEGIN RETURN @extschema@.sira_job_call('sira_reproduce', arguments); END $$;
COMMENT ON FUNCTION @extschema@.sira_do_reproduce(jsonb) IS
    'sira_reproduce, as a job does it. Example: SELECT sira_do_reproduce(''{"run_id": "01890a5d-ac96-774b-bcce-b302099a8057"}'');';
