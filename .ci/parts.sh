# What .ci/run is made of: running one part, believing neither its exit code nor its last line alone, and the sum at the end.
# Sourced by bash, from the top of the repository. Sets nothing up and installs nothing by itself.

part_limit_s=2640 # all parts together: a minute below the 45 there are
passed=0 failed=0 skipped=0
summary=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# part MODE NAME COMMAND...   runs one part, its output shown, and adds what came of it. MODE:
#   counted  its last line is "N passed, N failed, N skipped"; skips are allowed, each is named in its output
#   whole    the same, and a skip is a failure: this machine has what the part needs
#   plain    it prints no counts: its exit code is one test
part() {
  local mode=$1 name=$2 started_s=$SECONDS left_s=$((part_limit_s - SECONDS)) log=$logs/out code=1 line p=0 f=0 s=0
  shift 2
  printf '\n==== %s\n' "$name"
  : >"$log"
  if [ "$left_s" -gt 0 ]; then
    # Not through a pipe: a process that a part leaves running would hold it open for ever.
    timeout --kill-after=20 "$left_s" "$@" </dev/null >"$log" 2>&1 &
    tail -n +1 -f -s 0.1 --pid=$! "$log"
    wait $!
    code=$?
  else
    echo "not run: the time for all parts is over" | tee "$log"
  fi
  line=$(tail -n 1 "$log")
  if [ "$mode" = plain ]; then
    [ "$code" -eq 0 ] && p=1 || f=1
  elif [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
    [ "$mode" = whole ] && [ "$s" -gt 0 ] && echo "$name: $s skipped, which counts as failed here" && f=$((f + s)) s=0
    [ "$code" -ne 0 ] && [ "$f" -eq 0 ] && echo "$name: exit code $code, though nothing failed" && f=1
    [ "$p" -eq 0 ] && [ "$f" -eq 0 ] && echo "$name: nothing was run" && f=1
  else
    echo "$name: exit code $code, and its last line is no count"
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  summary+=("$(printf '%-20s %5d s   %d passed, %d failed, %d skipped' "$name" $((SECONDS - started_s)) "$p" "$f" "$s")")
}

# The last lines: each part, then the sum. The exit code of the whole.
finish() {
  printf '\n==== all parts, %d s\n' "$SECONDS"
  printf '%s\n' "${summary[@]}"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# Installs the Debian packages named that are not there.
packages() {
  local missing=() package
  for package; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || { echo "there already: $*"; return; }
  [ "$(id -u)" -eq 0 ] || { echo "error: installing ${missing[*]} needs root" >&2; return 77; }
  apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"
}
export -f packages
