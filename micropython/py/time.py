# MicroPython's own time, but sleeping costs the host nothing.
from utime import *
import _host

_sleep = _host.sleep


def sleep_ms(ms):
    while ms > 0 and _sleep(float(ms)):  # again: a Ctrl-C raises when the loop turns
        pass


def sleep(s):
    sleep_ms(s * 1000)


def sleep_us(us):
    sleep_ms(us / 1000)
