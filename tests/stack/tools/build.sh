#!/usr/bin/env bash
# The programs that the test stack runs: finds each one, builds the ones that are missing, prints where they are.
#
#   build.sh [PROGRAM...]        one line "PROGRAM<tab>PATH" on standard output for each; without arguments, for
#                                all, after checking what the whole project needs
#   build.sh --missing PROGRAM...  prints the names of those that have to be built, and builds nothing
#   build.sh --prerequisites     only checks what the whole project needs
#
# The script looks for a program in this order and takes the first hit:
#   1. the folder $TIDEGATE_TOOLS
#   2. etcd, kube-apiserver, kubectl: the folder $KUBEBUILDER_ASSETS
#   3. helm, kustomize, sops, kubectl: PATH, in a version that fits
#   4. the cache: ${XDG_CACHE_HOME:-~/.cache}/tidegate/tools/PROGRAM-VERSION/PROGRAM
#   5. etcd, kube-apiserver, kubectl: what an installed `setup-envtest` has or can download; the cache keeps a link
# Go builds every other program into the cache from the go.mod next to this file, which pins version and sums (the oracles'
# own few lines are in tests/oracle). Programs of one module are built by one call of Go, which compiles what they share
# once. The script writes nothing in this folder. A second build waits for the first, and then finds the work done.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tidegate/tools
all=(etcd kube-apiserver kubectl kube-controller-manager kube-scheduler kwok helm kustomize sops age-keygen gitea registry semver-oracle reference-oracle)

say() { printf '%s\n' "$*" >&2; }

# --- what must be there beforehand ------------------------------------------------------------------------------------

# at_least HAVE WANT: dotted numbers, HAVE >= WANT
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

find_sshd() { PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd; }

python_fits() {
  command -v python3 >/dev/null 2>&1 &&
    python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1
}

# install PACKAGE: only as root on a system with apt-get, where nobody has to be asked
install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
  say "installing the package $1 with apt-get"
  {
    # RUNLEVEL=1 keeps the package from starting its daemon: the tests start their own.
    local get="env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq"
    $get install -y --no-install-recommends "$1" || { $get update && $get install -y --no-install-recommends "$1"; }
  } </dev/null >/dev/null 2>&1
}

