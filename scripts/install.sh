#!/bin/sh
# Installs offhook: curl -fsSL ADDRESS/install.sh | sh     (or: sh install.sh --help)
# Order: what machine, which file and sum, download beside the target, sum, unpack, try it, rename into place, restart the
# service of an older one. Nothing of this machine changes before the rename. Everything is in functions and main is the last
# line: a script that arrives in part does nothing. Empty constants are filled in by scripts/release.
set -eu

# The release writes these three into the copy that it publishes (scripts/release); here they are empty.
version=''
baked_sums=''
base_url=''

usage() {
  cat <<'HELP'
usage: install.sh [--dir DIR] [--version VERSION] [--base-url URL] [--file FILE] [--target TARGET] [--modify-path] [--no-restart]
Puts one program, offhook, into DIR, and changes nothing else. Run it again to upgrade: events that come meanwhile are
kept, and an installed service is restarted.

  --dir DIR          default ~/.local/bin, for root /usr/local/bin      OFFHOOK_INSTALL_DIR
  --version VERSION  instead of the one this script is of               OFFHOOK_VERSION
  --base-url URL     where from: URL/vVERSION/offhook-TARGET.gz         OFFHOOK_BASE_URL
  --file FILE        install this file, packed or not, no download      OFFHOOK_INSTALL_FILE
  --target TARGET    instead of the one that is found: linux-x64,       OFFHOOK_TARGET
                     linux-arm64, linux-x64-musl, linux-arm64-musl,
                     darwin-arm64, darwin-x64
  --modify-path      add DIR to PATH in your shell's start file (never done without it)
  --no-restart       leave an installed service as it is
example: OFFHOOK_INSTALL_FILE=./offhook-linux-x64.gz sh install.sh
HELP
}

say() {
  printf '%s\n' "$*"
}

# Says what went wrong ($2) and what to do ($3), and ends with exit code $1.
fail() {
  printf 'error: %s\ntry: %s\n' "$2" "$3" >&2
  exit "$1"
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# The value of an option that needs one.
needs_value() {
  [ "$2" -ge 2 ] || fail 64 "$1 needs a value" "sh install.sh --help"
}

# A hook's or a repository's environment must not steer the program (BUN_BE_BUN, BUN_OPTIONS, ...).
without_bun_variables() {
  for name in $(env | LC_ALL=C sed -n 's/^\(BUN_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$name"
  done
}

# True on a Linux whose C library is musl. A glibc machine may have musl beside it, so ldd, which tells its own, is asked first.
is_musl() {
  if have ldd; then
    case "$(ldd --version 2>&1 </dev/null || true)" in
      *musl*) return 0 ;;
      *GLIBC* | *GNU* | *glibc*) return 1 ;;
    esac
  fi
  for loader in /lib/ld-musl-*.so.1; do
    [ -e "$loader" ] && return 0
  done
  return 1
}

# Sets target to the name of this machine's binary.
find_target() {
  system=$(uname -s)
  processor=$(uname -m)
  case "$processor" in
    x86_64 | amd64) processor=x64 ;;
    aarch64 | arm64) processor=arm64 ;;
    *) fail 1 "there is no offhook for the processor $processor" "a machine with x86_64 or arm64" ;;
  esac
  case "$system" in
    Linux)
      # A 64-bit kernel may carry a 32-bit system: its loader would not find the program's.
      if [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 32 ]; then
        fail 1 "this system is a 32-bit one, on a 64-bit kernel" "a 64-bit system: offhook has no 32-bit binary"
      fi
      target=linux-$processor
      if is_musl; then target=$target-musl; fi
      ;;
    Darwin)
      # Under Rosetta a shell for x86_64 runs on an arm64 Mac: the Mac's own binary is the right one.
      if [ "$processor" = x64 ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || echo 0)" = 1 ]; then
        processor=arm64
      fi
      target=darwin-$processor
      ;;
    *) fail 1 "there is no offhook for $system" "Linux or macOS; on Windows, a Linux inside WSL" ;;
  esac
}

