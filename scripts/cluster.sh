# shellcheck shell=bash
# Private clusters of this clone: own data folder, own port, own socket. The system's cluster is never touched.
# To be sourced after env.sh. SIRA_PG_BIN names another major's binaries.

BIN=${SIRA_PG_BIN:-$PG_BIN}
PLACE=$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)
# The path of a socket may have 107 bytes at most, which a deep clone would exceed.
SOCKETS=/tmp/sira-$PLACE-$(id -u)
# Variables that the server is started with.
SIRA_SERVER_ENV=()

# A folder under a place that anybody may write to is used only when it is ours.
own_folder() {
  mkdir -p "$1"
  [ -O "$1" ] || { complain "$1 belongs to someone else: remove it or clone to another place"; return 1; }
}

# Clusters live in the clone's target/. Where the server's account cannot get there (a clone below /root, say),
# they live in /var/tmp and target/cluster points to them.
clusters_folder() {
  local there=$ROOT/target/cluster
  mkdir -p "$ROOT/target"
  if ! as_server test -x "$ROOT/target"; then
    own_folder "/var/tmp/sira-$PLACE-$(id -u)" && ln -sfn "/var/tmp/sira-$PLACE-$(id -u)" "$there"
    readlink "$there"
  else
    mkdir -p "$there"
    printf '%s\n' "$there"
  fi
}

cluster_data() { printf '%s/%s/data\n' "$(clusters_folder)" "$1"; }
cluster_port() { cat "$(clusters_folder)/$1/port"; }
cluster_runs() { as_server "$BIN/pg_ctl" status -D "$(cluster_data "$1")" >/dev/null 2>&1; }

# Only root can hand a folder over, and only then it is needed.
give_to_server() { [ "$(id -un)" = "$SERVER_USER" ] || chown -R "$SERVER_USER" "$@"; }

free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then printf '%s\n' "$port"; return; fi
  done
  complain "no free port between 20000 and 29999"
  return 1
}

# Over TCP a password is asked for and nobody has one until it is set: the port is there, the door is closed. The
# socket's folder is the server account's alone (and root's).
cluster_init() {
  local folder data
  folder=$(clusters_folder)/$1
  data=$folder/data
  if [ -f "$data/PG_VERSION" ]; then return; fi
  rm -rf "$folder"
  mkdir -p "$folder"
  give_to_server "$folder"
  as_server "$BIN/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  as_server tee -a "$data/postgresql.conf" >/dev/null <<CONF
shared_buffers = 256MB
max_connections = 200
maintenance_work_mem = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
log_min_messages = warning
timezone = 'UTC'
CONF
  # Most tests promote models that were never meant to be good; those of the gates ask for what they test. The demo is as its
  # users would have it.
  [ "$1" = demo ] || as_server tee -a "$data/postgresql.conf" >/dev/null <<CONF
sira.min_auc = 0
sira.min_precision = 0
sira.min_recall = 0
sira.min_improvement = -1
CONF
}

cluster_start() {
  local folder data port
  cluster_init "$1"
  if cluster_runs "$1"; then return; fi
  folder=$(clusters_folder)/$1
  data=$folder/data
  own_folder "$SOCKETS"
  chmod 711 "$SOCKETS"
  mkdir -p "$SOCKETS/$1"
  chmod 700 "$SOCKETS/$1"
  give_to_server "$SOCKETS/$1"
  port=$(free_port)
  printf '%s\n' "$port" | as_server tee "$folder/port" >/dev/null
  as_server env "${SIRA_SERVER_ENV[@]}" "$BIN/pg_ctl" start -w -t 60 -s -D "$data" -l "$folder/server.log" \
    -o "-p $port -k $SOCKETS/$1 -h 127.0.0.1" ||
    { complain "$(tail -n 20 "$folder/server.log")"; return 1; }
}

cluster_stop() {
  if cluster_runs "$1"; then as_server "$BIN/pg_ctl" stop -w -s -m fast -D "$(cluster_data "$1")"; fi
  rm -rf "${SOCKETS:?}/$1"
}

cluster_remove() {
  cluster_stop "$1"
  rm -rf "$(clusters_folder)/${1:?}"
}

cluster_names() { find -H "$(clusters_folder)" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort; }

# cluster_url NAME DATABASE: for any client that speaks libpq's key/value form.
cluster_url() { printf 'host=%s port=%s user=postgres dbname=%s\n' "$SOCKETS/$1" "$(cluster_port "$1")" "$2"; }

# cluster_psql NAME DATABASE [ARGUMENT…]
cluster_psql() {
  local name=$1 database=$2
  shift 2
  "$PG_BIN/psql" "$(cluster_url "$name" "$database")" "$@"
}
