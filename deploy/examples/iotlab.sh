#!/usr/bin/env bash
# Books nodes of the FIT IoT-LAB testbed, flashes a border router and nodes that
# report to a Roost of yours, and stops them at the end. It needs IoT-LAB's
# command-line tools (pip install iotlabcli), an account (iotlab-auth -u NAME), and
# firmware files of RIOT. No test of Roost runs this script.
#
#   iotlab.sh MINUTES BORDER-ROUTER-ID 'NODE-IDS' [SITE]
#   iotlab.sh 60 10 '11-14+20' saclay
#
# Environment: BORDER_ROUTER (firmware of gnrc_border_router for iotlab-m3),
# FIRMWARE (firmware of the nodes), GATEWAY (the IPv6 address of the machine with
# Roost that the firmware was built for; only printed).
set -euo pipefail

if [ $# -lt 3 ]; then
	sed -n '2,14p' "$0" | sed 's/^# \{0,1\}//' >&2
	exit 2
fi
minutes=$1 router=$2 nodes=$3 site=${4:-saclay}
: "${BORDER_ROUTER:?name the border router's firmware file in BORDER_ROUTER}"
: "${FIRMWARE:?name the nodes' firmware file in FIRMWARE}"
for file in "$BORDER_ROUTER" "$FIRMWARE"; do
	[ -r "$file" ] || { echo "iotlab: $file cannot be read" >&2; exit 1; }
done
for tool in iotlab-experiment iotlab-node; do
	command -v "$tool" >/dev/null || { echo "iotlab: $tool is missing: pip install iotlabcli" >&2; exit 1; }
done

id=$(iotlab-experiment submit -n roost -d "$minutes" -l "$site,m3,$router" -l "$site,m3,$nodes" |
	sed -n 's/.*"id": *\([0-9]*\).*/\1/p')
[ -n "$id" ] || { echo "iotlab: the experiment was not accepted" >&2; exit 1; }
trap 'iotlab-experiment stop -i "$id" >/dev/null' INT TERM
echo "experiment $id: waiting until it runs"
iotlab-experiment wait -i "$id" --timeout $((minutes * 60))

iotlab-node --flash "$BORDER_ROUTER" -i "$id" -l "$site,m3,$router"
iotlab-node --flash "$FIRMWARE" -i "$id" -l "$site,m3,$nodes"
cat <<EOF
flashed. On the site's front end give the border router its prefix and uplink, e.g.
  ssh $(whoami)@$site.iot-lab.info
  sudo ethos_uhcpd.py m3-$router tap0 2001:660:3207:4c1::1/64
The nodes report to ${GATEWAY:-the address that their firmware was built for}.
Stop it with: iotlab-experiment stop -i $id
EOF