# Prints the SHA-256 of the file $1.
sum_of() {
  if have sha256sum; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# Prints the sum that the text $1 has for the name $2; nothing if it has none.
sum_named() {
  printf '%s\n' "$1" | sed -n "s/^\([0-9a-f]\{64\}\) [ *]$2\$/\1/p" | head -n 1
}

# What to do when a write into $dir failed: mostly it is full.
explain_no_room() {
  free=$(df -Pk "$dir" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }') || free=
  fail 1 "$1" "if the disk is full: it needs about 170 MB, and ${free:-an unknown number of} MB are free in $dir"
}

# Downloads $1 into the file $2. A transfer that breaks off, or stands still for 30 s, is an error.
download() {
  if have curl; then
    code=0
    # What was asked for over https must not come over http, whoever sends it elsewhere.
    case "$1" in
      https://*) onward='=https' ;;
      *) onward='=http,https' ;;
    esac
    curl -fsSL --proto-redir "$onward" --retry 2 --connect-timeout 20 --speed-limit 1000 --speed-time 30 \
      -o "$2" "$1" </dev/null || code=$?
    case "$code" in
      0) return ;;
      23) explain_no_room "cannot write the download to $dir" ;;
      22) fail 1 "$1 is not there (curl's words are above)" "the right --base-url, --version and --target" ;;
      *) fail 1 "the download of $1 broke off (curl's exit code $code)" "run it again; nothing was changed" ;;
    esac
  elif have wget; then
    # Debian's busybox 1.35 crashes at -T.
    case "$(wget --version 2>&1 </dev/null || true)" in
      *"GNU Wget"*) set -- "$1" "$2" -T 30 -t 3 ;;
    esac
    from=$1 to=$2
    shift 2
    wget -q "$@" -O "$to" "$from" </dev/null ||
      fail 1 "the download of $from failed (wget's exit code $?)" \
        "look at the address and at the room in $dir, then run it again; nothing was changed"
  else
    fail 1 "neither curl nor wget is here" "install one of them, or download the file elsewhere and name it with --file"
  fi
}

# Sums that did not come with this script are believed only from where nobody can put others in their place.
fetch_sums() {
  case "$base_url" in
    https://* | http://127.0.0.1[:/]* | http://localhost[:/]*) ;;
    *)
      fail 1 "this script has no sums for version $version, and $base_url is not https, so its sums prove nothing" \
        "an https address, or the install.sh of that version, which has them"
      ;;
  esac
  download "$base_url/v$version/SHA256SUMS" "$scratch/sums"
  sums=$(cat "$scratch/sums")
}

# Puts the packed or plain program into $scratch/from, its sum checked, and says where it comes from.
bring() {
  packed=offhook-$target.gz
  if [ -n "$file" ]; then
    [ -f "$file" ] || fail 66 "there is no file $file" "the path of offhook or of $packed"
    say "installing $file"
    cat <"$file" >"$scratch/from" || explain_no_room "cannot copy $file to $dir"
    [ -n "$sums" ] || { say "its sum is not checked: this copy of install.sh knows none" && return; }
    sum=$(sum_of "$scratch/from")
    for name in "$packed" "offhook-$target"; do
      [ "$sum" != "$(sum_named "$sums" "$name")" ] || return 0
    done
    fail 1 "$file is not the offhook $version for $target that this script knows" \
      "the right file; or the install.sh of the source repository, which installs any"
  fi

  say "downloading offhook $version for $target from $base_url"
  [ -n "$sums" ] || fetch_sums
  wanted=$(sum_named "$sums" "$packed")
  [ -n "$wanted" ] || fail 1 "the sums of version $version do not name $packed" "another --target or --version"
  download "$base_url/v$version/$packed" "$scratch/from"
  sum=$(sum_of "$scratch/from")
  [ "$sum" = "$wanted" ] || fail 1 "the download is damaged: its SHA-256 is $sum, expected $wanted" \
    "run it again; nothing was changed. If it stays so, what lies at $base_url is not what was released"
}

# Makes $scratch/offhook of $scratch/from.
unpack() {
  case "$(od -An -N2 -tx1 "$scratch/from" | tr -d ' \n')" in
    1f8b)
      have gzip || fail 1 "gzip is not here, which unpacks the program" "install gzip"
      gzip -dc <"$scratch/from" >"$scratch/plain" || explain_no_room "cannot unpack the program in $dir"
      rm -f "$scratch/from"
      ;;
    *) mv "$scratch/from" "$scratch/plain" ;;
  esac
  # Linux keeps a file in memory in pieces as large as it was written in, and a hook starts 1 ms faster from large ones.
  if [ "$(uname -s)" = Linux ] && have dd && dd if="$scratch/plain" of="$scratch/offhook" bs=4194304 2>/dev/null; then
    rm -f "$scratch/plain"
  else
    mv -f "$scratch/plain" "$scratch/offhook"
  fi
  chmod 755 "$scratch/offhook"
}

