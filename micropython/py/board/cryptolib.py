# AES, by the host. ECB is mode 1, CBC is mode 2, as on every board.
import _host
from uctypes import addressof


class aes:
    def __init__(self, key, mode, iv=None):
        if len(key) not in (16, 32):
            raise ValueError("key")
        if mode not in (1, 2):
            raise ValueError("mode")
        if mode == 2 and (iv is None or len(iv) != 16):
            raise ValueError("IV")
        self._way = None
        self._c = _host.cipher(addressof(key), len(key), mode, addressof(iv) if iv else 0)

    def _run(self, data, out, way):
        if len(data) % 16:
            raise ValueError("blksize % 16")
        if self._way not in (None, way):
            raise ValueError("can't encrypt & decrypt")
        self._way = way
        if out is None:
            out = bytearray(data)
            _host.cipher_run(self._c, addressof(out), len(out), way)
            return bytes(out)
        if len(out) < len(data):
            raise ValueError("output too small")
        if out is not data:
            out[: len(data)] = data
        _host.cipher_run(self._c, addressof(out), len(data), way)
        return out

    def encrypt(self, data, out=None):
        return self._run(data, out, 0)

    def decrypt(self, data, out=None):
        return self._run(data, out, 1)
