# What stands in a slot. Its file _r is the release: [n, names] on a line, then the text r as Roost signed it.
import json
import os
from binascii import hexlify
from hashlib import sha256

from rt import hal, slots


def add(h, name):  # a file to a hash
    b = bytearray(512)
    m = memoryview(b)
    with open(name, "rb") as f:
        while True:
            n = f.readinto(b)
            if not n:
                return h
            h.update(m[:n])


def sha(name):
    return hexlify(add(sha256(), name).digest()).decode()


def walk(top, sub="", dirs=False):  # names of the files below top; dirs: of the folders, the deepest first
    try:
        names = os.listdir(top + "/" + sub if sub else top)
    except OSError:
        return
    for n in names:
        n = sub + "/" + n if sub else n
        is_dir = os.stat(top + "/" + n)[0] & 0x4000
        if is_dir:
            for x in walk(top, n, dirs):
                yield x
        if bool(is_dir) == dirs:
            yield n


def read(slot):  # (n, names, r), None if there is none that can be read
    try:
        with open(slots.at(slot + "/_r")) as f:
            n, use = json.loads(f.readline())
            r = json.loads(f.read())
        if isinstance(n, int) and isinstance(r["ver"], str) and isinstance(r.get("seq", 0), int):
            return n, use, r
    except (OSError, ValueError, TypeError, KeyError, MemoryError, RuntimeError):
        pass


def same(slot, name, want):  # is this file there, and right? want: [size, sha256]
    hal.feed()
    if name == "rt.rom":
        from rt import rom

        return rom.same(slot, want)
    name = slots.at(slot + "/" + name)
    try:
        return os.stat(name)[6] == want[0] and sha(name) == want[1]
    except OSError:
        return False


def whole(slot, use, files):  # does it hold these files, and nothing else?
    for n in walk(slots.at(slot)):
        if n != "_r" and n not in use:
            return False
    return all([same(slot, n, files[n]) for n in use])


def newest(kind):
    s = slots.blank()
    found = []
    for slot in slots.DIRS[kind]:
        t = read(slot)
        try:
            if t and whole(slot, t[1], t[2]["files"]):
                found.append((t[2].get("seq", 0), slot, t[2]["ver"]))
                s["n"] = max(s["n"], t[0])
        except (KeyError, TypeError, IndexError):
            pass
    found.sort()
    if found:
        s["run"], s["ver"] = found[-1][1:]
        if len(found) > 1:
            s["prev"], s["pver"] = found[0][1:]
        if kind == "os" or s["prev"]:
            s["try"] = 0
    return s
