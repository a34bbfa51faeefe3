# shellcheck shell=bash
# shellcheck disable=SC2034  # what is set here is used by the scripts that source it
# Where everything lives and who runs what; sourced by every script, run by none.
#
# Two kinds of place: the user's cache folder holds what is dear and can be had again (tools, compiled
# dependencies), so that a second clone does not pay again; the clone's target/ holds what belongs to this clone
# (clusters, logs, stamps), so that `rm -rf target` forgets it all.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SIRA_CACHE=${SIRA_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/sira}
PG_MAJOR=15
PG_CONFIG=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
PG_BIN=/usr/lib/postgresql/$PG_MAJOR/bin
# The version that Cargo.toml pins: the tool and the library must be the same.
PGRX_VERSION=$(sed -n 's/^pgrx *= *"=\(.*\)"/\1/p' "$ROOT/Cargo.toml")
PGRX_BIN=$SIRA_CACHE/cargo-pgrx-$PGRX_VERSION
VENV=$SIRA_CACHE/venv
LOGS=$ROOT/target/log

export PGRX_HOME=$SIRA_CACHE/pgrx
export CMAKE=$VENV/bin/cmake
export PATH=$PGRX_BIN/bin:$PATH
# Without it cargo-pgrx links with --no-gc-sections: LightGBM's unused Arrow code is then kept, its library is not
# there, and CREATE EXTENSION fails with "undefined symbol: ArrowSchemaViewInit".
export CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND=1
# With it a server started from here puts stack traces into the DETAIL of its errors.
unset RUST_BACKTRACE

# One build folder for all clones, kept apart by what decides the dear parts: the toolchain, LightGBM and pgrx. Cargo
# itself sees to the rest.
target_key() {
  { rustc -vV; grep -A1 -E '^name = "(lightgbm3-sys|pgrx-pg-sys|pgrx)"' "$ROOT/Cargo.lock"; } | sha256sum | cut -c1-12
}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$SIRA_CACHE/target-$(target_key)}

# PostgreSQL refuses to run as root, so root lends the server to the account that the Debian package made.
if [ "$(id -u)" = 0 ]; then SERVER_USER=postgres; else SERVER_USER=$(id -un); fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Runs a command as the account that owns the clusters, from a folder that this account can be in.
as_server() {
  if [ "$(id -un)" = "$SERVER_USER" ]; then (cd / && "$@"); else
    (cd / && exec setpriv --reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups env HOME=/tmp "$@"); fi
}

# PostgreSQL 16 and 18 for the tests. The server's account must be able to read them, and a cache in a home folder may
# be closed to it.
majors_folder() {
  if as_server test -x "$SIRA_CACHE"; then printf '%s\n' "$SIRA_CACHE/majors"; else printf '/var/tmp/sira-majors-%s\n' "$(id -u)"; fi
}
