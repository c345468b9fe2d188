# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
"""An MQTT-SN node whose frames Scapy makes and reads. HOST PORT are its arguments.

It says on its standard output where it is, and goes on with a line of its input.
"""
import logging
import socket
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib import mqttsn as sn  # noqa: E402
from scapy.packet import Raw  # noqa: E402

line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.connect((sys.argv[1], int(sys.argv[2])))
line.settimeout(10)


def send(body, kind):
    line.send(bytes(sn.MQTTSN(type=kind) / body if body is not None else sn.MQTTSN(len=2, type=kind)))


def hear(layer, kind):
    """Waits for a frame that must be of this kind, all of it understood."""
    data = line.recv(65536)
    frame = sn.MQTTSN(data)
    if frame.type != kind or frame.len != len(data) or frame.haslayer(Raw):
        sys.exit(f"{data.hex()} is {frame!r}, want type {kind:#x}")
    return frame.getlayer(layer) if layer else None


def ask(body, kind, layer, answer):
    for tries in range(4):
        send(body, kind)
        try:
            return hear(layer, answer)
        except socket.timeout:
            continue
    sys.exit(f"no answer to {body!r}")


def check(frame, **fields):
    for name, value in fields.items():
        if getattr(frame, name) != value:
            sys.exit(f"{frame!r}: {name} is not {value!r}")


def at(place):
    print(place, flush=True)
    sys.stdin.readline()


def take(payload):
    """Takes a message of QoS 1."""
    m = hear(sn.MQTTSNPublish, sn.PUBLISH)
    check(m, qos=sn.QOS_1, data=payload)
    send(sn.MQTTSNPuback(tid=m.tid, mid=m.mid), sn.PUBACK)
    return m


check(ask(sn.MQTTSNSearchGW(radius=1), sn.SEARCHGW, sn.MQTTSNGwInfo, sn.GWINFO), gw_id=9)
ask(sn.MQTTSNConnect(will=1, cleansess=1, duration=60, client_id="scapy"), sn.CONNECT, None, sn.WILLTOPICREQ)
ask(sn.MQTTSNWillTopic(qos=sn.QOS_1, will_topic="will/scapy"), sn.WILLTOPIC, None, sn.WILLMSGREQ)
check(ask(sn.MQTTSNWillMsg(will_msg="gone"), sn.WILLMSG, sn.MQTTSNConnack, sn.CONNACK), return_code=sn.ACCEPTED)

ack = ask(sn.MQTTSNRegister(mid=1, topic_name="up/a"), sn.REGISTER, sn.MQTTSNRegack, sn.REGACK)
check(ack, mid=1, return_code=sn.ACCEPTED)
up = ack.tid
check(ask(sn.MQTTSNPublish(qos=sn.QOS_1, tid=up, mid=2, data="one"), sn.PUBLISH, sn.MQTTSNPuback, sn.PUBACK),
      tid=up, mid=2, return_code=sn.ACCEPTED)
check(ask(sn.MQTTSNPublish(qos=sn.QOS_2, tid=up, mid=3, data="two"), sn.PUBLISH, sn.MQTTSNPubrec, sn.PUBREC), mid=3)
check(ask(sn.MQTTSNPubrel(mid=3), sn.PUBREL, sn.MQTTSNPubcomp, sn.PUBCOMP), mid=3)
short = int.from_bytes(b"up", "big")
check(ask(sn.MQTTSNPublish(qos=sn.QOS_1, tid_type=sn.TID_SHORT, tid=short, mid=4, data="short"), sn.PUBLISH,
          sn.MQTTSNPuback, sn.PUBACK), tid=short, mid=4, return_code=sn.ACCEPTED)
check(ask(sn.MQTTSNPublish(qos=sn.QOS_1, tid=0x7777, mid=5, data="x"), sn.PUBLISH, sn.MQTTSNPuback, sn.PUBACK),
      mid=5, return_code=sn.REJ_TID)

check(ask(sn.MQTTSNSubscribe(qos=sn.QOS_1, mid=6, topic_name="down/#"), sn.SUBSCRIBE, sn.MQTTSNSuback, sn.SUBACK),
      qos=sn.QOS_1, tid=0, mid=6, return_code=sn.ACCEPTED)
at("subscribed")
named = hear(sn.MQTTSNRegister, sn.REGISTER)
check(named, topic_name=b"down/b")
send(sn.MQTTSNRegack(tid=named.tid, mid=named.mid), sn.REGACK)
check(take(b"down"), tid=named.tid)
check(take(b"y" * 1000), tid=named.tid)

ask(sn.MQTTSNWillTopicUpd(will_topic="will/other"), sn.WILLTOPICUPD, sn.MQTTSNWillTopicResp, sn.WILLTOPICRESP)
ask(sn.MQTTSNWillMsgUpd(will_msg="changed"), sn.WILLMSGUPD, sn.MQTTSNWillMsgResp, sn.WILLMSGRESP)

ask(sn.MQTTSNDisconnect(duration=60), sn.DISCONNECT, None, sn.DISCONNECT)
at("asleep")
send(sn.MQTTSNPingReq(client_id="scapy"), sn.PINGREQ)
take(b"first")
take(b"second")
hear(None, sn.PINGRESP)

check(ask(sn.MQTTSNConnect(duration=60, client_id="scapy"), sn.CONNECT, sn.MQTTSNConnack, sn.CONNACK), return_code=0)
ask(sn.MQTTSNUnsubscribe(mid=7, topic_name="down/#"), sn.UNSUBSCRIBE, sn.MQTTSNUnsuback, sn.UNSUBACK)
ask(None, sn.PINGREQ, None, sn.PINGRESP)
ask(None, sn.DISCONNECT, None, sn.DISCONNECT)
print("done", flush=True)
