# shellcheck shell=bash
# A pgbouncer in front of a private cluster, in transaction mode. To be sourced after cluster.sh.
#
# One server connection a database: whatever one client leaves in it, the next one meets.

pooler_start() {
  local folder port
  pooler_stop "$1"
  folder=$(clusters_folder)/$1
  mkdir -p "$folder" "$SOCKETS/$1"
  chmod 700 "$SOCKETS/$1"
  port=$(free_port)
  printf '%s\n' "$port" >"$folder/port"
  printf '"postgres" ""\n' >"$folder/users"
  cat >"$folder/pgbouncer.ini" <<INI
[databases]
* = host=$SOCKETS/$2 port=$(cluster_port "$2")
[pgbouncer]
listen_addr =
listen_port = $port
unix_socket_dir = $SOCKETS/$1
auth_type = trust
auth_file = $folder/users
pool_mode = transaction
default_pool_size = 1
logfile = $folder/log
pidfile = $folder/pid
INI
  give_to_server "$folder" "$SOCKETS/$1"
  as_server /usr/sbin/pgbouncer -q -d "$folder/pgbouncer.ini"
  # It lets go of the terminal before it listens.
  for _ in $(seq 100); do
    if as_server "$BIN/psql" -XAtqc 'SELECT 1' "host=$SOCKETS/$1 port=$port user=postgres dbname=postgres" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  complain "the pooler does not answer: $(tail -n 5 "$folder/log")"
  return 1
}

pooler_stop() {
  local folder pid
  folder=$(clusters_folder)/$1
  pid=$(cat "$folder/pid" 2>/dev/null) || pid=
  if [ -n "$pid" ]; then
    as_server kill -INT "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  fi
  rm -rf "${folder:?}" "${SOCKETS:?}/$1"
}
