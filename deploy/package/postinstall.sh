#!/bin/sh
# After the files are there: the user, the folder for keys, and what to do next.
set -e
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers /usr/lib/sysusers.d/roost.conf
elif ! getent passwd roost >/dev/null; then
	useradd --system --home-dir /var/lib/roost --shell /usr/sbin/nologin roost
fi
chgrp roost /etc/roost 2>/dev/null || true
chmod 0750 /etc/roost
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	for unit in roost roost-hub roost-gateway roost-dashboard; do
		systemctl try-restart "$unit.service" || true
	done
fi
if [ "$1" = configure ] && [ -z "$2" ] || [ "$1" = 1 ]; then
	echo "Roost is installed. Start one of: roost, roost-hub, roost-gateway, roost-dashboard:"
	echo "  systemctl enable --now roost && journalctl -u roost"
	echo "The journal shows the link that makes the owner's account."
fi