prerequisites() {
  local missing=() have
  have=$(git --version 2>/dev/null | sed -n 's/^git version \([0-9.]*[0-9]\).*/\1/p' || true)
  [ -n "$have" ] && at_least "$have" 2.31 || missing+=("git 2.31 or newer: apt-get install git")
  command -v make >/dev/null 2>&1 || missing+=("make: apt-get install make")
  command -v cc >/dev/null 2>&1 || missing+=("a C compiler (cc): apt-get install gcc libc6-dev")
  command -v cargo >/dev/null 2>&1 || missing+=("cargo, the Rust toolchain: https://rustup.rs")
  have=$(go version 2>/dev/null | sed -n 's/^go version go\([0-9.]*[0-9]\).*/\1/p' || true)
  [ -n "$have" ] && at_least "$have" 1.26 ||
    missing+=("go 1.26 or newer (found: ${have:-none}): https://go.dev/doc/install")
  command -v flock >/dev/null 2>&1 || missing+=("flock: apt-get install util-linux")
  python_fits || { install python3-venv && python_fits; } ||
    missing+=("python3, 3.9 or newer, with venv: apt-get install python3 python3-venv")
  find_sshd >/dev/null || { install openssh-server && find_sshd >/dev/null; } ||
    missing+=("sshd, the OpenSSH server (it need not be running): apt-get install openssh-server")
  command -v ssh-keygen >/dev/null 2>&1 || missing+=("ssh and ssh-keygen: apt-get install openssh-client")
  [ ${#missing[@]} = 0 ] && return 0
  say "Missing on this machine:"
  printf '  - %s\n' "${missing[@]}" >&2
  return 1
}

# --- programs ---------------------------------------------------------------------------------------------------------

# required_version PATH: the version of the Go module PATH in the go.mod of $module
required_version() {
  awk -v m="$1" '$1 == "require" { $0 = $2 " " $3 } $1 == m { print $2; exit }' "$here/$module/go.mod"
}

# Sets module (folder here), package, flags (for the linker), tags, cgo and files (folders of the module that the program
# wants beside it) of the program $1. The version strings matter: without them the API server calls itself v0.0.0 and
# clients misbehave.
describe() {
  flags="-s -w" tags="" cgo=0 files=()
  case $1 in
  etcd) module=etcd package=go.etcd.io/etcd/server/v3 required=$package ;;
  kube-apiserver | kube-controller-manager | kube-scheduler | kubectl)
    module=kubernetes package=k8s.io/kubernetes/cmd/$1 required=k8s.io/kubernetes ;;
  # In the module of Kubernetes, with which kwok shares most of its packages: they are compiled once.
  kwok) module=kubernetes package=sigs.k8s.io/kwok/cmd/kwok required=sigs.k8s.io/kwok ;;
  helm) module=helm package=helm.sh/helm/v4/cmd/helm required=helm.sh/helm/v4 ;;
  kustomize) module=kustomize package=sigs.k8s.io/kustomize/kustomize/v5 required=$package ;;
  # The keygen is in the module of sops, which age is a part of.
  sops) module=sops package=github.com/getsops/sops/v3/cmd/sops required=github.com/getsops/sops/v3 ;;
  age-keygen) module=sops package=filippo.io/age/cmd/age-keygen required=filippo.io/age ;;
  gitea)
    # Its SQLite driver is C.
    module=gitea package=code.gitea.io/gitea required=$package
    tags="sqlite sqlite_unlock_notify timetzdata" cgo=1 files=(templates options public) ;;
  registry) module=registry package=github.com/distribution/distribution/v3/cmd/registry required=github.com/distribution/distribution/v3 ;;
  semver-oracle) module=../../oracle/semver package=. required=github.com/Masterminds/semver/v3 ;;
  reference-oracle) module=../../oracle/reference package=. required=github.com/distribution/reference ;;
  *) say "unknown program: $1 (known: ${all[*]})"; return 1 ;;
  esac
  version=$(required_version "$required")
  [ -n "$version" ] || { say "$here/$module/go.mod does not require $required"; return 1; }
  case $module in
  kubernetes)
    # The same for each program of the module: they are linked by one call.
    local v=k8s.io/component-base/version kubernetes minor
    kubernetes=$(required_version k8s.io/kubernetes) minor=${kubernetes#v*.}
    flags+=" -X $v.gitVersion=$kubernetes -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*} -X $v.gitTreeState=clean"
    flags+=" -X sigs.k8s.io/kwok/pkg/consts.Version=$(required_version sigs.k8s.io/kwok)" ;;
  helm) flags+=" -X helm.sh/helm/v4/internal/version.version=$version" ;;
  gitea) flags+=" -X main.Version=${version#v}" ;;
  registry) flags+=" -X github.com/distribution/distribution/v3/version.version=$version" ;;
  kustomize) flags+=" -X sigs.k8s.io/kustomize/api/provenance.version=$version" ;;
  ../../oracle/*) version+=-$(cksum <"$here/$module/main.go" | cut -d ' ' -f 1) ;;
  esac
}

# fits PROGRAM PATH: may the one on PATH be used?
fits() {
  local v
  case $1 in
  helm) v=$("$2" version --short 2>/dev/null) ;;
  kustomize) v=$("$2" version 2>/dev/null) ;;
  sops) v=$("$2" --version --disable-version-check 2>/dev/null | head -n 1) ;;
  kubectl) v=$("$2" version --client 2>/dev/null | sed -n 's/^Client Version: //p') ;;
  *) return 1 ;;
  esac
  v=$(printf '%s' "$v" | sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$v" ] || return 1
  case $1 in
  helm) at_least "$v" 3.14 && ! at_least "$v" 5 ;;
  kustomize) at_least "$v" 5 ;;
  sops) at_least "$v" 3.9 ;;
  kubectl) at_least "$v" 1.24 ;;
  esac
}

find_program() {
  local p=$1 candidate
  if [ -n "${TIDEGATE_TOOLS:-}" ] && [ -x "$TIDEGATE_TOOLS/$p" ]; then
    printf '%s\n' "$TIDEGATE_TOOLS/$p"
    return
  fi
  case $p in etcd | kube-apiserver | kubectl)
    if [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -x "$KUBEBUILDER_ASSETS/$p" ]; then
      printf '%s\n' "$KUBEBUILDER_ASSETS/$p"
      return
    fi ;;
  esac
  case $p in helm | kustomize | sops | kubectl)
    candidate=$(command -v "$p" 2>/dev/null || true)
    if [ -n "$candidate" ] && fits "$p" "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi ;;
  esac
  [ -x "$cache/$p-$version/$p" ] && printf '%s\n' "$cache/$p-$version/$p"
}

# link_ready_made PROGRAM...: etcd, kube-apiserver and kubectl as `setup-envtest` has them or downloads them, in the minor
# version that the go.mod pins. A closed network must not hold up the build, so the download has a deadline.
link_ready_made() {
  command -v setup-envtest >/dev/null 2>&1 || return 0
  local p folder=""
  for p in "$@"; do
    case $p in etcd | kube-apiserver | kubectl) ;; *) continue ;; esac
    if [ -z "$folder" ]; then
      describe kubectl
      folder=$(timeout 180 setup-envtest use "$(printf '%s' "${version#v}" | cut -d . -f 1,2).x" -p path 2>/dev/null || true)
      [ -d "$folder" ] || return 0
      say "using the programs of setup-envtest in $folder"
    fi
    [ -x "$folder/$p" ] || continue
    describe "$p"
    mkdir -p "$cache/$p-$version"
    ln -sf "$folder/$p" "$cache/$p-$version/$p"
  done
}

# so_far LOG PACKAGES: what a call of Go is at. The log has one line for each package that is compiled.
so_far() {
  if [ -s "$2" ]; then
    printf ', %d of %d packages' "$(grep -c '^[^ :]*$' "$1" || true)" "$(wc -l <"$2")"
  fi
  sed -n '$s/^go: downloading \(.*\)/, downloading \1/p' "$1"
}

# build PROGRAM...: of one module, under the lock; described already
build() {
  local p part started=$SECONDS log pid shown=0 folder names="$*"
  log=$(mktemp "$cache/.log.XXXXXX")
  part=$(mktemp -d "$cache/.part.XXXXXX")
  local packages=()
  for p in "$@"; do
    describe "$p"
    packages+=("$package")
  done
  say "building $names $version (once; kept in $cache)"
  (cd "$here/$module" &&
    export GOWORK=off CGO_ENABLED=$cgo &&
    if [ $# = 1 ]; then set -- -o "$part/$1"; else set -- -o "$part/"; fi &&
    go list -mod=readonly -tags="$tags" -deps "${packages[@]}" >"$part/.packages" &&
    # The linker drops debug information (-w), so the compiler need not make it. -v prints each package that is compiled.
    go build -v -mod=readonly -trimpath -buildvcs=false -tags="$tags" -gcflags=all=-dwarf=false -ldflags="$flags" "$@" "${packages[@]}" &&
    for folder in "${files[@]}"; do
      cp -r --no-preserve=mode "$(go list -mod=readonly -m -f '{{.Dir}}' "$required")/$folder" "$part/" || exit
    done) >"$log" 2>&1 9>&- &
  pid=$!
  trap 'kill "$pid" 2>/dev/null; rm -rf "$log" "$part"; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - started - shown)) -ge 10 ]; then
      shown=$((SECONDS - started))
      say "building $names $version: ${shown} s so far$(so_far "$log" "$part/.packages")"
    fi
  done
  if ! wait "$pid"; then
    say "go could not build $names $version after $((SECONDS - started)) s:"
    grep -v '^[^ :]*$' "$log" | tail -n 30 >&2
    rm -rf "$log" "$part"
    return 1
  fi
  trap - INT TERM
  for p in "$@"; do
    describe "$p"
    mkdir -p "$cache/$p-$version"
    for folder in "${files[@]}"; do
      rm -rf "${cache:?}/$p-$version/$folder"
      mv "$part/$folder" "$cache/$p-$version/$folder"
    done
    mv -f "$part/$p" "$cache/$p-$version/$p"
    say "built $p $version in $((SECONDS - started)) s"
  done
  rm -rf "$log" "$part"
}

# --- main -------------------------------------------------------------------------------------------------------------

if [ "${1:-}" = --prerequisites ]; then
  prerequisites
  exit
fi
only_missing=""
if [ "${1:-}" = --missing ]; then
  only_missing=yes
  shift
fi
if [ $# = 0 ]; then
  prerequisites
  set -- "${all[@]}"
fi

missing=()
for p in "$@"; do
  describe "$p"
  find_program "$p" >/dev/null || missing+=("$p")
done

if [ -n "$only_missing" ]; then
  printf '%s\n' "${missing[@]}"
  exit
fi

if [ ${#missing[@]} -gt 0 ]; then
  prerequisites
  mkdir -p "$cache"
  exec 9>"$cache/.lock"
  if ! flock -n 9; then
    say "waiting for another build of the tools (lock: $cache/.lock)"
    flock 9
  fi
  link_ready_made "${missing[@]}"
  while [ ${#missing[@]} -gt 0 ]; do
    describe "${missing[0]}"
    first_module=$module first_tags=$tags together=() later=()
    for p in "${missing[@]}"; do
      describe "$p"
      if [ "$module" != "$first_module" ] || [ "$tags" != "$first_tags" ]; then
        later+=("$p")
      elif ! find_program "$p" >/dev/null; then
        together+=("$p")
      fi
    done
    missing=("${later[@]}")
    [ ${#together[@]} = 0 ] || build "${together[@]}"
  done
  exec 9>&-
fi

for p in "$@"; do
  describe "$p"
  printf '%s\t%s\n' "$p" "$(find_program "$p")"
done
