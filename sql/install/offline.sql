-- Features of many entities, each at its own moment: what models are trained on.
CREATE FUNCTION @extschema@.sira_historical_features(set text, entities text, as_known boolean DEFAULT true)
RETURNS TABLE (entity_id text, as_of timestamptz, features jsonb)
LANGUAGE c STABLE ROWS 100000 COST 1000000 AS 'MODULE_PATHNAME', 'sira_historical_features_wrapper';
COMMENT ON FUNCTION @extschema@.sira_historical_features(text, text, boolean) IS
    'The features of a set for each row of a query, in its order, duplicates kept. The query gives entity_id, as_of, the columns that the set''s keys name, and the request features; it may give known_at (as_of where it does not): with as_known, what was recorded after that does not count. Example: SELECT * FROM sira_historical_features(''cards'', ''SELECT customer_id AS entity_id, paid_at AS as_of FROM payments'');';

CREATE FUNCTION @extschema@.sira_build_training_set(target text, set text, entities text, as_known boolean DEFAULT true)
RETURNS bigint
LANGUAGE c VOLATILE COST 1000000 AS 'MODULE_PATHNAME', 'sira_build_training_set_wrapper';
COMMENT ON FUNCTION @extschema@.sira_build_training_set(text, text, text, boolean) IS
    'Makes a table of all columns of the query and one column for each feature of the set, computed as by sira_historical_features, and gives the number of its rows. Example: SELECT sira_build_training_set(''june'', ''cards'', ''SELECT customer_id AS entity_id, paid_at AS as_of, is_fraud FROM payments'');';

CREATE FUNCTION @extschema@.sira_lint_training_set(set text, target text)
RETURNS TABLE (row_number bigint, entity_id text, as_of timestamptz, feature text, found text, expected text, finding text)
LANGUAGE c STABLE ROWS 100 COST 1000000 AS 'MODULE_PATHNAME', 'sira_lint_training_set_wrapper';
COMMENT ON FUNCTION @extschema@.sira_lint_training_set(text, text) IS
    'Computes the set again for the rows of a training table and gives each value that differs: one recorded after the row''s moment, one that only a known_at later than the moment explains, or one that was never the value at that moment. No row: nothing in the table was known too early. Numbers may differ by one part in a billion. Example: SELECT * FROM sira_lint_training_set(''cards'', ''june'');';
