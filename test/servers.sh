#!/usr/bin/env bash
# Makes this machine ready for the tests that talk to real servers: PostgreSQL,
# PgBouncer, Redis, Prometheus, Docker with compose v2, and Vault; and jq and Python for
# the example providers. Safe to run again at any time, and silent when nothing is left
# to do. It starts no server: the tests start their own.
#
# What it cannot provide it names, and it still exits 0: the tests that need it are
# then skipped by name (ROTOR_TEST_REQUIRE=all makes them fail instead).
#
# With the word "postgres" it sees to PostgreSQL alone, for the demo.
#
# Vault and compose are built from the Go module proxy into $ROTOR_TEST_CACHE, which
# takes some minutes, once. They are tools for the tests; nothing of them is linked into
# Rotor or shipped with it (Vault's licence, BUSL-1.1, would not allow that).
set -eu

PATH=$PATH:/usr/sbin:/sbin # dockerd; not everybody's PATH has it
cache=${ROTOR_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rotor-test}
log=$(mktemp "${TMPDIR:-/tmp}/rotor-servers.XXXXXX.log")
only=${1:-} # "postgres", or everything
keep_log= policy= work= # what is to be tidied up, also after Ctrl-C

tidy() {
	if [ -z "$keep_log" ]; then rm -f "$log"; fi
	if [ -n "$policy" ]; then rm -f "$policy"; fi
	if [ -n "$work" ]; then rm -rf "$work"; fi
}
trap tidy EXIT

say() { echo "servers: $*"; }
have() { command -v "$1" >/dev/null 2>&1; }
missing() { say "missing: $* (tests that need it are skipped)"; }

# failed WHAT: names what did not work and keeps the log for reading.
failed() {
	keep_log=yes
	missing "$1; see $log"
}

have_postgres() {
	local dir
	for dir in /usr/lib/postgresql/*/bin; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then return 0; fi
	done
	have initdb && have postgres
}

docker_answers() { have docker && timeout 20 docker version >/dev/null 2>&1; }

# packages_missing prints the Debian packages whose programs are not there. A private
# dockerd needs no iptables: it is started without firewall rules.
packages_missing() {
	have_postgres || echo postgresql
	if [ "$only" = postgres ]; then return 0; fi
	have pgbouncer || echo pgbouncer
	have redis-server || echo redis-server
	have jq || echo jq
	[ -x /usr/bin/python3 ] || echo python3
	have prometheus || echo prometheus
	{ have docker && have dockerd; } || docker_answers || echo docker.io
}

install_packages() {
	local packages
	packages=$(packages_missing)
	packages=${packages//$'\n'/ }
	if [ -z "$packages" ]; then return 0; fi
	if [ "$(id -u)" != 0 ] || ! have apt-get; then
		missing "$packages"
		return 0
	fi
	say "installing $packages"
	# 101 = "action forbidden": no package starts its service while we install.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list of words on purpose
	if ! { apt-get update && apt-get install -y --no-install-recommends $packages; } >>"$log" 2>&1; then
		failed "$packages"
	fi
}

# build NAME TARGET PACKAGE LDFLAGS [GO FLAGS]: builds PACKAGE with the go.mod read from
# standard input and puts it at TARGET by rename, so a half-built program is never found.
build() {
	local name=$1 target=$2 package=$3 ldflags=$4
	shift 4
	if ! have go; then
		missing "$name (no Go compiler to build it)"
		return 0
	fi
	say "building $name into $target (some minutes, once)"
	mkdir -p "$(dirname "$target")"
	work=$(mktemp -d "$cache/build.XXXXXX")
	cat >"$work/go.mod"
	if (
		cd "$work"
		CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=mod -p=2 -buildvcs=false" nice go build -trimpath "$@" \
			-ldflags "-s -w $ldflags" -o "$work/program" "$package"
	) >>"$log" 2>&1 && "$work/program" version >>"$log" 2>&1; then
		mv "$work/program" "$target"
	else
		failed "$name"
	fi
	rm -rf "$work"
}

ensure_vault() {
	if have vault || have bao || [ -x "$cache/vault" ]; then return 0; fi
	# 1.21.0 on purpose: later 1.21 releases do not compile from published modules. The
	# replace lines repeat those of its go.mod; because of them "go install" refuses it.
	build "Vault 1.21.0" "$cache/vault" github.com/hashicorp/vault "" -tags minimal <<'MOD'
module tools/vault

go 1.25.1

require github.com/hashicorp/vault v1.21.0

replace github.com/99designs/keyring => github.com/Jeffail/keyring v1.2.3

replace github.com/ma314smith/signedxml v1.1.1 => github.com/moov-io/signedxml v1.1.1
MOD
}

ensure_compose() {
	local plugin=$cache/docker/cli-plugins/docker-compose version=v2.40.3
	if [ -x "$plugin" ]; then return 0; fi
	case "$(docker compose version --short 2>/dev/null || true)" in
	2.* | v2.* | [3-9].* | v[3-9].*) return 0 ;;
	esac
	build "docker compose $version" "$plugin" github.com/docker/compose/v2/cmd \
		"-X github.com/docker/compose/v2/internal.Version=$version" <<MOD
module tools/compose

go 1.25.0

tool github.com/docker/compose/v2/cmd

require github.com/docker/compose/v2 $version

exclude (
	github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc
	github.com/pmezard/go-difflib v1.0.1-0.20181226105442-5d4384ee4fb2
)
MOD
}

if ! mkdir -p "$cache" 2>/dev/null; then
	missing "a cache directory ($cache cannot be made)"
	exit 0
fi
if have flock; then
	# Two runs at once would build everything twice; the second one waits instead.
	exec 9>"$cache/.lock"
	flock 9
fi
install_packages
if [ "$only" = postgres ]; then exit 0; fi
ensure_vault
ensure_compose
