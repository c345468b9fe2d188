# The ways in which functions call each other where nothing is held but in
# Python's own frames. Go looks at each when _learn is called.
import _host

_learn = _host.learn


def plain(a, b=1):
    while b and _learn(0.0):
        pass


def keyword():
    plain(a=0)
    plain(0, b=2)


class Thing:
    def method(self, a):
        plain(a)
        _learn(0.0)


def each():
    _learn(0.0)
    plain(0)
    keyword()
    yield 1
    _learn(0.0)
    plain(0)


def further():
    yield from each()


async def inner():
    plain(0)
    _learn(0.0)


async def outer():
    await inner()
    plain(0)
    Thing.method(None, 0)
    thing.method(0)
    for x in each():
        pass


thing = Thing()


def all():
    _learn(0.0)
    keyword()
    thing.method(0)
    for x in each():
        pass
    for x in further():
        pass
    [plain(x) for x in (0,)]
    try:
        c = outer()
        c.send(None)
    except StopIteration:
        pass


import _calls2
