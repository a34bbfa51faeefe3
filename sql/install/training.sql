-- Models: trained here, brought from elsewhere, taken elsewhere.
CREATE FUNCTION @extschema@.sira_import_version(
    model text, artifact bytea, format text DEFAULT 'lightgbm', signature jsonb DEFAULT NULL, metrics jsonb DEFAULT '{}',
    version_label text DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_import_version_wrapper';
COMMENT ON FUNCTION @extschema@.sira_import_version(text, bytea, text, jsonb, jsonb, text) IS
    'Registers the bytes of a model (format lightgbm: its text; xgboost: its JSON or UBJSON) as a candidate and gives its version number. Example: SELECT sira_import_version(''fraud'', pg_read_binary_file(''/tmp/model.ubj''), format => ''xgboost'');';

CREATE FUNCTION @extschema@.sira_import_version(
    model text, artifact text, format text DEFAULT 'lightgbm', signature jsonb DEFAULT NULL, metrics jsonb DEFAULT '{}',
    version_label text DEFAULT NULL)
RETURNS integer
LANGUAGE sql VOLATILE AS $$
    SELECT @extschema@.sira_import_version($1, pg_catalog.convert_to($2, 'UTF8'), $3, $4, $5, $6)
$$;
COMMENT ON FUNCTION @extschema@.sira_import_version(text, text, text, jsonb, jsonb, text) IS
    'Registers the text that save_model writes (LightGBM''s, or with format xgboost XGBoost''s JSON) as a candidate and gives its version number. Example: SELECT sira_import_version(''fraud'', pg_read_file(''/tmp/model.txt''));';

CREATE FUNCTION @extschema@.sira_export_version(model text) RETURNS bytea
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'sira_export_version_wrapper';
COMMENT ON FUNCTION @extschema@.sira_export_version(text) IS
    'The artifact of a version, byte for byte as it came. Example: SELECT convert_from(sira_export_version(''fraud''), ''UTF8'');';

CREATE FUNCTION @extschema@.sira_prewarm(model text) RETURNS bigint
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sira_prewarm_wrapper';
COMMENT ON FUNCTION @extschema@.sira_prewarm(text) IS
    'Compiles a version and maps it, so that the machine''s first score need not; gives its bytes. Example: SELECT sira_prewarm(''fraud'');';

CREATE FUNCTION @extschema@.sira_train(
    model text, query text, label text, time_column text DEFAULT NULL, weight text DEFAULT NULL, exclude text[] DEFAULT '{}',
    group_column text DEFAULT NULL, positive text DEFAULT NULL, params jsonb DEFAULT '{}',
    split jsonb DEFAULT '{"method": "time", "train": 0.7, "validation": 0.1, "test": 0.2}', embargo interval DEFAULT '0',
    seed bigint DEFAULT 42, feature_set text DEFAULT NULL, notes text DEFAULT NULL, calibration text DEFAULT NULL,
    start_from text DEFAULT NULL)
RETURNS TABLE (run_id uuid, version integer, status text, metrics jsonb, rows_train bigint, rows_validation bigint,
    rows_test bigint, seconds double precision)
LANGUAGE c VOLATILE ROWS 1 AS 'MODULE_PATHNAME', 'sira_train_wrapper';
COMMENT ON FUNCTION @extschema@.sira_train(text, text, text, text, text, text[], text, text, jsonb, jsonb, interval, bigint, text, text, text, text) IS
    'Trains LightGBM on the rows of a query, read as the caller, and registers a candidate; metrics are those of the test part. Every column that has no other role is a feature. calibration (platt, isotonic) is fitted on the validation part; start_from names a version whose trees come first. Example: SELECT * FROM sira_train(''fraud'', ''SELECT paid_at, amount, channel, is_fraud FROM payments'', label => ''is_fraud'', time_column => ''paid_at'', embargo => ''7 days'');';
