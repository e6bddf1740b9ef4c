#!/usr/bin/env bash
# Builds what `make demo` runs and nothing else: the Go programs and the Rust programs side by side. One line tells what is
# being built, how many of how many are done, how long it has taken, and a guess at the time that is left.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
programs=(etcd kwok kube-apiserver kube-controller-manager kube-scheduler helm)
rust=(cargo build --locked --workspace --bins --message-format json-render-diagnostics)

"$here/build.sh" --prerequisites

# The seconds that a step took alone on two cores. They only weigh the steps against each other; the guess follows the
# pace of this machine.
weight() {
  case $1 in
  etcd) echo 25 ;; kwok) echo 25 ;; kube-apiserver) echo 150 ;; kube-controller-manager) echo 50 ;;
  kube-scheduler) echo 10 ;; helm) echo 30 ;; rust) echo 170 ;;
  esac
}

mapfile -t missing < <("$here/build.sh" --missing "${programs[@]}" | sed '/^$/d')
logs=$(mktemp -d)
touch "$logs/go" "$logs/rust" "$logs/rust.out"
go_pid="" rust_pid=""
stop() {
  trap - INT TERM EXIT
  # shellcheck disable=SC2046 # one word for each process
  kill $(jobs -p) 2>/dev/null || true
  rm -rf "$logs"
}
trap 'stop; exit 130' INT TERM
trap stop EXIT

cd "$root"
crates=$(cargo tree --locked --workspace --edges normal,build --prefix none --format '{p}' 2>/dev/null | sed 's/ (\*)$//' | sort -u | wc -l)
if [ ${#missing[@]} -gt 0 ]; then
  "$here/build.sh" "${missing[@]}" >/dev/null 2>"$logs/go" &
  go_pid=$!
fi
"${rust[@]}" >"$logs/rust.out" 2>"$logs/rust" &
rust_pid=$!

clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

total=$(weight rust)
for p in ${missing[@]+"${missing[@]}"}; do total=$((total + $(weight "$p"))); done
parts=$((${#missing[@]} + 1))

# packages PATTERN: how many packages have a message like this; cargo reports those that were built before, too
packages() {
  { grep -e "$1" "$logs/rust.out" | grep -o '"package_id":"[^"]*"' || true; } | sort -u | wc -l
}

# Sets line (what is going on) and permille (how much is done, by weight).
look() {
  local weighed=0 parts_done=0 now=() built compiled p
  for p in ${missing[@]+"${missing[@]}"}; do
    if grep -q "^built $p " "$logs/go" 2>/dev/null; then
      weighed=$((weighed + $(weight "$p"))) parts_done=$((parts_done + 1))
    fi
  done
  if [ -n "$go_pid" ]; then
    p=$(sed -n 's/^building \([^:]*\) v[0-9].*/\1/p' "$logs/go" 2>/dev/null | tail -n 1)
    if kill -0 "$go_pid" 2>/dev/null; then
      now+=("${p:-the Go programs}")
      compiled=$(tail -n 1 "$logs/go" | sed -n 's/^building .*: [0-9]* s so far, \([0-9]* of [0-9]*\) packages.*/\1/p')
      if [ -n "$compiled" ]; then
        for p in $p; do weighed=$((weighed + $(weight "$p") * ${compiled% of *} / ${compiled#* of })); done
      fi
    fi
  fi
  built=$(packages '"reason":"compiler-artifact"')
  [ "$built" -le "$crates" ] || built=$crates
  if kill -0 "$rust_pid" 2>/dev/null; then
    weighed=$((weighed + $(weight rust) * built / (crates + 1)))
    now+=("tidegate ($built of $crates crates)")
  else
    weighed=$((weighed + $(weight rust))) parts_done=$((parts_done + 1))
  fi
  permille=$((weighed * 1000 / total))
  # What was there before this call took no time of it.
  [ -n "$start_permille" ] || [ "$SECONDS" -lt 3 ] || start_permille=$permille
  line="building $(printf '%s, ' ${now[@]+"${now[@]}"} | sed 's/, $//'): $parts_done of $parts done, $(clock "$SECONDS")"
  if [ -n "$start_permille" ] && [ "$permille" -gt "$start_permille" ] && [ "$permille" -lt 1000 ]; then
    line+=", about $(clock $((SECONDS * (1000 - permille) / (permille - start_permille)))) left"
  fi
}

# Notes how a build ended, once; the other one need not be waited for when it failed.
go_status="" rust_status=""
[ -n "$go_pid" ] || go_status=0
note_ends() {
  if [ -z "$go_status" ] && ! kill -0 "$go_pid" 2>/dev/null; then
    go_status=0
    wait "$go_pid" || go_status=$?
  fi
  if [ -z "$rust_status" ] && ! kill -0 "$rust_pid" 2>/dev/null; then
    rust_status=0
    wait "$rust_pid" || rust_status=$?
  fi
  if [ "${go_status:-0}" != 0 ] || [ "${rust_status:-0}" != 0 ]; then return 0; fi
  [ -n "$go_status" ] && [ -n "$rust_status" ]
}

shown=-15 start_permille=""
until note_ends; do
  sleep 0.5
  look
  if [ -t 2 ]; then
    printf '\r\033[K%.*s' "$((${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - 1))" "$line" >&2
  elif [ $((SECONDS - shown)) -ge 15 ] && [ "$SECONDS" -ge 2 ]; then
    shown=$SECONDS
    printf '%s\n' "$line" >&2
  fi
done
[ ! -t 2 ] || printf '\r\033[K' >&2

if [ "${go_status:-0}" != 0 ]; then
  grep -v ' s so far' "$logs/go" | tail -n 40 >&2
  exit 1
fi
if [ "${rust_status:-0}" != 0 ]; then
  grep -v '^ *\(Compiling\|Downloaded\|Downloading\) ' "$logs/rust" | tail -n 40 >&2
  exit 1
fi
[ "$SECONDS" -lt 3 ] || printf 'built in %s\n' "$(clock "$SECONDS")" >&2
