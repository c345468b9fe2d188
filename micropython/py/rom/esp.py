# Flash of an ESP8266, as far as the ROM partition goes. What lies elsewhere is not here.
from _rom import FLASH, START, erase, part, write

_START = START - FLASH


def _check(errno):
    if errno:
        raise OSError(errno)


def _whole(n):
    if n & 3:
        raise ValueError("len must be multiple of 4")


def flash_size():
    return 2 << 20


def flash_user_start():
    return 1 << 20


def flash_read(offset, into):
    n = into if isinstance(into, int) else len(into)
    _whole(n)
    at = offset - _START
    if offset & 3 or at < 0 or at + n > len(part):
        raise OSError(5)
    if isinstance(into, int):
        return bytes(part[at : at + n])
    memoryview(into)[:] = part[at : at + n]


def flash_write(offset, data):
    _whole(len(data))
    _check(write(offset - _START, data))


def flash_erase(sector):
    _check(erase(sector * 4096 - _START))


def osdebug(*a):
    pass
