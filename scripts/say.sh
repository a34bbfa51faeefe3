# shellcheck shell=bash
# How the scripts talk: one line for each long step, its output in a log, its end shown when it fails.
# On a terminal the line ticks; in a log file it is printed once, when the step is done.

say() { printf '%s\n' "$@"; }
complain() { printf '%s\n' "$@" >&2; }

# step LABEL COMMAND…: runs the command quietly; 0 or the command's own exit code.
step() {
  local label=$1 log started=$SECONDS status=0 pid
  shift
  mkdir -p "$LOGS"
  log=$LOGS/$(tr -cs 'a-zA-Z0-9' '-' <<<"$label" | tr '[:upper:]' '[:lower:]' | sed 's/^-//; s/-$//').log
  "$@" >"$log" 2>&1 &
  pid=$!
  # shellcheck disable=SC2064  # the process is the one of now
  trap "kill $pid 2>/dev/null; exit 130" INT TERM
  if [ -t 1 ]; then tick "$pid" "$label" "$log" "$started"; fi
  wait "$pid" || status=$?
  trap - INT TERM
  if [ -t 1 ]; then printf '\r\033[K'; fi
  if [ $status = 0 ]; then
    printf '  %-58s %5s s\n' "$label" $((SECONDS - started))
  else
    printf '  %-58s FAILED after %s s\n' "$label" $((SECONDS - started))
    complain "" "$(tail -n 40 "$log")" "" "The whole log: $log"
  fi
  return $status
}

# tick PID LABEL LOG STARTED: elapsed time and the newest line of the log, until the process is gone.
tick() {
  local width last
  while kill -0 "$1" 2>/dev/null; do
    width=$(($(tput cols 2>/dev/null || echo 80) - ${#2} - 16))
    last=$(tail -c 400 "$3" | tr '\r' '\n' | sed '/^[[:space:]]*$/d' | tail -n 1 | tr -cd '[:print:]')
    printf '\r\033[K  %s … %s s  %s' "$2" $((SECONDS - $4)) "${last:0:$((width > 0 ? width : 0))}"
    sleep 1
  done
}
