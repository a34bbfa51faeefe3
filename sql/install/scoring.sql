-- Scores. Features come as a row, jsonb, json, float8[] in the model's order or text holding JSON (so that a bare literal
-- resolves), and bind by name. Nothing is written: all of these run on standbys and in parallel workers.

CREATE FUNCTION @extschema@.sira_score(model text, features record) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score(text, record) IS
    'The score: a probability, or the value of a regression, for features as record (a row: sira_score(''fraud'', t.*) where the table has a column of its own name). Example: SELECT sira_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score(model text, features jsonb) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score(text, jsonb) IS
    'The score: a probability, or the value of a regression, for features as jsonb (an object by feature name). Example: SELECT sira_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score(model text, features json) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score(text, json) IS
    'The score: a probability, or the value of a regression, for features as json (an object by feature name). Example: SELECT sira_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score(model text, features double precision[]) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score(text, double precision[]) IS
    'The score: a probability, or the value of a regression, for features as double precision[] (values in the model''s order). Example: SELECT sira_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score(model text, features text) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score(text, text) IS
    'The score: a probability, or the value of a regression, for features as text (JSON as text). Example: SELECT sira_score(''fraud'', ''{"amount": 120}'');';

CREATE FUNCTION @extschema@.sira_score_query(model text, query text, key text DEFAULT NULL)
RETURNS TABLE (row_number bigint, key text, score double precision)
LANGUAGE c STABLE COST 10000 ROWS 100000 AS 'MODULE_PATHNAME', 'sira_score_query';
COMMENT ON FUNCTION @extschema@.sira_score_query(text, text, text) IS
    'A score for every row of a query, many rows at a time: features bind by the names of its columns, "key" names the column that tells the rows apart. Example: SELECT key::bigint AS id, score FROM sira_score_query(''fraud'', ''SELECT id, amount FROM payments'', ''id'');';

CREATE FUNCTION @extschema@.sira_raw_score(model text, features record) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_raw_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_raw_score(text, record) IS
    'The score before the output transform, for features as record (a row: sira_score(''fraud'', t.*) where the table has a column of its own name). Example: SELECT sira_raw_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_raw_score(model text, features jsonb) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_raw_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_raw_score(text, jsonb) IS
    'The score before the output transform, for features as jsonb (an object by feature name). Example: SELECT sira_raw_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_raw_score(model text, features json) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_raw_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_raw_score(text, json) IS
    'The score before the output transform, for features as json (an object by feature name). Example: SELECT sira_raw_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_raw_score(model text, features double precision[]) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_raw_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_raw_score(text, double precision[]) IS
    'The score before the output transform, for features as double precision[] (values in the model''s order). Example: SELECT sira_raw_score(''fraud'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_raw_score(model text, features text) RETURNS double precision
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_raw_score_wrapper';
COMMENT ON FUNCTION @extschema@.sira_raw_score(text, text) IS
    'The score before the output transform, for features as text (JSON as text). Example: SELECT sira_raw_score(''fraud'', ''{"amount": 120}'');';

CREATE FUNCTION @extschema@.sira_score_classes(model text, features record) RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_classes_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score_classes(text, record) IS
    'One probability a class, in class order, for features as record (a row: sira_score(''fraud'', t.*) where the table has a column of its own name). Example: SELECT sira_score_classes(''merchant_category'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score_classes(model text, features jsonb) RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_classes_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score_classes(text, jsonb) IS
    'One probability a class, in class order, for features as jsonb (an object by feature name). Example: SELECT sira_score_classes(''merchant_category'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score_classes(model text, features json) RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_classes_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score_classes(text, json) IS
    'One probability a class, in class order, for features as json (an object by feature name). Example: SELECT sira_score_classes(''merchant_category'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score_classes(model text, features double precision[]) RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_classes_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score_classes(text, double precision[]) IS
    'One probability a class, in class order, for features as double precision[] (values in the model''s order). Example: SELECT sira_score_classes(''merchant_category'', ''{"amount": 120}'');';
CREATE FUNCTION @extschema@.sira_score_classes(model text, features text) RETURNS double precision[]
LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'sira_score_classes_wrapper';
COMMENT ON FUNCTION @extschema@.sira_score_classes(text, text) IS
    'One probability a class, in class order, for features as text (JSON as text). Example: SELECT sira_score_classes(''merchant_category'', ''{"amount": 120}'');';

CREATE FUNCTION @extschema@.sira_explain(model text, features record, top_k integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution double precision, baseline double precision)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 10 AS 'MODULE_PATHNAME', 'sira_explain_wrapper';
COMMENT ON FUNCTION @extschema@.sira_explain(text, record, integer, text) IS
    'Exact SHAP contributions to the raw score, largest first; with the baseline they add up to it. Features as record (a row: sira_score(''fraud'', t.*) where the table has a column of its own name). Example: SELECT * FROM sira_explain(''fraud'', ''{"amount": 120}'', 3);';
CREATE FUNCTION @extschema@.sira_explain(model text, features jsonb, top_k integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution double precision, baseline double precision)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 10 AS 'MODULE_PATHNAME', 'sira_explain_wrapper';
COMMENT ON FUNCTION @extschema@.sira_explain(text, jsonb, integer, text) IS
    'Exact SHAP contributions to the raw score, largest first; with the baseline they add up to it. Features as jsonb (an object by feature name). Example: SELECT * FROM sira_explain(''fraud'', ''{"amount": 120}'', 3);';
CREATE FUNCTION @extschema@.sira_explain(model text, features json, top_k integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution double precision, baseline double precision)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 10 AS 'MODULE_PATHNAME', 'sira_explain_wrapper';
COMMENT ON FUNCTION @extschema@.sira_explain(text, json, integer, text) IS
    'Exact SHAP contributions to the raw score, largest first; with the baseline they add up to it. Features as json (an object by feature name). Example: SELECT * FROM sira_explain(''fraud'', ''{"amount": 120}'', 3);';
CREATE FUNCTION @extschema@.sira_explain(model text, features double precision[], top_k integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution double precision, baseline double precision)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 10 AS 'MODULE_PATHNAME', 'sira_explain_wrapper';
COMMENT ON FUNCTION @extschema@.sira_explain(text, double precision[], integer, text) IS
    'Exact SHAP contributions to the raw score, largest first; with the baseline they add up to it. Features as double precision[] (values in the model''s order). Example: SELECT * FROM sira_explain(''fraud'', ''{"amount": 120}'', 3);';
CREATE FUNCTION @extschema@.sira_explain(model text, features text, top_k integer DEFAULT NULL, class text DEFAULT NULL)
RETURNS TABLE (feature text, value text, contribution double precision, baseline double precision)
LANGUAGE c STABLE PARALLEL SAFE COST 1000 ROWS 10 AS 'MODULE_PATHNAME', 'sira_explain_wrapper';
COMMENT ON FUNCTION @extschema@.sira_explain(text, text, integer, text) IS
    'Exact SHAP contributions to the raw score, largest first; with the baseline they add up to it. Features as text (JSON as text). Example: SELECT * FROM sira_explain(''fraud'', ''{"amount": 120}'', 3);';
