-- Windows against PostgreSQL's own aggregates: random rows (late, tied, NULL), random moments, every aggregate, delays, filters,
-- the current instant in and out, what was recorded later. Nothing may differ.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS sira;
\set SHOW_CONTEXT never
BEGIN;
CREATE SCHEMA fr;
SET search_path = fr, public;
SELECT setseed(0.25) IS NOT NULL AS seeded;
-- Times fall on whole quarters of an hour, so that many rows and moments meet.
CREATE TABLE fr.events AS
SELECT g AS id, floor(random() * 8)::integer AS customer, t AS at, t + floor(random() * 400) * interval '15 minutes' AS recorded,
       CASE WHEN random() < 0.9 THEN round((random() * 200 - 50)::numeric, 2) END AS amount,
       (ARRAY['web', 'shop', 'atm', NULL])[1 + floor(random() * 4)::int] AS channel, random() < 0.3 AS bad
FROM (SELECT g, timestamptz '2026-01-01 00:00+00' + floor(random() * 960) * interval '15 minutes' AS t
      FROM generate_series(1, 3000) g) x;
CREATE TABLE fr.windows AS
SELECT 'w' || row_number() OVER () AS name, *
FROM unnest(ARRAY['count', 'sum', 'avg', 'min', 'max', 'stddev', 'count_distinct', 'ratio', 'time_since']) AS a (aggregate),
     unnest('{1 hour,12 hours,3 days,NULL}'::interval[]) AS s (size), unnest('{0,45 minutes}'::interval[]) AS d (delay),
     (VALUES (true, NULL), (false, 'channel = ''web'' OR bad')) AS f (current, filter);
SELECT count(sira_define_window_feature(name, 'customer', 'fr.events', 'customer', 'at', aggregate, size,
    CASE WHEN aggregate NOT IN ('count', 'time_since') THEN 'amount' END, filter, delay, current,
    CASE aggregate WHEN 'ratio' THEN 'CASE WHEN bad THEN 1 ELSE 0 END' END, CASE WHEN current THEN 'recorded' END)) AS windows
FROM fr.windows;
SELECT sira_define_feature_set('fr', 'customer', (SELECT array_agg(name ORDER BY name) FROM fr.windows));
CREATE TABLE fr.moments AS
SELECT floor(random() * 9)::integer AS customer, timestamptz '2026-01-01 00:00+00' + floor(random() * 1000) * interval '15 minutes' AS t,
       random() < 0.5 AS as_known
FROM generate_series(1, 60);
CREATE TABLE fr.differences AS
SELECT m.customer, m.t, m.as_known, w.name, w.aggregate, w.size, w.delay, w.current, o.value AS expected, f.value AS found
FROM fr.moments m, LATERAL sira_get_features('fr', m.customer, m.t, as_known => m.as_known) f JOIN fr.windows w ON w.name = f.feature,
LATERAL (
    SELECT CASE w.aggregate
        WHEN 'count' THEN count(*) WHEN 'sum' THEN sum(amount) WHEN 'avg' THEN avg(amount) WHEN 'min' THEN min(amount)
        WHEN 'max' THEN max(amount) WHEN 'stddev' THEN stddev(amount) WHEN 'count_distinct' THEN count(DISTINCT amount)
        WHEN 'ratio' THEN sum(amount) / nullif(sum(CASE WHEN bad THEN 1 ELSE 0 END), 0)
        WHEN 'time_since' THEN extract(epoch FROM m.t - max(at)) END::float8 AS value
    FROM fr.events e
    WHERE e.customer = m.customer AND e.at <= m.t - w.delay AND (w.size IS NULL OR e.at > m.t - w.delay - w.size)
      AND (w.current OR e.at < m.t) AND (w.filter IS NULL OR channel = 'web' OR bad)
      AND (NOT m.as_known OR NOT w.current OR e.recorded <= m.t)) o
WHERE f.value IS DISTINCT FROM o.value AND NOT coalesce(abs(f.value - o.value) <= 1e-9 * greatest(abs(o.value), 1), false);
SELECT count(*) AS differ FROM fr.differences;
SELECT * FROM fr.differences ORDER BY 4, 2 LIMIT 5;
-- And something was compared.
SELECT count(*) AS asked, count(f.value) > 5000 AS many_with_a_value
FROM fr.moments m, LATERAL sira_get_features('fr', m.customer, m.t, as_known => m.as_known) f;

-- What is distinct is what PostgreSQL says: integers and decimals beyond a float8, equal ones that are written differently.
CREATE TABLE fr.exact (k integer, at timestamptz, i bigint, n numeric);
INSERT INTO fr.exact SELECT 1 + g % 2, timestamptz '2026-01-01' + g * interval '1 hour', i, n
FROM generate_series(0, 1) g, (VALUES
    (1500000000000000001, 1.0), (1500000000000000002, 1.00), (1500000000000000003, 1.0000000000000000000001), (1500000000000000003, 100),
    (9223372036854775807, 1e2), (-9223372036854775808, -0.0), (-9223372036854775807, 0), (0, 'NaN'), (NULL, NULL),
    (9007199254740993, 9007199254740993), (9007199254740992, 9007199254740992.0)) AS v (i, n);
SELECT count(sira_define_window_feature(name, 'exact', 'fr.exact', 'k', 'at', aggregate, NULL, value, filter))
FROM (VALUES ('i_alone', 'count_distinct', 'i', NULL), ('n_alone', 'count_distinct', 'n', NULL),
             ('i_some', 'count_distinct', 'i', 'i > 0'), ('n_some', 'count_distinct', 'n', 'n > 0'), ('i_max', 'max', 'i', NULL),
             ('n_last', 'last', 'n', NULL), ('i_count', 'count', 'i', NULL)) AS f (name, aggregate, value, filter);
SELECT sira_define_feature_set('exact', 'exact', '{i_alone,n_alone}'), sira_define_feature_set('exact_beside', 'exact', '{i_max,i_some,i_alone,i_count,n_last,n_some,n_alone}');
SELECT k, count(DISTINCT i) AS i_alone, count(DISTINCT n) AS n_alone, count(DISTINCT i) FILTER (WHERE i > 0) AS i_some, count(DISTINCT n) FILTER (WHERE n > 0) AS n_some
FROM fr.exact GROUP BY k ORDER BY k;
SELECT s, k, v AS online, v = h.features AS offline_too
FROM unnest('{exact,exact_beside}'::text[]) AS s, generate_series(1, 2) AS k, sira_feature_vector(s, k, '2026-01-03') AS v,
     sira_historical_features(s, format('SELECT %s AS entity_id, timestamptz ''2026-01-03'' AS as_of', k)) AS h ORDER BY 1, 2;
ROLLBACK;
