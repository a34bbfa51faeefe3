-- Features of one entity at a moment, computed now.
CREATE FUNCTION @extschema@.sira_get_features(
    set text, entity_id text, as_of timestamptz DEFAULT pg_catalog.now(), keys jsonb DEFAULT NULL, as_known boolean DEFAULT true)
RETURNS TABLE (feature text, value double precision, value_text text, status text, sampled_at timestamptz)
LANGUAGE c STABLE ROWS 20 COST 10000 AS 'MODULE_PATHNAME', 'sira_get_features_wrapper';
COMMENT ON FUNCTION @extschema@.sira_get_features(text, text, timestamptz, jsonb, boolean) IS
    'The features of a set (set: its newest version, set/2: that one) for an entity at a moment, in the set''s order; status PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE. keys holds the columns of the row at hand: ids of other entities and request features. With as_known false, what was recorded after a past moment counts too. Example: SELECT * FROM sira_get_features(''cards'', ''42'', now(), ''{"terminal_id": 7, "amount": 120}'');';

CREATE FUNCTION @extschema@.sira_get_features(
    set text, entity_id anynonarray, as_of timestamptz DEFAULT pg_catalog.now(), keys jsonb DEFAULT NULL,
    as_known boolean DEFAULT true)
RETURNS TABLE (feature text, value double precision, value_text text, status text, sampled_at timestamptz)
LANGUAGE sql STABLE ROWS 20 COST 10000 AS $$
    SELECT * FROM @extschema@.sira_get_features($1, $2::pg_catalog.text, $3, $4, $5)
$$;
COMMENT ON FUNCTION @extschema@.sira_get_features(text, anynonarray, timestamptz, jsonb, boolean) IS
    'The same for entity ids that are uuid or integers. Example: SELECT * FROM sira_get_features(''cards'', 42);';

CREATE FUNCTION @extschema@.sira_feature_vector(
    set text, entity_id text, as_of timestamptz DEFAULT pg_catalog.now(), keys jsonb DEFAULT NULL, as_known boolean DEFAULT true)
RETURNS jsonb
LANGUAGE c STABLE COST 10000 AS 'MODULE_PATHNAME', 'sira_feature_vector_wrapper';
COMMENT ON FUNCTION @extschema@.sira_feature_vector(text, text, timestamptz, jsonb, boolean) IS
    'The same features as one object by name, as sira_score takes it; whatever is not PRESENT is null. Example: SELECT sira_score(''fraud'', sira_feature_vector(''cards'', ''42''));';

CREATE FUNCTION @extschema@.sira_feature_vector(
    set text, entity_id anynonarray, as_of timestamptz DEFAULT pg_catalog.now(), keys jsonb DEFAULT NULL,
    as_known boolean DEFAULT true)
RETURNS jsonb
LANGUAGE sql STABLE COST 10000 AS $$
    SELECT @extschema@.sira_feature_vector($1, $2::pg_catalog.text, $3, $4, $5)
$$;
COMMENT ON FUNCTION @extschema@.sira_feature_vector(text, anynonarray, timestamptz, jsonb, boolean) IS
    'The same for entity ids that are uuid or integers. Example: SELECT sira_feature_vector(''cards'', 42);';
