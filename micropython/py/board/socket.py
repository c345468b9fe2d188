# TCP and UDP as boards have them. Names are looked up by whoever dials.
import _host
from time import ticks_add, ticks_diff, ticks_ms
from uctypes import addressof

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_TCP = 6
IPPROTO_UDP = 17
IPPROTO_IP = 0
SOL_SOCKET = 0xFFF
SO_REUSEADDR = 4
SO_BROADCAST = 32
TCP_NODELAY = 1

_wait = _host.wait  # looked up once: each time makes an object
_ready = _host.sock_ready
_recv = _host.sock_recv
_send = _host.sock_send

_IN = 1
_OUT = 4


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    if not _host.online() and host not in ("0.0.0.0", "127.0.0.1"):
        raise OSError(-202)
    return [(AF_INET, type or SOCK_STREAM, 0, "", (host, port))]


def _address(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


class socket:
    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0, *, _id=0):
        if type not in (SOCK_STREAM, SOCK_DGRAM):
            raise OSError(93)  # EPROTONOSUPPORT
        self._udp = type == SOCK_DGRAM
        self._peer = None
        self._id = _id
        self._bound = None
        self._timeout = None

    # _wait waits until the socket is ready for what is asked, as long as its timeout says.
    def _wait(self, events):
        if self._timeout is not None:
            end = ticks_add(ticks_ms(), int(self._timeout * 1000))
        while not _ready(self._id) & events:
            left = -1
            if self._timeout is not None:
                left = ticks_diff(end, ticks_ms())
                if left <= 0:
                    raise OSError(110 if self._timeout else 11)
            _wait(float(left))

    def _check(self, n):
        if n < 0:
            raise OSError(-n)
        return n

    def connect(self, address):
        if self._udp:
            self._peer = address
            return self._open(("0.0.0.0", 0))
        self._start(address)
        if self._timeout == 0:
            raise OSError(115)  # EINPROGRESS
        self._wait(_OUT)
        self._fault()

    def _start(self, address):
        self._id = self._check(_host.sock_connect(address[0], address[1]))

    def _fault(self):
        e = _host.sock_errno(self._id)
        if e:
            raise OSError(e)

    def bind(self, address):
        if self._udp:
            return self._open(address)
        self._bound = address

    def _open(self, address):
        if not self._id:
            self._id = self._check(_host.sock_packets(address[0], address[1]))

    def sendto(self, b, address):
        if not self._udp:
            return self.send(b)
        if isinstance(b, str):
            b = b.encode()
        self._open(("0.0.0.0", 0))
        return self._check(_host.sock_sendto(self._id, addressof(b), len(b), address[0], address[1]))

    def recvfrom(self, n):
        if not self._udp:
            return self.recv(n), None
        self._wait(_IN)
        b = bytearray(n)
        k = self._check(_host.sock_recvfrom(self._id, addressof(b), n))
        return bytes(b[:k]), _address(_host.sock_from(self._id))

    def listen(self, backlog=2):
        self._id = self._check(_host.sock_listen(self._bound[0], self._bound[1], backlog))

    def accept(self):
        self._wait(_IN)
        return self._accept()

    def _accept(self):
        s = socket(_id=self._check(_host.sock_accept(self._id)))
        return s, _address(_host.sock_peer(s._id))

    def getsockname(self):
        return _address(_host.sock_name(self._id))

    def fileno(self):
        return self._id

    def settimeout(self, seconds):
        self._timeout = seconds

    def setblocking(self, flag):
        self._timeout = None if flag else 0

    def setsockopt(self, level, option, value):
        pass

    def makefile(self, mode="rb", buffering=0):
        return self

    def _recv_into(self, b):
        if self._udp:
            return self._check(_host.sock_recvfrom(self._id, addressof(b), len(b)))
        return self._check(_recv(self._id, addressof(b), len(b)))

    def recv_into(self, b, n=0):
        if n:
            b = memoryview(b)[:n]
        if not len(b):
            return 0
        self._wait(_IN)
        return self._recv_into(b)

    def recv(self, n):
        b = bytearray(n)
        return bytes(b[: self.recv_into(b)])

    def readinto(self, b, n=-1):
        b = memoryview(b)
        if n >= 0:
            b = b[:n]
        got = 0
        while got < len(b):
            try:
                k = self.recv_into(b[got:])
            except OSError as e:
                if e.errno == 11 and not got:
                    return None
                if e.errno == 11:
                    break
                raise
            if not k:
                break
            got += k
        return got

    def read(self, n=-1):
        if n >= 0:
            b = bytearray(n)
            k = self.readinto(b)
            return None if k is None else bytes(b[:k])
        data = b""
        while True:
            try:
                more = self.recv(512)
            except OSError as e:
                if e.errno == 11:
                    return data or None
                raise
            if not more:
                return data
            data += more

    def readline(self, n=-1):
        line = b""
        while n < 0 or len(line) < n:
            c = self.recv(1)
            line += c
            if not c or c == b"\n":
                break
        return line

    def _send(self, b):
        if self._udp:
            return self.sendto(b, self._peer)
        return self._check(_send(self._id, addressof(b), len(b)))

    def send(self, b):
        if isinstance(b, str):
            b = b.encode()
        if not len(b):
            return 0
        self._wait(_OUT)
        return self._send(b)

    def sendall(self, b):
        if isinstance(b, str):
            b = b.encode()
        b = memoryview(b)
        n = 0
        while n < len(b):
            n += self.send(b[n:])
        return n

    def write(self, b, n=-1):
        return self.sendall(b if n < 0 else memoryview(b)[:n])

    def close(self):
        if self._id:
            _host.sock_close(self._id)
            self._id = 0

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()
