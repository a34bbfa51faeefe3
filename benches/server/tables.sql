-- The data that the server's rows are measured on. benches/engine writes it (`engine csv`): 30 features as a card payment
-- might have them, 6 of the numbers missing now and then, 2 categories as text and 2 as integers.
CREATE SCHEMA bench;

CREATE TABLE bench.payments (
    id bigint PRIMARY KEY,
    f0 float8, f1 float8, f2 float8, f3 float8, f4 float8, f5 float8, f6 float8, f7 float8, f8 float8, f9 float8,
    f10 float8, f11 float8, f12 float8, f13 float8, f14 float8, f15 float8, f16 float8, f17 float8, f18 float8, f19 float8,
    f20 float8, f21 float8, f22 float8, f23 float8, f24 float8, f25 float8, f26 text, f27 text, f28 int, f29 int);

-- Where a row times the function, one row a call.
CREATE UNLOGGED TABLE bench.taken (microseconds float8);
