-- The same rows as jsonb: what a client would send, by feature name.
SET jit = off;
CREATE TABLE bench.asked AS SELECT id, to_jsonb(p) - 'id' AS features FROM bench.payments p;
ALTER TABLE bench.asked ADD PRIMARY KEY (id);
VACUUM (FREEZE, ANALYZE) bench.payments;
VACUUM (FREEZE, ANALYZE) bench.asked;
CHECKPOINT;
