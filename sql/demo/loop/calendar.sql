-- The first calendar month trains, the second arrives through the trigger, and champion and challenger are judged by the third.

INSERT INTO demo.calendar
SELECT :'source', month + interval '2 months', month + interval '1 month'
FROM (SELECT date_trunc('month', min(paid_at), 'UTC') AS month FROM demo.history) AS first;
