# Frames as they are sealed here, for Go to open, and those of Go to be opened here.
import json
from binascii import hexlify, unhexlify as u
from rt import hal
from rt.seal import Session, be, hmac

with open(hal.ROOT + "/in.json") as f:
    d = json.load(f)
key, n1, n2, sid = [u(d[k]) for k in ("key", "own", "theirs", "session")]
h = lambda b: hexlify(b).decode()
s = Session(key, n1, n2, sid)
out = {"hello": h(hmac(key, b"roost hello", n1, n2, sid, be(d["now"], 8)))}
c, frame = s.seal("/d/1/sync", u(d["up"]))
out["up"] = h(frame)
got = s.open("/d/1/sync", c, u(d["down"]))
assert bytes(got) == u(d["plain"])
down = u(d["down"])
wrong = 0
for i in range(0, len(down), 7):  # one bit is enough, wherever it is
    x = bytearray(down)
    x[i] ^= 1
    try:
        s.open("/d/1/sync", c, x)
    except ValueError:
        wrong += 1
for path, counter, frame in (("/d/1/register", c, down), ("/d/1/sync", be(2, 4), down), ("/d/1/sync", c, down[:27]), ("/d/1/sync", c, b"")):
    try:
        s.open(path, counter, frame)
    except ValueError:
        wrong += 1
assert wrong == (len(down) + 6) // 7 + 4, wrong
c, out["file"] = s.auth("/d/1/files/" + "ab" * 32, "bytes=512-")
c, out["whole"] = s.auth("/d/1/files/" + "ab" * 32, "")
print(json.dumps(out))
