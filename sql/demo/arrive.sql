-- The payments that were held back arrive, each in a transaction of its own. Whether they are fraud is not known yet.

SELECT format('INSERT INTO demo.payments (id, paid_at, customer_id, terminal_id, amount) VALUES (%s, %L, %s, %s, %s)',
              id, paid_at, customer_id, terminal_id, amount)
FROM demo.history
WHERE paid_at >= (SELECT stream_from FROM demo.calendar)
ORDER BY paid_at, id
\gexec
