# MicroPython's own time, but sleeping costs the host nothing.
from utime import *
import _host


def sleep_ms(ms):
    if ms > 0:
        _host.sleep(float(ms))


def sleep(s):
    sleep_ms(s * 1000)


def sleep_us(us):
    sleep_ms(us / 1000)
