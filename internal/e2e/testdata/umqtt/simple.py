"""MicroPython's umqtt.simple over Eclipse paho, so that a board's script runs here."""
import queue
import threading

import paho.mqtt.client as mqtt


class MQTTClient:
    def __init__(self, client_id, server, port=1883, user=None, password=None, keepalive=0):
        self.client = mqtt.Client(client_id=client_id, protocol=mqtt.MQTTv311)
        if user is not None:
            self.client.username_pw_set(user, password)
        self.to, self.keepalive = (server, port), keepalive or 60
        self.came, self.up, self.granted = queue.Queue(), threading.Event(), threading.Event()
        self.client.on_connect = lambda *_: self.up.set()
        self.client.on_subscribe = lambda *_: self.granted.set()
        self.client.on_message = lambda c, u, m: self.came.put((m.topic.encode(), m.payload))

    def set_callback(self, f):
        self.callback = f

    def connect(self):
        self.client.connect(*self.to, keepalive=self.keepalive)
        self.client.loop_start()
        if not self.up.wait(20):
            raise OSError("no CONNACK")

    def subscribe(self, topic, qos=0):
        self.granted.clear()
        self.client.subscribe(topic, qos)
        if not self.granted.wait(20):
            raise OSError("no SUBACK")

    def publish(self, topic, payload, retain=False, qos=0):
        self.client.publish(topic, payload, qos, retain)

    def check_msg(self):
        while not self.came.empty():
            self.callback(*self.came.get())

    def ping(self):
        pass

    def disconnect(self):
        self.client.disconnect()
        self.client.loop_stop()
