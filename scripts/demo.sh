# shellcheck shell=bash
# How the demo and its loop come to a database with payments. To be sourced after env.sh, say.sh and cluster.sh; DATABASE
# names the database, DATA the file of payments, if any.

# The tests tell the stories in a cluster of their own.
CLUSTER=${SIRA_DEMO_CLUSTER:-demo}
SQL=$ROOT/sql/demo

named_file() {
  if [ -z "$DATA" ]; then return; fi
  DATA=$(realpath "$DATA")
  [ -r "$DATA" ] || { complain "$DATA cannot be read"; return 1; }
}

run_sql() { cluster_psql "$CLUSTER" "$DATABASE" -X -q -v ON_ERROR_STOP=1 "$@"; }

new_database() {
  cluster_psql "$CLUSTER" postgres -Xq -v ON_ERROR_STOP=1 \
    -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" -c "CREATE DATABASE $DATABASE"
  run_sql -c 'CREATE EXTENSION sira' -f "$SQL/schema.sql"
}

unpacked() { if [ "$(head -c 2 "$1" | od -An -tx1 | tr -d ' ')" = 1f8b ]; then gzip -dc "$1"; else cat "$1"; fi; }

# payments CALENDAR: the file's payments or a generated world's, and what the calendar makes of their time.
read_file() {
  unpacked "$DATA" | run_sql -f "$SQL/csv.sql"
  run_sql -v "source=$(basename "$DATA")" -f "$1"
}
generate_world() {
  run_sql -f "$SQL/world.sql"
  run_sql -v source='a generated world' -f "$1"
}
payments() {
  if [ -n "$DATA" ]; then
    step "Reading the payments of $(basename "$DATA")" read_file "$1"
  else
    step "Generating a world of card payments" generate_world "$1"
  fi
}
