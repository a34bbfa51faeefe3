# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119,SC2120  # what is set here is used by the script that sources it, as are the arguments
# What the benches need: peers in an environment of their own, a server with stated settings, the engine's program. To be
# sourced after env.sh, say.sh, build.sh and cluster.sh.

BENCH_PEERS=$SIRA_CACHE/bench-peers
RESULTS=$ROOT/target/bench
export BENCH_PEERS BENCH_PG_BIN=$PG_BIN
# Rows are Python where they talk to a server: the environment's, which has the client libraries.
export PATH=$BENCH_PEERS/bin:$PATH
# Files of rows import each other; what that compiles is not to lie beside them.
export PYTHONDONTWRITEBYTECODE=1
unset PYTHONHOME PYTHONPATH

# bench_rows [NAME…]: the files of the rows named, of all rows without a name, in order.
bench_rows() {
  local file name
  for file in "$ROOT"/benches/rows/[0-9][0-9]-*; do
    name=$(basename "$file")
    if [ $# = 0 ]; then printf '%s\n' "$file"; continue; fi
    case " $* " in *" ${name#*-} "*) printf '%s\n' "$file" ;; esac
  done
}
bench_names() { bench_rows | sed 's/.*\/[0-9]*-//' | paste -sd' '; }

# Debian's package redis-server starts a service. redis-tools has the same program under another name and starts none.
peers_are_there() {
  [ "$(cat "$BENCH_PEERS/installed" 2>/dev/null)" = "$(cat benches/peers/*.txt | sha256sum)" ] &&
    command -v wrk redis-server >/dev/null
}
install_peers() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -q)
  if ! command -v wrk redis-check-rdb >/dev/null; then
    as_root "${apt[@]}" update
    as_root "${apt[@]}" install -y --no-install-recommends wrk redis-tools
  fi
  PATH=${PATH#"$BENCH_PEERS/bin:"} python3 -m venv --clear "$BENCH_PEERS"
  "$BENCH_PEERS/bin/pip" install --disable-pip-version-check -r benches/peers/requirements.txt
  "$BENCH_PEERS/bin/pip" install --disable-pip-version-check --no-deps -r benches/peers/alone.txt
  ln -sf "$(command -v redis-check-rdb)" "$BENCH_PEERS/bin/redis-server"
  cat benches/peers/*.txt | sha256sum >"$BENCH_PEERS/installed"
}

# The extension is named too, so that LightGBM is compiled with the features it has there, once for all.
build_engine() { cargo bench -p sira -p sira-train --bench engine --no-run; }
engine_program() {
  cargo bench -p sira -p sira-train --bench engine --no-run --message-format=json 2>/dev/null |
    python3 -c '
import json, sys
messages = map(json.loads, filter(lambda line: line.startswith("{"), sys.stdin))
print([found["executable"] for found in messages if found.get("target", {}).get("name") == "engine" and found["executable"]][-1])'
}

# The table and its rows fit into shared buffers; nothing else departs from scripts/cluster.sh.
start_server() {
  cluster_start bench || return
  if [ "$(cluster_psql bench postgres -XAtqc 'SHOW shared_buffers')" != 2GB ]; then
    cluster_psql bench postgres -Xqc "ALTER SYSTEM SET shared_buffers = '2GB'" || return
    cluster_stop bench
    cluster_start bench || return
  fi
  cluster_psql bench postgres -XAtqc "SELECT 1 FROM pg_database WHERE datname = 'bench'" | grep -q 1 ||
    cluster_psql bench postgres -Xqc 'CREATE DATABASE bench' || return
}
bench_environment() {
  BENCH_URL=$(cluster_url bench bench)
  BENCH_LIBRARY=$("$PG_CONFIG" --pkglibdir)/sira.so
  BENCH_SHARE=$("$PG_CONFIG" --sharedir)/extension
  export BENCH_URL BENCH_LIBRARY BENCH_SHARE
}

# What ratios were measured on; how busy it was tells how far to trust times on the wall.
machine() {
  printf '%s, %s cores, load %s; PostgreSQL %s, shared_buffers 2GB, jit off; %s\n' \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)" \
    "$("$PG_CONFIG" --version | cut -d' ' -f2)" "$(date -u +%F)"
}

# measure ROW FILE: the row's lines go to the file, what else it says to the step's log.
measure() { timeout 600 "$1" >"$2"; }
