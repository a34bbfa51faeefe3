-- What the loop did, for somebody who knows payments and not machine learning. For psql with -At.
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.quality(metrics jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT format('AUC %s, average precision %s', to_char((metrics ->> 'auc')::numeric, 'FM0.000'),
                  to_char((metrics ->> 'average_precision')::numeric, 'FM0.000'))
$$;
CREATE FUNCTION pg_temp.many(n bigint) RETURNS text LANGUAGE sql AS $$ SELECT to_char(n, 'FM999,999,999') $$;

\echo
\echo 'THE FIRST VERSION, trained on the evening before the month'
SELECT format('  fraud/%s learned from %s payments of %s whose truth was known, in %s s.', r.version, pg_temp.many(r.rows_train),
              to_char(c.stream_from - interval '1 day', 'FMMonth'), round(r.seconds::numeric, 1))
    || E'\n' || format('  On the %s newest of them: %s.', pg_temp.many(r.rows_test), pg_temp.quality(r.metrics))
FROM demo.first_run r, demo.calendar c;

\echo
\echo 'THE MONTH THAT ARRIVED, each payment scored inside its own INSERT, from its own moment'
SELECT format('  %s payments of %s in %s s, %s microseconds each: features, score, decision, audit row, and the truth of older ones.',
              pg_temp.many(sum(payments)::bigint), to_char(min(day), 'FMMonth YYYY'), round(sum(seconds)::numeric),
              round((1e6 * sum(seconds) / sum(payments))::numeric))
FROM demo.days;
SELECT format('  As predicted, against what turned out to be true: %s.', pg_temp.quality(jsonb_build_object(
              'auc', auc, 'average_precision', average_precision)))
    || E'\n' || format('  %s words came back on payments a week old: what was stopped, and what customers complained of.',
              pg_temp.many((SELECT sum(words)::bigint FROM demo.days)))
FROM demo.as_predicted;

\echo
\echo 'THE CHALLENGER'
SELECT format('  Had %s payments whose truth was a week old when %s began, %s of them with a word on their prediction.',
              pg_temp.many(rows), to_char(test_from, 'FMMonth'), pg_temp.many(labels))
    || E'\n' || format('  Both on the %s payments of %s, of which neither has seen any:',
              pg_temp.many((champion_metrics ->> 'rows')::bigint), to_char(test_from, 'FMMonth'))
    || E'\n' || format('    champion     %s', pg_temp.quality(champion_metrics))
    || coalesce(E'\n' || format('    challenger   %s', pg_temp.quality(challenger)), '')
FROM demo.retraining, demo.calendar, demo.judgement;
SELECT format('  Gate of %s %s found %s  wanted %s %s', rpad(f ->> 'stage' || ',', 11),
              rpad(concat_ws(' ', replace(f ->> 'gate', '_', ' '), f ->> 'metric') || ':', 17), rpad(left(f ->> 'found', 8), 8),
              rpad((f ->> 'wanted') || ':', 24), CASE WHEN (f ->> 'passed')::boolean THEN 'passed' ELSE 'NOT PASSED' END)
FROM demo.retraining, jsonb_array_elements(findings) f;

\echo
\echo 'WHAT CAME OF IT'
SELECT CASE r.status WHEN 'registered' THEN format('  fraud/%s was registered after %s s and promoted in %s ms. Live: fraud/%s.', r.version,
                round(r.seconds::numeric), round(1000 * extract(epoch FROM p.done - p.began)), sira_live_version('fraud'))
            ELSE format('  %s after %s s: nothing was registered. Live: fraud/%s.', replace(r.status, '_', ' '), round(r.seconds::numeric),
                        sira_live_version('fraud')) END
FROM demo.retraining r, demo.promotion p;
