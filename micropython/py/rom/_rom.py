# The ROM partition of an ESP8266: its bytes lie outside of Python's heap, at an address of
# this machine. Python is told the address that the chip would have.
import _host, machine, struct, sys, uctypes, vfs
from _timer import Timer

FLASH = 0x40200000  # where the chip maps its flash
START = 0x402B0000  # and its partition

_size = _host.rom_size()
_at = _host.rom_at()
part = memoryview(uctypes.bytearray_at(_at, _size))
_addressof = uctypes.addressof


def addressof(x):
    a = _addressof(x)
    return a - _at + START if _at <= a < _at + _size else a


def erase(at):
    return _host.rom_erase(at)


def write(at, data):
    return _host.rom_write(at, _addressof(data), len(data))


def rom_ioctl(op, id=0, n=0, data=None):  # as ports/esp8266 answers: -22 for "done", too
    if op == 1:
        return 1
    if op == 2:
        return part
    if op == 3:
        for at in range(0, n, 4096):
            erase(at)
        return 4
    if op == 4:
        return -write(n, data)
    return -22


_machine = "ESP module with ESP8266"


def _words(at, n):
    return struct.unpack("<%dI" % n, uctypes.bytes_at(at, 4 * n))


def _put(at, value):
    uctypes.bytearray_at(at, 4)[:] = struct.pack("<I", id(value))


# The names of built-in modules stand in tables of constants, which Python cannot assign to.
# Here constants are memory like any other.
def _replace(module, name, value):
    _, size, table = _words(_words(id(module), 2)[1] + 4, 3)
    for at in range(table, table + 8 * size, 8):
        if _words(at, 1)[0] == id(name):
            _put(at + 4, value)


_replace(vfs, "rom_ioctl", rom_ioctl)
_replace(uctypes, "addressof", addressof)
_replace(sys, "platform", "esp8266")
_put(id(sys.implementation) + 8 + 4 * list(sys.implementation).index(sys.implementation._machine), _machine)
del _words, _put, _replace
machine.Timer = Timer

try:
    vfs.mount(vfs.VfsRom(part), "/rom")
    sys.path += ["/rom", "/rom/lib"]
except OSError:
    pass  # there is no image
