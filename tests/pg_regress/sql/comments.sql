-- Everything says what it is for. Each of these lists what lacks a comment and expects nothing.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
SELECT c.relname, a.attname
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE d.deptype = 'e' AND d.refobjid IN (SELECT oid FROM pg_extension WHERE extname LIKE 'sira%') AND c.relkind <> 'S'
  AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1, 2;
SELECT c.relname
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
WHERE d.deptype = 'e' AND d.refobjid IN (SELECT oid FROM pg_extension WHERE extname LIKE 'sira%') AND c.relkind IN ('r', 'p', 'v', 'm')
  AND obj_description(c.oid, 'pg_class') IS NULL
ORDER BY 1;
SELECT p.oid::regprocedure
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
WHERE d.deptype = 'e' AND d.refobjid IN (SELECT oid FROM pg_extension WHERE extname LIKE 'sira%')
  AND obj_description(p.oid, 'pg_proc') IS NULL
ORDER BY 1;

-- Every table carries its tenant and row-level security, and comes back from a dump.
SELECT c.relname
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname LIKE 'sira%'
WHERE d.deptype = 'e' AND c.relkind IN ('r', 'p', 'S')
  AND NOT (c.oid = ANY (e.extconfig)
           AND (c.relkind = 'S' OR (c.relrowsecurity AND EXISTS (
                SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull))))
ORDER BY 1;

-- What runs as the owner pins its search_path and is not everybody's to call.
SELECT p.oid::regprocedure
FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
WHERE d.deptype = 'e' AND d.refobjid IN (SELECT oid FROM pg_extension WHERE extname LIKE 'sira%') AND p.prosecdef
  AND NOT (coalesce(array_to_string(p.proconfig, ','), '') LIKE '%search_path=pg_catalog, pg_temp%'
           AND NOT has_function_privilege('public', p.oid, 'EXECUTE'))
ORDER BY 1;
