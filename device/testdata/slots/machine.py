# Random installs, boots and confirmations against a model of what has to run.
import json
import os
import random
import sys

try:
    ROOT
except NameError:
    ROOT = ""
random.seed(7)
with open(ROOT + "/boot.py") as f:
    boot_py = compile(f.read(), "boot.py", "exec")
from rt import hal, slots


def folder(name):
    try:
        os.mkdir(ROOT + name)
    except OSError:
        pass


class Model:  # of one kind
    def __init__(self, kind):
        self.kind = kind
        self.run = self.prev = ""  # versions; "": the factory's, or none
        self.at = {"": ""}  # slot of a version
        self.tries = None
        self.on = 0  # power-ons since a boot was counted
        self.bad = []
        self.n = 0

    def install(self, ver):
        if self.tries is not None or ver in self.bad or ver == self.run:
            return
        a, b = slots.DIRS[self.kind]
        slot = b if self.at[self.run] == a else a
        self.n += 1
        folder("/" + slot)
        folder("/" + slot + "/rt")
        slots.put(ROOT + "/" + slot + "/_r", "[]")
        s = slots.load(self.kind) or slots.blank()
        s.update({"run": slot, "ver": ver, "prev": s["run"], "pver": s["ver"], "try": 0, "n": self.n})
        slots.save(self.kind, s)
        self.prev, self.run, self.tries = self.run, ver, 0
        self.at[ver] = slot
        self.on = 0

    def booted(self, plug):
        if self.tries is None:
            return
        if plug and self.on < 3:
            self.on += 1
            return
        self.on = 0
        if self.tries < 3:
            self.tries += 1
            return
        self.bad = ([v for v in self.bad if v != self.run] + [self.run])[-4:]
        self.run, self.prev, self.tries = self.prev, "", None

    def confirm(self):
        if slots.confirm(self.kind) != (self.tries is not None):
            raise ValueError("confirm of " + self.kind)
        self.tries = None

    def check(self, slot):
        s = slots.load(self.kind) or slots.blank()
        want = (self.at[self.run], self.run, self.tries, self.bad, self.n)
        got = (s["run"], s["ver"], s.get("try"), s["bad"], s["n"])
        if got != want or slot != self.at[self.run]:
            raise ValueError("%s: %r, %r, not %r" % (self.kind, slot, got, want))


def boot(plug):
    hal.why = "" if plug else "crash"
    if plug:
        slots.drop(ROOT + "/_s/why")
    else:
        slots.put(ROOT + "/_s/why", "crash")
    exec(boot_py, {"__name__": "__main__", "__file__": ROOT + "/boot.py"})
    first = sys.path[0][len(ROOT) + 1 :]
    return "" if first == "_f" else first


system, app = Model("os"), Model("app")
path = list(sys.path)
returned = 0
for turn in range(240):
    what = random.getrandbits(4)
    one = system if random.getrandbits(1) else app
    if what < 5:
        one.install("v%d" % (random.getrandbits(5) + turn // 8))
    elif what < 7:
        one.confirm()
    else:
        before = len(system.bad) + len(app.bad), system.run, app.run
        plug = random.getrandbits(2) == 0
        system.booted(plug)
        app.booted(plug)
        slot = boot(plug)
        system.check(slot)
        p = slots.enter_app()
        app.check(p[len(ROOT) + 1 :] if p else "")
        if p and (sys.path[0] != p or not slots.there(p)):
            raise ValueError(sys.path)
        returned += (system.run, app.run) != before[1:]
print("returned", returned, "times in 240 turns")