# Runs the new program where it lies. What it cannot do here it shows now, with the old one still in place.
try_it() {
  told=$("$scratch/offhook" --version 2>"$scratch/words" </dev/null) || told=
  if [ -z "$told" ] && [ "$(uname -s)" = Darwin ] && have codesign; then
    say "macOS does not run it as it is signed: signing it again on this machine"
    codesign --force --sign - "$scratch/offhook" >>"$scratch/words" 2>&1 || true
    told=$("$scratch/offhook" --version 2>>"$scratch/words" </dev/null) || told=
  fi
  if [ -z "$told" ]; then
    head -n 4 "$scratch/words" >&2
    case "$target:$(cat "$scratch/words")" in
      *libstdc++*) mend="install libstdc++ first (Alpine: apk add libstdc++)" ;;
      *GLIBC_*) mend="a system with glibc 2.17 or newer" ;;
      *ermission\ denied*) mend="another --dir: programs may not run from $dir" ;;
      darwin*) mend="macOS 13 or newer" ;;
      *musl:*) mend="another --target, if this machine has no musl" ;;
      *) mend="another --target, if $target is not what this machine is; a processor with SSE4.2" ;;
    esac
    fail 1 "the program does not run here" "$mend. Nothing was changed"
  fi
  [ -z "$version" ] || [ "$told" = "$version" ] ||
    fail 1 "the program says that it is version $told, not $version" "the right file or --version. Nothing was changed"
  version=$told
}

# True if what is installed is, to the byte, what would be installed.
is_there_already() {
  [ -z "$file" ] && [ -f "$place" ] && [ -x "$place" ] && [ ! -L "$place" ] || return 1
  wanted=$(sum_named "$sums" "offhook-$target")
  [ -n "$wanted" ] && [ "$(sum_of "$place")" = "$wanted" ]
}

# What earlier runs left that were killed. Only those of this machine: a home may be shared, and pids are not.
sweep() {
  for left in "$dir/.offhook-install.$(uname -n)".[0-9]*; do
    [ -d "$left" ] || continue
    kill -0 "${left##*.}" 2>/dev/null || rm -rf "$left"
  done
}

clean() {
  [ -z "$scratch" ] || rm -rf "$scratch"
}

make_scratch() {
  [ ! -d "$place" ] || fail 1 "$place is a directory" "move it away, or another --dir"
  mkdir -p "$dir" 2>/dev/null || fail 77 "cannot make the directory $dir" "another --dir, or run it as who may"
  sweep
  # Beside the target: the rename at the end stays on one file system, and cannot be half done.
  part=$dir/.offhook-install.$(uname -n).$$
  mkdir -m 700 "$part" 2>/dev/null ||
    fail 77 "cannot write to $dir" "another --dir, or run it as who may; or its disk is full"
  scratch=$part
}

# The service goes on with the old program until it is restarted; what is published meanwhile waits in the spool.
restart_service() {
  code=0
  "$place" service status >/dev/null 2>&1 </dev/null || code=$?
  case "$code:$restart" in
    0:yes)
      "$place" service restart >"$scratch/words" 2>&1 </dev/null || code=$?
      case "$code" in
        0) say "the service was restarted" ;;
        # The machine's service, installed by root: the program may be yours all the same.
        77) say "the service goes on as it was, until root restarts it: sudo $place service restart --system" ;;
        *)
          cat "$scratch/words" >&2
          fail 1 "offhook $version is installed, but its service does not start" "$place service logs"
          ;;
      esac
      ;;
    0:no) say "the service goes on as it was, until: $place service restart" ;;
    1:*) say "a service is installed and does not run; to start it: $place service restart" ;;
    *)
      case "$("$place" status --json 2>/dev/null </dev/null)" in
        *'"daemon":{"running":true'*) say "a daemon runs that no service started: end it and start it again, or it goes on as it was" ;;
      esac
      ;;
  esac
}

# The line for PATH, in the file that the user's shell reads at its start.
modify_path() {
  [ -n "${HOME-}" ] || fail 1 "HOME is not set, so no start file is found" "add $dir to PATH yourself"
  line="export PATH=\"$dir:\$PATH\" # offhook"
  case "${SHELL-}" in
    */zsh) start=${ZDOTDIR:-$HOME}/.zshrc ;;
    */bash) start=$HOME/.bashrc ;;
    */fish)
      start=$HOME/.config/fish/conf.d/offhook.fish
      line="fish_add_path \"$dir\" # offhook"
      ;;
    *) start=$HOME/.profile ;;
  esac
  case "$dir" in
    *[\"\$\`\\]*) fail 1 "$dir cannot be written into a start file safely" "add it to PATH yourself" ;;
  esac
  if [ -f "$start" ] && grep -qxF -- "$line" "$start"; then
    say "$start has the line for PATH already"
    return
  fi
  mkdir -p "$(dirname "$start")"
  # A file may end without a newline: ours must not join its last line.
  if [ -s "$start" ] && [ -n "$(tail -c 1 "$start")" ]; then echo >>"$start"; fi
  printf '%s\n' "$line" >>"$start"
  say "added to $start: $line"
}

