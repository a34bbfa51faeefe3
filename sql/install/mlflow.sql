-- MLflow's model directories, in and out. Of the flavours, lightgbm and xgboost hold trees in a form that their library
-- documents; a scikit-learn wrapper is a pickle, which is a program, and is refused.
CREATE FUNCTION @extschema@.sira_mlflow_file(mlmodel text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_mlflow_file_wrapper';
COMMENT ON FUNCTION @extschema@.sira_mlflow_file(text) IS
    'The path of the model file that the text of an MLmodel names, within its directory. Example: SELECT sira_mlflow_file(pg_read_file(''/models/fraud/MLmodel''));';

CREATE FUNCTION @extschema@.sira_read_mlflow(mlmodel text, data bytea) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_read_mlflow_wrapper';
COMMENT ON FUNCTION @extschema@.sira_read_mlflow(text, bytea) IS
    'What an MLmodel and its model file say of a version: format, signature (columns and types by name) and origin. Example: SELECT sira_read_mlflow(pg_read_file(''/models/fraud/MLmodel''), pg_read_binary_file(''/models/fraud/model.lgb''));';

CREATE FUNCTION @extschema@.sira_write_mlflow(artifact bytea, signature jsonb, origin jsonb) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'sira_write_mlflow_wrapper';
COMMENT ON FUNCTION @extschema@.sira_write_mlflow(bytea, jsonb, jsonb) IS
    'The text files of an MLflow directory for an artifact, and the path that the artifact gets. Example: SELECT sira_write_mlflow(sira_export_version(''fraud''), v.signature, ''{"model": "fraud", "version": 3}'') FROM sira_model_versions v WHERE v.status = ''production'';';

-- For whoever has the two files; nothing is read from the server's disk.
CREATE FUNCTION @extschema@.sira_import_mlflow(
    model text, mlmodel text, data bytea, metrics jsonb DEFAULT '{}', params jsonb DEFAULT '{}', version_label text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    described jsonb;
    number integer;
    own @extschema@.sira_models;
BEGIN
    IF mlmodel IS NULL OR data IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
            MESSAGE = format('argument "%s" is null', CASE WHEN mlmodel IS NULL THEN 'mlmodel' ELSE 'data' END),
            HINT = 'Give the text of MLmodel and the bytes of the file that it names.';
    END IF;
    described := @extschema@.sira_read_mlflow(mlmodel, data);
    number := @extschema@.sira_import_version(sira_import_mlflow.model, data, described ->> 'format', described -> 'signature',
                                              metrics, version_label);
    own := @extschema@.sira_find_model(sira_import_mlflow.model);
    UPDATE @extschema@.sira_model_versions v
    SET tags = v.tags || jsonb_build_object('mlflow', (described -> 'origin')
                         || CASE WHEN params IS NULL OR params = '{}' THEN '{}' ELSE jsonb_build_object('params', params) END)
    WHERE v.tenant_id = own.tenant_id AND v.model_id = own.id AND v.version = number;
    RETURN number;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_import_mlflow(text, text, bytea, jsonb, jsonb, text) IS
    'Registers a model that MLflow saved (flavour lightgbm or xgboost) from the text of its MLmodel and the bytes of its model file, as a candidate; columns bind by the names of its signature, where it comes from stands in the tags. Example: SELECT sira_import_mlflow(''fraud'', pg_read_file(''/tmp/model/MLmodel''), pg_read_binary_file(''/tmp/model/model.lgb''), metrics => ''{"auc": 0.95}'');';

-- The server reads the directory with the caller's own rights: superusers and members of pg_read_server_files.
CREATE FUNCTION @extschema@.sira_import_mlflow(model text, directory text) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mlmodel text := pg_read_file(directory || '/MLmodel');
BEGIN
    RETURN @extschema@.sira_import_mlflow(sira_import_mlflow.model, mlmodel,
        pg_read_binary_file(directory || '/' || @extschema@.sira_mlflow_file(mlmodel)));
END
$$;
COMMENT ON FUNCTION @extschema@.sira_import_mlflow(text, text) IS
    'Registers a model from an MLflow directory that the server can read, with the caller''s right to read files there. Example: SELECT sira_import_mlflow(''fraud'', ''/models/fraud'');';

CREATE FUNCTION @extschema@.sira_export_mlflow(model text) RETURNS TABLE (path text, content bytea)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target record;
    artifact bytea;
    written jsonb;
BEGIN
    SELECT r.model_name, v.* INTO target
    FROM @extschema@.sira_resolve_version(sira_export_mlflow.model) r
    JOIN @extschema@.sira_model_versions v ON v.tenant_id = r.tenant_id AND v.id = r.version_id;
    artifact := @extschema@.sira_export_version(format('%s/%s', target.model_name, target.version));
    written := @extschema@.sira_write_mlflow(artifact, target.signature, jsonb_build_object(
        'model', target.model_name, 'version', target.version, 'digest', encode(target.artifact_digest, 'hex'),
        'library_version', target.tags #>> '{mlflow,library_version}',
        'trained_here', CASE WHEN target.training_run_id IS NOT NULL THEN 'yes' END,
        'created', to_char(target.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')));
    RETURN QUERY SELECT f.key, convert_to(f.value, 'UTF8') FROM jsonb_each_text(written -> 'files') f ORDER BY f.key;
    RETURN QUERY SELECT written ->> 'data', artifact;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_export_mlflow(text) IS
    'The files of a directory that MLflow loads, with the artifact byte for byte as it came; scores of a calibrated model are those before calibration. Example: SELECT path, encode(content, ''base64'') FROM sira_export_mlflow(''fraud'');';
