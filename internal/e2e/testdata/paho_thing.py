"""A thing that speaks Roost's own topics by Eclipse paho, for MQTT 3.1.1 or 5.

paho_thing.py HOST PORT VERSION ID [PASSWORD]: prints what happens to it, a line each,
and lives until its standard input ends; a line "readings JSON" there makes it tell those.
"""
import json
import sys

import paho.mqtt.client as mqtt

host, port, version, own = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
password = sys.argv[5] if len(sys.argv) > 5 else None
base = "roost/" + own
client = mqtt.Client(client_id=own, protocol=mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311)
if password is not None:
    client.username_pw_set(own, password)
client.will_set(base + "/status", "offline", qos=1, retain=True)


def say(*words):
    print(*words, flush=True)


def on_connect(client, userdata, flags, rc, properties=None):
    say("connected", getattr(rc, "value", rc))
    client.subscribe(base + "/command", qos=1)


def on_subscribe(client, userdata, mid, granted, properties=None):
    say("subscribed", *[getattr(g, "value", g) for g in granted])
    client.publish(base + "/status", "online", qos=1, retain=True)
    client.publish(base + "/readings", json.dumps({"temperature": 21.5, "led": 0}), qos=1)


def on_message(client, userdata, m):
    order = json.loads(m.payload)
    say("command", json.dumps(order, sort_keys=True))
    if order.get("refresh"):
        client.publish(base + "/readings", json.dumps({"temperature": 21.5, "led": 0}), qos=1)
        answer = {"id": order["id"], "ok": True}
    elif order["resource"] == "led":
        client.publish(base + "/readings/led", json.dumps(order["value"]), qos=1)
        answer = {"id": order["id"], "ok": True, "value": order["value"]}
    else:
        answer = {"id": order["id"], "ok": False, "error": "there is no " + order["resource"]}
    client.publish(base + "/reply", json.dumps(answer), qos=1)


client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect(host, port, keepalive=30)
client.loop_start()
for line in sys.stdin:
    what, _, rest = line.strip().partition(" ")
    if what == "readings":
        client.publish(base + "/readings", rest, qos=1).wait_for_publish(20)
        say("told")
    elif what == "vanish":  # without a DISCONNECT: the will speaks
        client._sock_close()
        break
client.loop_stop()
