# The queue: each entry once, each at a time of its own, at most 32.
import json
from rt import hal
from rt.queue import Queue, clean

ticks = [1000]
hal.ticks_ms = lambda: ticks[0]


def times(q):
    return [e[0] for e in json.loads(q.head()[0])]


# before the time is known nothing goes up; then all does, each later than the one before
hal._zero = 0
q = Queue()
for i in range(3):
    q.put("msg", {"n": i})
assert q.head() == ("[]", 0)
hal.set_time(1_800_000_000_000)
q.stamp()
assert times(q) == [1_800_000_000_000, 1_800_000_000_001, 1_800_000_000_002]
q.put("msg", 4)
assert times(q)[3] == 1_800_000_000_003
# a clock that is set back makes no time twice, nor one below
hal.set_time(1_700_000_000_000)
q.put("msg", 5)
assert times(q)[4] == 1_800_000_000_004
# all of these were sent before
assert q.head()[1] == 5
q.put("msg", 6)
text, again = q.head()
assert again == 5 and len(json.loads(text)) == 6
# only what Roost has goes
q.drop(1_800_000_000_002)
assert times(q) == [1_800_000_000_003, 1_800_000_000_004, 1_800_000_000_005]
q.put("msg", 7)  # not sent
q.drop(1_900_000_000_000)
assert [e[2] for e in json.loads(q.head()[0])] == [7]
q.drop(1_900_000_000_000)
assert len(q) == 0

# values join the newest unsent ones, for 10 s
hal.set_time(2_000_000_000_000)
q = Queue()
q.put("tele", {"a": 1})
ticks[0] += 5
q.put("msg", "x")
q.put("tele", {"b": 2, "a": 3})
assert [e[1:] for e in json.loads(q.head()[0])] == [["msg", "x"], ["tele", {"a": 3, "b": 2}]]
q.put("tele", {"c": 4})  # those before are on their way
assert len(q) == 3
ticks[0] += 20000
q.put("tele", {"d": 5})
assert len(q) == 4
t = times(q)
assert t == sorted(t) and len(set(t)) == 4

# full: the oldest goes and is counted; the log never drives values out
q = Queue()
for i in range(40):
    q.put("log", ["info", str(i)])
assert len(q) == 16 and q.lost == 24
for i in range(40):
    q.put("msg", i)
assert len(q) == 32 and q.lost == 24 + 24
q.head()
q.put("msg", 40)
assert len(q) == 32 and json.loads(q.head()[0])[-1][2] == 40
for i in range(30):
    q.put("log", ["info", "late"])
assert [e[2] for e in q.all if e[1] == "msg"][0] == "25"

# a sync is no longer than it may be, and one entry always goes
q = Queue(200)
for i in range(5):
    q.put("msg", "x" * 100)
assert len(json.loads(q.head()[0])) == 1
q.drop(q.all[0][0])
assert len(json.loads(q.head()[0])) == 1 and len(q) == 4
try:
    q.put("msg", "y" * 300)
    assert False
except ValueError:
    pass
assert len(q) == 4
q.put("tele", {"a": "z" * 150})
q.put("tele", {"b": "z" * 150})  # together they are too long
assert len(q) == 6

# nothing spoils the JSON
odd = {"nan": float("nan"), "inf": [float("inf"), -1.5], 1: (2, b"x"), "o": object, "b": b"\xff\xfe", "n": {"n": {}}}
back = json.loads(json.dumps(clean(odd)))
assert back["nan"] is None and back["inf"] == [None, -1.5] and back["1"] == [2, "x"], back
deep = []
for _ in range(50):
    deep = [deep]
json.loads(json.dumps(clean(deep)))
q = Queue()
q.put("tele", {"v": float("nan")})
assert json.loads(q.head()[0])[0][2] == {"v": None}

# ticks wrap: ages and the clock go on
wrap = 1 << 30
hal.ticks_diff = lambda a, b: (a - b + wrap // 2) % wrap - wrap // 2
ticks[0] = wrap - 2000
hal.set_time(2_100_000_000_000)
q = Queue()
q.put("tele", {"a": 1})
ticks[0] = 3000
assert hal.now() == 2_100_000_005_000
q.put("tele", {"b": 1})
assert len(q) == 1
ticks[0] = 9000
q.put("tele", {"c": 1})
assert len(q) == 2 and times(q) == [2_100_000_005_000, 2_100_000_011_000]
for _ in range(100):  # of days
    for _ in range(4):
        ticks[0] = (ticks[0] + 6 * 3600000) % wrap
        now = hal.now()
assert now == 2_100_000_011_000 + 100 * 24 * 3600000
print("passed")
