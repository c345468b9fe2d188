# Serves one request: what every board answers in its network, and the app's routes. Small on purpose: short requests, four
# at once, no keep-alive.
import asyncio, json

MOST = 4  # connections
BODY = 4096  # bytes
HEAD = 2048
PATIENCE = 10  # seconds for a request to come; for each piece of its answer to go
_routes = None  # of rt.pages



class Fault(Exception):
    def __init__(self, status, text, headers={}):
        self.status = status
        self.text = text
        self.headers = headers


class Request:
    # as microdot has it
    def __init__(self, method, target, headers):
        self.method = method
        path, _, query = target.partition("?")
        self.path = unquote(path, False)
        self.headers = headers
        self.args = {}
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            if name:
                self.args[unquote(name)] = unquote(value)
        self.body = b""

    @property
    def json(self):
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RuntimeError):  # or nested too deep
            raise Fault(400, "The body is not JSON.")


def unquote(text, plus=True):
    if plus:
        text = text.replace("+", " ")
    first, *rest = text.split("%")
    out = first.encode()
    for part in rest:
        try:
            out += bytes([int(part[:2], 16)]) + part[2:].encode()
        except ValueError:
            out += b"%" + part.encode()
    try:
        return out.decode()
    except ValueError:
        raise Fault(400, "The address is not UTF-8.")


async def read(r):
    # one request
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) > HEAD:
            raise Fault(431, "The head of the request is too long.")
        more = await r.read(256)
        if not more:
            raise Fault(400, "The request is not whole.")
        head += more
    head, _, body = head.partition(b"\r\n\r\n")
    try:
        lines = head.decode().split("\r\n")
    except ValueError:
        raise Fault(400, "The head of the request is not text.")
    first = lines[0].split(" ")
    if len(first) != 3 or first[2][:7] != "HTTP/1." or first[1][:1] != "/":
        raise Fault(400, "This is not HTTP/1.1.")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    request = Request(first[0], first[1], headers)
    if "transfer-encoding" in headers:
        raise Fault(501, "Bodies come with a Content-Length here.")
    n = number(headers.get("content-length", "0"), "Content-Length")
    if n > BODY:
        raise Fault(413, "A body has %d bytes at most." % BODY)
    while len(body) < n:
        more = await r.read(n - len(body))
        if not more:
            raise Fault(400, "The request is not whole.")
        body += more
    request.body = body[:n]
    return request


def number(text, name):
    if not text or text.strip("0123456789") or len(text) > 9:
        raise Fault(400, "%s is no number." % name)
    return int(text)


async def one(web, r, w):
    global _routes
    if web.open > MOST:
        await send(w, 503, {"error": "Too many connections. Try again."}, {"Retry-After": "1"})
        return await drop(r)
    if not _routes:
        from rt import pages

        _routes = pages.routes(web.apps, web.link)
    request = None
    try:
        request = await asyncio.wait_for(read(r), PATIENCE)
        answer = await _answer(web, request)
    except Fault as e:
        answer = {"error": e.text}, e.status, e.headers
    except asyncio.TimeoutError:
        answer = {"error": "The request took too long."}, 408
    if not isinstance(answer, tuple):
        answer = (answer,)
    await send(w, answer[1] if len(answer) > 1 else 200, answer[0], answer[2] if len(answer) > 2 else {})
    if not request:
        await drop(r)


async def _answer(web, request):
    # the runtime's routes come first, and their paths are theirs alone
    from rt.apps import platform
    from rt.parts import result

    allowed = []
    for routes in (_routes, platform._routes):
        for method, path, handler in routes:
            if path != request.path and not (path[-1:] == "*" and request.path.startswith(path[:-1])):
                continue
            if method != request.method:
                allowed.append(method)
                continue
            try:
                return await result(handler(request))
            except Fault:
                raise
            except Exception as e:
                raise Fault(500, web.apps.failed(e, False).strip().split("\n")[-1])
        if allowed:
            raise Fault(405, "%s is not for %s." % (request.path[:64], request.method[:16]), {"Allow": ", ".join(allowed)})
    raise Fault(404, "There is no %s." % request.path[:64])


async def send(w, status, answer, headers):
    if hasattr(answer, "pieces"):  # a file
        kind, length, pieces = "text/plain; charset=utf-8", answer.length, answer.pieces()
    else:
        kind, answer = encode(answer)
        length, pieces = len(answer), parts(answer)
    head = "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n" % (status, "OK" if status < 300 else "No", length)
    all = {"Content-Type": kind}
    all.update(headers)
    for name in all:
        head += "%s: %s\r\n" % (name, all[name])
    w.write((head + "\r\n").encode())
    for piece in pieces:
        w.write(piece)
        await asyncio.wait_for(w.drain(), PATIENCE)
    await asyncio.wait_for(w.drain(), PATIENCE)


def encode(answer):
    if isinstance(answer, str):
        return "text/plain; charset=utf-8", answer.encode()
    if isinstance(answer, (bytes, bytearray)):
        return "application/octet-stream", answer
    from rt.apps import platform

    return "application/json", json.dumps(platform.clean(answer)).encode()


def parts(b):
    b = memoryview(b)
    for at in range(0, len(b), 512):
        yield b[at : at + 512]


async def drop(r):
    # what has come and was not read, so that closing does not take the answer back
    try:
        for _ in range(16):
            if not await asyncio.wait_for(r.read(512), 0.5):
                break
    except Exception:
        pass
