#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make fresh [FRESH_ONLY="run test run-user test-user"]: proves the two commands on a minimal Debian 12. debootstrap makes a root without
# compiler, Node or caches; the host's package sources, npm settings and certificate authorities are copied in, nothing
# else; a clone of HEAD goes in; everything runs by chroot on two processors and listens on loopback only.
source "$(dirname "$0")/lib.sh"
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "fresh: chroot needs root"
  exec sudo --preserve-env=FRESH_ONLY,FRESH_KEEP "$0" "$@"
fi
tools/setup.sh fresh || exit 1
for tool in curl git; do
  command -v $tool >/dev/null || fail "fresh: needs $tool on the host"
done
git -c safe.directory='*' rev-parse -q --verify HEAD >/dev/null || fail "fresh: nothing is committed yet"
[ -z "$(git -c safe.directory='*' status --porcelain)" ] || say "Note: uncommitted changes are not part of the clone"

# The limits of the promise, in seconds.
first_run_limit=600 second_run_limit=3 test_limit=1500
scratch=$(mktemp -d /var/tmp/kit-fresh.XXXXXX)
server=
finish() {
  [ -n "$server" ] && kill -- "-$server" 2>/dev/null
  local place
  for place in "$scratch"/*/proc; do
    if mountpoint -q "$place" 2>/dev/null; then umount "$place" || umount -l "$place"; fi
  done
  if [ -n "${FRESH_KEEP:-}" ]; then say "Kept: $scratch"; else rm -rf --one-file-system "$scratch"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

two_cores=()
[ "$(nproc)" -gt 2 ] && two_cores=(taskset -c "0,1")

mirror() {
  local uri
  uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    sed -nE 's/^(URIs:|deb( \[[^]]*\])?) +(http[^ ]+\/debian)\/?( .*)?$/\3/p' | head -1)
  echo "${uri:-http://deb.debian.org/debian}"
}

# The bare root all parts start from.
make_base() {
  local base=$scratch/base file
  say "debootstrap bookworm from $(mirror)"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$base" "$(mirror)" >"$scratch/debootstrap.log" 2>&1 ||
    { tail -n 20 "$scratch/debootstrap.log" >&2; fail "fresh: debootstrap failed"; }
  # Package sources and network settings.
  rm -f "$base/etc/apt/sources.list"
  cp /etc/apt/sources.list "$base/etc/apt/" 2>/dev/null
  cp /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources "$base/etc/apt/sources.list.d/" 2>/dev/null
  cp /etc/apt/trusted.gpg.d/* "$base/etc/apt/trusted.gpg.d/" 2>/dev/null
  cp -n /usr/share/keyrings/* "$base/usr/share/keyrings/" 2>/dev/null
  for file in $(grep -ls Acquire:: /etc/apt/apt.conf /etc/apt/apt.conf.d/*); do cp "$file" "$base/etc/apt/apt.conf.d/"; done
  cp -L /etc/resolv.conf /etc/hosts "$base/etc/" 2>/dev/null
  # Certificate authorities and npm settings.
  cp -r /usr/local/share/ca-certificates/. "$base/usr/local/share/ca-certificates/" 2>/dev/null
  cp -L /etc/ssl/certs/ca-certificates.crt "$base/etc/ssl/certs/"
  for file in /etc/npmrc "$HOME/.npmrc"; do [ -f "$file" ] && cp "$file" "$base${file/#$HOME/\/root}"; done
  # What the README asks for beforehand.
  inside base root apt-get update -q >"$scratch/apt.log" 2>&1 &&
    inside base root apt-get install -y -q --no-install-recommends make git sudo >>"$scratch/apt.log" 2>&1 ||
    { tail -n 20 "$scratch/apt.log" >&2; fail "fresh: apt-get failed"; }
  rm -rf "$base"/var/lib/apt/lists/* "$base"/var/cache/apt/archives/*.deb
  inside base root useradd --create-home --shell /bin/bash kit
  echo 'kit ALL=(ALL) NOPASSWD: ALL' >"$base/etc/sudoers.d/kit"
  [ -f "$base/root/.npmrc" ] && cp "$base/root/.npmrc" "$base/home/kit/.npmrc"
  umount "$base/proc"
}

# inside <root> <user> command...: in the chroot, with a login's environment and the host's network settings.
inside() {
  local place=$scratch/$1 user=$2 home=/root name
  shift 2
  [ "$user" = root ] || home=/home/$user
  mountpoint -q "$place/proc" || mount -t proc proc "$place/proc"
  local environment=(HOME="$home" USER="$user" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY NODE_EXTRA_CA_CERTS SSL_CERT_FILE; do
    [ -n "${!name:-}" ] && environment+=("$name=${!name}")
  done
  "${two_cores[@]}" chroot --userspec="$user:$user" "$place" env -i "${environment[@]}" "$@"
}

# new_root <name> <user>: a bare root with a clone of HEAD, owned by the user.
new_root() {
  local home=/root
  [ "$2" = root ] || home=/home/$2
  cp -a "$scratch/base" "$scratch/$1"
  git -c safe.directory='*' clone -q "file://$root" "$scratch/$1$home/kit" || fail "fresh: git clone failed"
  chown -R --reference="$scratch/$1$home" "$scratch/$1$home/kit"
  clone=$home/kit
}

drop_root() {
  umount "$scratch/$1/proc"
  rm -rf --one-file-system "${scratch:?}/$1"
}

# serve <root> <user> <limit>: make run until /readyz answers; sets `took` (tenths of a second), then stops the server.
serve() {
  local port log=$scratch/$1.run.log begun deadline
  port=$((20000 + RANDOM % 20000))
  begun=$(date +%s%N)
  deadline=$((SECONDS + $3))
  setsid bash -c "$(declare -p two_cores scratch); $(declare -f inside); inside $1 $2 make -C $clone run PORT=$port" \
    >>"$log" 2>&1 &
  server=$!
  until curl -fs -o /dev/null --max-time 2 "http://127.0.0.1:$port/readyz"; do
    if ! kill -0 "$server" 2>/dev/null; then
      tail -n 40 "$log" >&2
      fail "fresh: make run as $2 ended before it listened"
    fi
    [ $SECONDS -lt "$deadline" ] || { tail -n 40 "$log" >&2; fail "fresh: make run as $2: not ready after $3 s"; }
    sleep 0.1
  done
  took=$((($(date +%s%N) - begun) / 100000000))
  kill -TERM -- "-$server"
  for _ in $(seq 150); do  # a graceful stop ends within 15 s
    kill -0 -- "-$server" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL -- "-$server" 2>/dev/null && fail "fresh: the server did not stop within 15 s"
  wait "$server"
  server=
}

tenths() { echo "$(($1 / 10)).$(($1 % 10))"; }

figures=()
run_part() {  # <user>
  new_root run "$1"
  say "make run as $1"
  serve run "$1" $first_run_limit
  local first=$took
  say "make run as $1: ready after $(tenths "$first") s; again"
  serve run "$1" 60
  figures+=("make run as $1 $(tenths "$first") s, again $(tenths "$took") s")
  [ "$took" -le $((second_run_limit * 10)) ] || fail "fresh: second make run as $1 took $(tenths "$took") s, limit $second_run_limit s"
  drop_root run
}

test_part() {  # <user>
  new_root test "$1"
  say "make test as $1"
  local begun log=$scratch/test.log
  begun=$(date +%s)
  if ! inside test "$1" make -C "$clone" test >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "fresh: make test as $1 failed after $(seconds_since "$begun") s: $(tail -n 1 "$log")"
  fi
  local took_test
  took_test=$(seconds_since "$begun")
  figures+=("make test as $1 $took_test s ($(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1))")
  [ "$took_test" -le $test_limit ] || fail "fresh: make test as $1 took $took_test s, limit $test_limit s"
  drop_root test
}

make_base
for part in ${FRESH_ONLY:-run test run-user test-user}; do
  user=root
  [[ $part == *-user ]] && user=kit
  case ${part%-user} in
    run) run_part $user ;;
    test) test_part $user ;;
    *) fail "fresh: FRESH_ONLY is made of run, test, run-user, test-user, not '$part'" ;;
  esac
done
pass "fresh: $(IFS=';'; echo "${figures[*]}" | sed 's/;/; /g')"
