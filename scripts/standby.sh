# shellcheck shell=bash
# A streaming standby of a private cluster, made as a DBA makes one. To be sourced after cluster.sh.

# standby_start NAME PRIMARY: a new standby; from then on a cluster like any other.
standby_start() {
  local folder
  cluster_remove "$1"
  folder=$(clusters_folder)/$1
  mkdir -p "$folder"
  give_to_server "$folder"
  as_server "$BIN/pg_basebackup" -d "host=$SOCKETS/$2 port=$(cluster_port "$2") user=postgres" \
    -D "$folder/data" -R -X stream -c fast
  # What its open snapshots need is not removed on the primary, where other tests write as well: a conflict would end them.
  as_server tee -a "$folder/data/postgresql.auto.conf" >/dev/null <<'CONF'
hot_standby_feedback = on
wal_receiver_status_interval = '1s'
CONF
  cluster_start "$1"
}
