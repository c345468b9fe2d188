# A node for Pycom-like boards with MicroPython (WiPy, LoPy, ESP32, ESP8266, Pico W):
# it speaks Pyaiot's topics, so that it works with Roost and with a Pyaiot gateway.
#
# Copy it to the board as main.py, with umqtt.simple (mip.install("umqtt.simple")),
# after Wi-Fi is up (boot.py). What to change stands at the top.
import json
import time

from umqtt.simple import MQTTClient

SERVER = "192.168.1.2"  # where Roost, or the MQTT broker, runs
PORT = 1883
NODE = "wipy-1"  # the node's id: no / + # in it
USER = None  # with a password made on Roost's page: the node's id
PASSWORD = None
LED_PIN = 2  # None: there is no LED
EVERY = 5  # s between values
ALIVE = 30  # s between signs of life

try:
    from machine import Pin

    pin = Pin(LED_PIN, Pin.OUT) if LED_PIN is not None else None
except ImportError:  # not on a board
    pin = None

values = {
    "name": "WiPy & MQTT",
    "os": "micropython",
    "board": "WiPy",
    "position": json.dumps({"lat": 48.7144507, "lng": 2.2058228}),
    "led": "0",
}


def sense():
    """What changes by itself. Read your sensors here."""
    return {"uptime": "%ds" % time.time()}


def publish(client, resource):
    topic = "node/%s/%s" % (NODE, resource)
    client.publish(topic, json.dumps({"value": values[resource]}))


def check(client):
    client.publish("node/check", json.dumps({"id": NODE}))


def on_message(client, topic, payload):
    if topic == "gateway/check":
        check(client)
    elif topic == "gateway/%s/discover" % NODE:
        if payload == "resources":
            client.publish("node/%s/resources" % NODE, json.dumps(list(values)))
        else:
            for resource in values:
                publish(client, resource)
    elif topic == "gateway/%s/led/set" % NODE and payload in ("0", "1"):
        values["led"] = payload
        if pin:
            pin.value(int(payload))
        publish(client, "led")  # the confirmation: what the LED is now


def run(rounds=None):
    client = MQTTClient(NODE, SERVER, PORT, user=USER, password=PASSWORD, keepalive=60)
    client.set_callback(lambda t, p: on_message(client, t.decode(), p.decode()))
    client.connect()
    for topic in ("gateway/check", "gateway/%s/discover" % NODE, "gateway/%s/led/set" % NODE):
        client.subscribe(topic)
    values.update(sense())
    check(client)
    alive = sent = time.time()
    while rounds is None or rounds > 0:
        client.check_msg()
        now = time.time()
        if now - alive >= ALIVE:
            check(client)
            client.ping()
            alive = now
        if now - sent >= EVERY:
            values.update(sense())
            for resource in sense():
                publish(client, resource)
            sent = now
            rounds = rounds and rounds - 1
        time.sleep(0.1)
    client.disconnect()


if __name__ == "__main__":
    while True:
        try:
            run()
        except OSError as e:  # the line is down, or the broker: try again
            print("mqtt:", e)
            time.sleep(3)
