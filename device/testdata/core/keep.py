# Settings and the log, on the flash.
import os
from rt import conf, hal, log


def write(name, text):
    with open(hal.ROOT + "/" + name, "w") as f:
        f.write(text)


# settings.json over the files of PythingsOS
assert conf.get("aid") is None and conf.get("x", 5) == 5
write("aid", " the-aid \nmore")
write("worker_interval", "1")  # no file of PythingsOS
conf._set = None
assert conf.get("aid") == "the-aid" and conf.get("worker_interval", 300) == 300
conf.put("aid", "other")
conf._set = None
assert conf.get("aid") == "other"
conf.put("aid", None)
assert conf.get("aid") == "the-aid"

# what is broken is nothing
for text in ("", "{", "[1", "5", '"a"', "\xff" * 50, "[" * 300):
    write("settings.json", text)
    conf._set = None
    assert conf.get("x", 1) == 1, text
conf.put("x", 2)
conf._set = None
assert conf.load("settings.json") == {"x": 2}
assert conf.load("nothing") == {} and conf.load("_s/none") == {}
conf.save("_s/deep", {"a": 1})
assert conf.load("_s/deep") == {"a": 1}

# numbers, however they are written
for value, want in ((5, 5), ("7", 7), (-3, 1), ("auto", 60), (None, 60), ([], 60)):
    conf.put("n", value)
    assert conf.num("n", 60, 1) == want, value
conf.put("n", None)

# the server's settings: they come and go, ours and unknown ones stay, networks and the server are not among them
conf.put("mine", 1)
conf.adopt("t1", {"worker_interval": 10, "unknown": {"a": [1]}, "wifi": [{"ssid": "a", "password": "b"}], "server": "http://x"})
conf._set = None
assert conf.get("worker_interval") == 10 and conf.get("unknown") == {"a": [1]} and conf.get("_tag") == "t1"
assert conf.get("mine") == 1 and conf.get("wifi") is None and conf.get("server") is None
conf.adopt("t2", {"management_interval": 5})
conf._set = None
assert conf.get("worker_interval") is None and conf.get("unknown") is None and conf.get("management_interval") == 5
assert conf.get("mine") == 1 and conf.get("x") == 2
conf.adopt("t3", {"_tag": "forged", "_of": ["mine"]})
assert conf.get("_tag") == "t3" and conf.get("mine") == 1

# the log: two files of 4 KB, a ring of 32
log.take()
for i in range(500):
    log.info("line %d, and some more so that it is long" % i)
sizes = [os.stat(hal.ROOT + "/main_log_%d.txt" % i)[6] for i in (0, 1)]
assert 0 < sizes[0] <= 4096 and 2000 < sizes[1] <= 4096, sizes
assert "line 499," in hal.read("main_log_0.txt")
ring = log.take()
assert len(ring) == 32 and log.lost == 468 and "line 468," in ring[0][2] and not log.take()
log._n = -1  # as after a boot
log.info("on")
assert os.stat(hal.ROOT + "/main_log_0.txt")[6] > len("on")
try:
    1 // 0
except ZeroDivisionError as e:
    log.error("broken", e)
    log.crash("app", "3", e)
ring = log.take()
assert "ZeroDivisionError" in ring[1][3] and ring[2][1] == "error"
c = conf.load("_s/crash")
assert c["part"] == "app" and c["ver"] == "3" and "ZeroDivisionError" in c["text"] and log.crashes == 1
log.info("€" * 1000)
assert len(log.take()[0][2]) == 300

# where the flash is gone all goes on
root, hal.ROOT = hal.ROOT, "/nowhere/at/all"
log.info("still here")
conf._set = None
assert conf.get("x", 9) == 9
hal.ROOT = root
print("passed")
