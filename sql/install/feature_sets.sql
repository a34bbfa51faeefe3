-- Feature sets: ordered lists of definitions, pinned by id when the set is defined.

-- Runs as the owner, called by the library after its checks; closed to everybody else.
CREATE FUNCTION @extschema@.sira_store_feature_set(tenant text, definition jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    free text[] := ARRAY['id', 'tenant_id', 'version', 'created_at', 'created_by'];
    newest @extschema@.sira_feature_sets;
    wanted @extschema@.sira_feature_sets;
BEGIN
    wanted := jsonb_populate_record(NULL::@extschema@.sira_feature_sets, definition);
    PERFORM pg_advisory_xact_lock(hashtextextended(tenant || '/' || wanted.name, 8));
    SELECT s.* INTO newest FROM @extschema@.sira_feature_sets s
    WHERE s.tenant_id = tenant AND s.name = wanted.name ORDER BY s.version DESC LIMIT 1;
    IF newest.name IS NOT NULL AND to_jsonb(newest) - free = to_jsonb(wanted) - free THEN
        RETURN newest.version;
    END IF;
    INSERT INTO @extschema@.sira_feature_sets (tenant_id, name, version, entity_type, features, definition_ids, keys, description)
    VALUES (tenant, wanted.name, coalesce(newest.version, 0) + 1, wanted.entity_type, wanted.features, wanted.definition_ids,
            wanted.keys, wanted.description);
    RETURN coalesce(newest.version, 0) + 1;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_store_feature_set(text, jsonb) IS
    'The next version of a set that has been checked, or the newest where nothing has changed; for the library alone. Example: SELECT sira_store_feature_set(''default'', ''{"name": "cards", "entity_type": "customer", "features": ["spent_7d"]}'');';

CREATE FUNCTION @extschema@.sira_define_feature_set(
    name text, entity_type text, features text[], keys jsonb DEFAULT NULL, description text DEFAULT NULL)
RETURNS integer
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'sira_define_feature_set_wrapper';
COMMENT ON FUNCTION @extschema@.sira_define_feature_set(text, text, text[], jsonb, text) IS
    'Defines an ordered set of features (name: the newest version, name/2: that one) and answers the set''s version; keys says which column of a row carries each other entity''s id. Example: SELECT sira_define_feature_set(''cards'', ''transaction'', ''{spent_7d,amount}'', ''{"customer": "customer_id"}'');';
