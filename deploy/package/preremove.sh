#!/bin/sh
# Before the files go. $1 is remove (Debian) or 0 (RPM) when the package goes for
# good, and something else when it is only replaced. What is kept in /var/lib stays.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		for unit in roost roost-hub roost-gateway roost-dashboard; do
			systemctl disable --now "$unit.service" || true
		done
	fi
	;;
esac
