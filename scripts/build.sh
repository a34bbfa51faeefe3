# shellcheck shell=bash
# Builds and installs the extension, once for every state of its sources. To be sourced after env.sh and say.sh.

# All that the built extension depends on.
sources_digest() {
  (cd "$ROOT" && {
    find src crates sql -type f ! -path 'sql/demo/*' -print0
    printf '%s\0' Cargo.toml Cargo.lock sira.control
  } | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
}

# What is installed may be another build (a test build, another clone's): only the very file that we put there counts.
built_state() {
  printf '%s %s\n' "$(sources_digest)" "$({ sha256sum <"$("$1" --pkglibdir)/sira.so"; } 2>/dev/null | cut -d' ' -f1)"
}

# A build that finds no SQL entities links and installs, and gives an extension without functions.
check_entities() { sed 's/\x1b\[[0-9;]*m//g' "$1" | grep -qE 'Discovered [1-9][0-9]* SQL entities'; }

# install_extension MAJOR PG_CONFIG: compiles in release mode and installs.
install_extension() {
  local major=$1 config=$2 arguments=(--release --pg-config "$2") log=$ROOT/target/log/cargo-pgrx-$1.txt
  if [ ! -w "$("$config" --pkglibdir)" ]; then arguments+=(--sudo); fi
  if [ "$major" != "$PG_MAJOR" ]; then arguments+=(--no-default-features --features "pg$major"); fi
  mkdir -p "$ROOT/target/log"
  (cd "$ROOT" && cargo pgrx install "${arguments[@]}") 2>&1 | tee "$log" || return
  check_entities "$log" || { complain "cargo-pgrx found no SQL entities in the library it built"; return 1; }
}

# build_extension MAJOR PG_CONFIG: the same, unless this very build is installed already.
build_extension() {
  local stamp=$ROOT/target/installed-$1
  if [ "$(cat "$stamp" 2>/dev/null)" = "$(built_state "$2")" ]; then return; fi
  step "Building SIRA for PostgreSQL $1 (minutes, the first time)" install_extension "$1" "$2" || return
  built_state "$2" >"$stamp"
}
