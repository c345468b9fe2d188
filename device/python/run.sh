#!/bin/sh
# Runs Roost's runtime on a computer: ./run.sh. It starts it again after a planned reset (exit code 75) and after a crash,
# whatever the app did, and ends with Ctrl-C or SIGTERM. PYTHON names another Python 3.9 or later.
cd "$(dirname "$0")" || exit 1
child='' over='' ender=''
# shellcheck disable=SC2317
end() {
	over=1
	ender
}
# A signal can come before the child is known here, or before Python listens, and the app can be busy: it is told to end
# until it has ended, and has ten seconds.
ender() {
	[ -n "$child" ] && [ -z "$ender" ] || return
	(
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			kill "$child" || exit
			sleep 1
		done
		kill -9 "$child"
	) >/dev/null 2>&1 &
	ender=$!
}
trap end INT TERM HUP
ROOST_CAUSE='power on'
while [ -z "$over" ]; do
	export ROOST_CAUSE
	"${PYTHON:-python3}" -u start.py &
	child=$!
	[ -n "$over" ] && ender
	wait "$child"
	code=$?
	while kill -0 "$child" 2>/dev/null; do # the signal cut the wait short
		wait "$child"
		code=$?
	done
	[ -n "$ender" ] && kill "$ender" 2>/dev/null
	child=''
	case $code in
	75) ROOST_CAUSE=unknown ;; # what planned it is written in _s/why
	99) exit 0 ;; # it was told to end
	*)
		[ -n "$over" ] && break
		ROOST_CAUSE=crash
		sleep 2
		;;
	esac
done
