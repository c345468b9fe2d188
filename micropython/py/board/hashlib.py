# MicroPython's sha256, and what boards have beside it.
import _host
from uctypes import addressof
from uhashlib import sha256


class _Hash:
    def __init__(self, data=b""):
        self._h = _host.hash(self._name)
        self._done = False
        self.update(data)

    def update(self, data):
        if isinstance(data, str):
            data = data.encode()
        if self._done:
            raise ValueError("hash is final")
        _host.hash_update(self._h, addressof(data), len(data))

    def digest(self):
        out = bytearray(self._size)
        _host.hash_digest(self._h, addressof(out), len(out))
        self._done = True
        return bytes(out)


class md5(_Hash):
    _name = "md5"
    _size = 16


class sha1(_Hash):
    _name = "sha1"
    _size = 20
