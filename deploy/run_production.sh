#!/bin/sh
# Runs Fairlead for others to depend on: raises the limit of open files, says what of
# the system is too small for the configuration, checks that, and becomes the service.
# It stays in the foreground; a supervisor such as systemd keeps it running.
#
#   FAIRLEAD_BIN     the program; by default fairlead in PATH, or ../bin/fairlead
#   FAIRLEAD_CONFIG  the configuration, as always
#   FAIRLEAD_NOFILE  open files to ask for; by default as many as the hard limit allows
#   FAIRLEAD_STRICT  1: a system that is too small is an error, not a warning
#
# Arguments are handed to `fairlead serve`.
set -eu

say() { echo "run_production: $*" >&2; }
fail() {
	say "$*"
	exit 2
}
# warn tells of something too small, which ends a strict run.
warn() {
	[ "$strict" = 0 ] || fail "$*"
	say "warning: $*"
}
# number reports whether $1 is a whole number above 0.
number() {
	case $1 in
	'' | 0* | *[!0-9]*) return 1 ;;
	esac
}

strict=${FAIRLEAD_STRICT:-0}
case $strict in
0 | 1) ;;
*) fail "FAIRLEAD_STRICT is neither 0 nor 1" ;;
esac

bin=${FAIRLEAD_BIN:-}
if [ -z "$bin" ]; then
	bin=$(dirname "$0")/../bin/fairlead
	[ -x "$bin" ] || bin=$(command -v fairlead || true)
fi
[ -n "$bin" ] && [ -x "$bin" ] || fail "there is no program to run: set FAIRLEAD_BIN, or run make build"

# The limit of open files: one for every connection.
nofile=${FAIRLEAD_NOFILE:-$(ulimit -H -n)}
unset FAIRLEAD_STRICT FAIRLEAD_NOFILE # they are not the service's
if [ "$nofile" != unlimited ]; then
	number "$nofile" || fail "FAIRLEAD_NOFILE is not a whole number above 0"
fi
ulimit -S -n "$nofile" 2>/dev/null || fail "cannot raise the limit of open files to $nofile; the hard limit is $(ulimit -H -n)"

# What the service would run with; mistakes in it are told here and end the start.
settings=$("$bin" config) || fail "the configuration has mistakes, or cannot be read"
# setting prints the first value of a key of that name, indented by $2 spaces.
setting() {
	printf '%s\n' "$settings" | sed -n "s/^ \{$2\}$1: *\([0-9][0-9]*\).*/\1/p" | head -n 1
}

connections=$(setting max_connections 2)
if [ -n "$connections" ] && [ "$nofile" != unlimited ] && [ "$((connections + 1000))" -gt "$nofile" ]; then
	warn "server.max_connections is $connections, and only $nofile files may be open: raise the hard limit (LimitNOFILE) to $((connections + 1000)) or more"
fi

backlog=$(setting backlog 8)
somaxconn=$(cat /proc/sys/net/core/somaxconn 2>/dev/null || echo)
if [ -n "$backlog" ] && [ -n "$somaxconn" ] && [ "$backlog" -gt "$somaxconn" ]; then
	warn "the backlog of $backlog connections is cut to net.core.somaxconn ($somaxconn): sysctl -w net.core.somaxconn=$backlog"
fi

exec "$bin" serve "$@"
