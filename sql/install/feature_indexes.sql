-- The index that each window wants: (entity, time), so that one range scan finds an entity's rows, and behind them what its
-- expressions read, so that the rows themselves need not be fetched. Values go in only where all of them are short: an index
-- row has at most 2,704 bytes, and an INSERT must not fail for a feature's sake.
CREATE FUNCTION @extschema@.sira_feature_members(name text)
RETURNS SETOF @extschema@.sira_feature_definitions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant text := @extschema@.sira_current_tenant();
    wanted text[] := regexp_match(name, '^([^/@]+)(?:/([0-9]{1,9}))?$');
    members uuid[];
BEGIN
    SELECT s.definition_ids INTO members FROM @extschema@.sira_feature_sets s
    WHERE s.tenant_id = tenant AND s.name = wanted[1] AND (wanted[2] IS NULL OR s.version = wanted[2]::integer)
    ORDER BY s.version DESC LIMIT 1;
    IF NOT FOUND THEN
        SELECT ARRAY[d.id] INTO members FROM @extschema@.sira_feature_definitions d
        WHERE d.tenant_id = tenant AND d.name = wanted[1] AND (wanted[2] IS NULL OR d.version = wanted[2]::integer)
        ORDER BY d.version DESC LIMIT 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'undefined_object',
                MESSAGE = format('there is no feature set and no feature "%s"', coalesce(name, 'NULL')),
                HINT = 'SELECT name, version FROM sira_feature_sets; or FROM sira_feature_definitions;';
        END IF;
    END IF;
    RETURN QUERY SELECT d.* FROM unnest(members) WITH ORDINALITY AS m(id, place)
        JOIN @extschema@.sira_feature_definitions d ON d.tenant_id = tenant AND d.id = m.id ORDER BY m.place;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_feature_members(text) IS
    'The definitions of a set in its order, or the definition of a feature; name means the newest version, name/2 that one. Example: SELECT name, version, kind FROM sira_feature_members(''cards'');';

CREATE FUNCTION @extschema@.sira_feature_indexes(set_or_feature text)
RETURNS TABLE (feature text, relation text, index_columns text, "exists" boolean, statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH windows AS (
        SELECT row_number() OVER () AS place, d.name, d.source_relation, to_regclass(d.source_relation) AS source,
               d.entity_column, d.time_column,
               CASE WHEN d.recorded_column IS NULL THEN d.source_columns
                    ELSE array_append(d.source_columns, d.recorded_column) END AS needed
        FROM @extschema@.sira_feature_members(set_or_feature) d WHERE d.kind = 'window'
    ), sources AS (
        -- Windows over the same rows share an index.
        SELECT w.source_relation, w.source, w.entity_column, w.time_column, c.relkind,
               bool_and(w.needed IS NOT NULL) AS countable,
               (SELECT array_agg(DISTINCT n.name ORDER BY n.name)
                FROM windows o, unnest(o.needed) AS n(name)
                WHERE o.source_relation = w.source_relation AND o.entity_column = w.entity_column
                  AND o.time_column = w.time_column AND n.name NOT IN (w.entity_column, w.time_column)) AS needed
        FROM windows w LEFT JOIN pg_class c ON c.oid = w.source
        GROUP BY w.source_relation, w.source, w.entity_column, w.time_column, c.relkind
    ), wanted AS (
        SELECT s.*, format('%I, %I', s.entity_column, s.time_column) AS keys,
               CASE WHEN s.countable AND s.needed IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM pg_attribute a
                   WHERE a.attrelid = s.source AND a.attname = ANY (s.needed)
                     AND NOT (a.attlen > 0 OR a.atttypid = 'numeric'::regtype
                              OR (a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod BETWEEN 5 AND 104)))
                   THEN (SELECT format(' INCLUDE (%s)', string_agg(quote_ident(n.name), ', ' ORDER BY n.name))
                         FROM unnest(s.needed) AS n(name))
                   ELSE '' END AS included
        FROM sources s
    ), found AS (
        SELECT w.*, EXISTS (
            SELECT 1 FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
            WHERE i.indrelid = w.source AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
              AND i.indnkeyatts >= 2
              AND i.indkey[0] = (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = w.source AND a.attname = w.entity_column)
              AND i.indkey[1] = (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = w.source AND a.attname = w.time_column)
        ) AS there
        FROM wanted w
    )
    -- What is no table has no index of its own.
    SELECT w.name, w.source_relation, '(' || f.keys || ')' || f.included, f.there,
           CASE WHEN f.relkind IN ('r', 'p', 'm')
                THEN 'CREATE INDEX ON ' || f.source_relation || ' (' || f.keys || ')' || f.included END
    FROM windows w JOIN found f ON f.source_relation = w.source_relation AND f.entity_column = w.entity_column
                               AND f.time_column = w.time_column
    ORDER BY w.place
$$;
COMMENT ON FUNCTION @extschema@.sira_feature_indexes(text) IS
    'The index that each window of a set (or one feature) wants, whether one on entity and time is there, and the statement that makes it; on a busy table write CREATE INDEX CONCURRENTLY. A view has no index: its tables need them. Example: SELECT DISTINCT statement FROM sira_feature_indexes(''cards'') WHERE NOT "exists";';

CREATE FUNCTION @extschema@.sira_create_feature_indexes(set_or_feature text)
RETURNS TABLE (relation text, statement text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    missing record;
BEGIN
    -- As the invoker: whoever may not index a table gets PostgreSQL's own answer.
    FOR missing IN
        SELECT DISTINCT i.relation, i.statement FROM @extschema@.sira_feature_indexes(set_or_feature) i
        WHERE NOT i."exists" AND i.statement IS NOT NULL ORDER BY 1, 2
    LOOP
        EXECUTE missing.statement;
        relation := missing.relation;
        statement := missing.statement;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.sira_create_feature_indexes(text) IS
    'Makes the indexes that a set (or one feature) wants and that are not there, and answers what it made. Example: SELECT * FROM sira_create_feature_indexes(''cards'');';
