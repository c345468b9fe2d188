# Names of the set-up network: every name is this board.
import socket
from rt.hal import sleep_ms

PORT = 53


def reply(q, ip):
    "The answer to a query, None for what is none."
    if len(q) < 17 or q[2] & 0xF8 or q[4:6] != b"\0\1":
        return None  # not a plain question, or not just one
    i = 12
    while q[i]:
        if q[i] > 63:
            return None
        i += q[i] + 1
        if i > len(q) - 5:
            return None
    end = i + 5
    kind = q[i + 1 : i + 5]
    a = kind in (b"\0\1\0\1", b"\0\xff\0\1")  # A, ANY
    head = bytes(q[:2]) + bytes((0x84 | q[2] & 1, 0x80, 0, 1, 0, 1 if a else 0, 0, 0, 0, 0))
    tail = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + bytes(int(n) for n in ip.split(".")) if a else b""
    return head + bytes(q[12:end]) + tail


async def run(ip):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.setblocking(False)
        try:
            s.bind(socket.getaddrinfo("0.0.0.0", PORT)[0][-1])
        except OSError as e:
            return print("Names: %s" % e)  # the page is there by its address
        while True:
            try:
                q, who = s.recvfrom(512)
                a = reply(q, ip)
                if a:
                    s.sendto(a, who)
            except OSError:  # nothing there, or nobody any more
                await sleep_ms(30)
    finally:
        s.close()
