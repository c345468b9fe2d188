# Streams of asyncio.
from asyncio import CancelledError, _until, create_task, sleep_ms
from socket import socket

_IN = 1
_OUT = 4


class Stream:
    def __init__(self, s, e={}):
        self.s = s
        self.e = e
        self.out_buf = b""

    def get_extra_info(self, name):
        return self.e[name]

    async def _more(self, b):
        while True:
            await _until(self.s._id, _IN)
            try:
                return self.s._recv_into(b)
            except OSError as er:
                if er.errno != 11:
                    raise

    async def read(self, n=-1):
        data = b""
        while n < 0 or not data:
            b = bytearray(n if n >= 0 else 512)
            k = await self._more(b)
            if not k:
                break
            data += b[:k]
        return data

    async def readinto(self, b):
        return await self._more(b)

    async def readexactly(self, n):
        data = bytearray(n)
        part = memoryview(data)
        got = 0
        while got < n:
            k = await self._more(part[got:])
            if not k:
                raise EOFError
            got += k
        return bytes(data)

    async def readline(self):
        line = b""
        b = bytearray(1)
        while await self._more(b):
            line += b
            if b == b"\n":
                break
        return line

    def write(self, b):
        self.out_buf += b.encode() if isinstance(b, str) else b

    async def drain(self):
        b = memoryview(self.out_buf)
        self.out_buf = b""
        n = 0
        while n < len(b):
            await _until(self.s._id, _OUT)
            try:
                n += self.s._send(b[n:])
            except OSError as er:
                if er.errno != 11:
                    raise

    def close(self):
        pass

    async def wait_closed(self):
        self.s.close()

    aclose = wait_closed

    async def __aenter__(self):
        return self

    async def __aexit__(self, *a):
        await self.wait_closed()


StreamReader = StreamWriter = Stream


async def open_connection(host, port, ssl=None, server_hostname=None):
    if ssl:
        raise OSError(95)  # EOPNOTSUPP: there is no TLS here
    s = socket()
    s._start((host, port))
    try:
        await _until(s._id, _OUT)
        s._fault()
    except BaseException as er:
        s.close()
        raise er
    stream = Stream(s)
    return stream, stream


class Server:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *a):
        self.close()
        await self.wait_closed()

    def close(self):
        self.closing = True
        self.task.cancel()

    async def wait_closed(self):
        try:
            await self.task
        except CancelledError:
            if not self.closing:
                raise

    async def _serve(self, s, cb):
        self.closing = False
        try:
            while True:
                await _until(s._id, _IN)
                try:
                    s2, addr = s._accept()
                except OSError as er:
                    if er.errno in (11, 23):
                        await sleep_ms(1)
                        continue
                    raise
                stream = Stream(s2, {"peername": addr})
                create_task(cb(stream, stream))
        finally:
            s.close()


async def start_server(cb, host, port, backlog=5, ssl=None):
    if ssl:
        raise OSError(95)
    s = socket()
    s.bind((host, port))
    s.listen(backlog)
    server = Server()
    server.closing = False
    server.socket = s
    server.task = create_task(server._serve(s, cb))
    await sleep_ms(0)
    return server