# How to call it now, and what else of that name is on PATH.
tell_next() {
  call=offhook
  case ":$PATH:" in
    *":$dir:"*)
      first=$(command -v offhook || true)
      if [ -n "$first" ] && [ "$first" != "$place" ]; then
        say "Another offhook comes first on PATH: $first"
        call=$place
      fi
      ;;
    *)
      call=$place
      if [ "$modify" = yes ]; then
        modify_path
      else
        say "$dir is not on PATH. To have it there: export PATH=\"$dir:\$PATH\"  (in your shell's start file; --modify-path does it)"
      fi
      ;;
  esac
  say "next: $call setup"
}

main() {
  dir=${OFFHOOK_INSTALL_DIR-}
  file=${OFFHOOK_INSTALL_FILE-}
  target=${OFFHOOK_TARGET-}
  own_version=$version
  version=${OFFHOOK_VERSION:-$version}
  base_url=${OFFHOOK_BASE_URL:-$base_url}
  modify=no
  restart=yes
  scratch=

  while [ $# -gt 0 ]; do
    case "$1" in
      --dir) needs_value "$1" $# && dir=$2 && shift ;;
      --version) needs_value "$1" $# && version=$2 && shift ;;
      --base-url) needs_value "$1" $# && base_url=$2 && shift ;;
      --file) needs_value "$1" $# && file=$2 && shift ;;
      --target) needs_value "$1" $# && target=$2 && shift ;;
      --modify-path) modify=yes ;;
      --no-restart) restart=no ;;
      -h | --help) usage && exit 0 ;;
      *) fail 64 "install.sh does not know $1" "sh install.sh --help" ;;
    esac
    shift
  done

  if [ -z "$dir" ]; then
    if [ "$(id -u)" = 0 ]; then
      dir=/usr/local/bin
    else
      [ -n "${HOME-}" ] || fail 64 "HOME is not set, so there is no usual place" "sh install.sh --dir DIR"
      dir=$HOME/.local/bin
    fi
  fi
  case "$dir" in
    /*) ;;
    *) dir=$(pwd)/$dir ;;
  esac
  dir=${dir%/}
  place=$dir/offhook
  base_url=${base_url%/}
  version=${version#v}
  case "$version" in
    *[!A-Za-z0-9.+-]*) fail 64 "$version is no version" "one like 0.1.0" ;;
  esac
  case "$target" in
    *[!a-z0-9-]*) fail 64 "$target is no target" "sh install.sh --help" ;;
  esac
  sums=
  if [ "$version" = "$own_version" ]; then sums=$baked_sums; fi

  if [ -z "$file" ] && [ -z "$base_url" ]; then
    fail 64 "this install.sh knows no place to download from" \
      "OFFHOOK_BASE_URL=https://... (a release lies there, made by scripts/release), or OFFHOOK_INSTALL_FILE=./offhook-linux-x64.gz"
  fi
  if [ -z "$file" ] && [ -z "$version" ]; then
    fail 64 "which version? This install.sh is of none" "OFFHOOK_VERSION=0.1.0, or the install.sh that lies beside the release"
  fi
  have sha256sum || have shasum || fail 1 "neither sha256sum nor shasum is here: the download could not be checked" \
    "install coreutils (it has sha256sum) or perl (it has shasum)"

  without_bun_variables
  [ -n "$target" ] || find_target
  trap clean EXIT
  trap 'exit 1' HUP INT TERM
  make_scratch
  if is_there_already; then
    say "offhook $version is there already: $place"
    tell_next
    return
  fi
  bring
  unpack
  try_it
  before=$("$place" --version 2>/dev/null </dev/null) || before=
  mv -f "$scratch/offhook" "$place" || fail 77 "cannot replace $place" "another --dir, or run it as who may"
  if [ -n "$before" ]; then
    say "installed offhook $version as $place (before: $before)"
  else
    say "installed offhook $version as $place"
  fi
  restart_service
  tell_next
}

# In braces: when the last line arrives in part, it is no command.
{ main "$@"; }
