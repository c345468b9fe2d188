# What the set-up network answers: a page that needs no JavaScript, the same as JSON, and what the set-up page of
# PythingsOS asks (?cmd=…).
import json
from rt import air
from rt.hal import ticks_ms

host = "192.168.4.1"
asked = 0  # when the last request came
guest = False  # somebody was there
HTML = "text/html; charset=utf-8"
CORS = """HTTP/1.0 200 OK\r
Access-Control-Allow-Methods: POST, GET, OPTIONS\r
Access-Control-Allow-Origin: *\r
Access-Control-Allow-Credentials: true\r
Access-Control-Allow-Headers: X-CSRFToken, ACCEPT, CONTENT-TYPE, X-CSRF-TOKEN, Content-Type, Authorization, X-Requested-With\r
"""


def unquote(s):
    "Undoes %XX."
    first, *parts = s.split("%")
    b = first.encode()
    for p in parts:
        try:
            b += bytes((int(p[:2], 16),)) + p[2:].encode()
        except ValueError:
            b += b"%" + p.encode()
    return air.text(b)


def fields(s):
    f = {}
    for p in s.split("&"):
        k, v = (p.split("=", 1) + [""])[:2]
        f[k] = unquote(v)
    return f


def reply(body, kind="application/json", head="HTTP/1.0 200 OK\r\n"):
    body = (body if isinstance(body, str) else json.dumps(body)).encode()
    head += "Content-Type: %s\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
    return head.encode() + body


def go(where, status):
    return reply("", HTML, "HTTP/1.0 %s\r\nLocation: %s\r\n" % (status, where))


def get(path):
    if path == "/":
        from rt import page
        from rt.nets import known

        return reply(page.html(air.told(), [] if air.state["state"] == "trying" else air.networks(), known()), HTML)
    if path == "/scan":
        return reply(air.networks())
    if path == "/state":
        return reply(air.told())
    # what phones and computers ask to find out whether they are behind such a page
    return go("http://%s/" % host, "302 Found")


def post(path, body):
    if path == "/join":
        f = json.loads(body)
        air.wish(f if isinstance(f, dict) else {})
        return reply(air.told())
    if path == "/save":
        f = fields(air.text(body).replace("+", " "))
        f["ssid"] = f.get("other") or f.get("ssid")
        air.wish(f)
    elif path == "/close":
        air.ending()
    else:
        return None
    return go("/", "303 See Other")


async def answer(line, body):
    "The whole answer to a request, as bytes."
    global asked, guest
    asked = ticks_ms()
    guest = True
    method, path, version = (line.split(" ") + ["", ""])[:3]
    path, query = (path.split("?", 1) + [""])[:2]
    if "cmd" in fields(query):
        if method == "GET" and version == "HTTP/1.1":
            from rt import cmd

            out = await cmd.answer(fields(query))
            return ("%sContent-Type: application/json\r\n\r\n%s" % (CORS, "" if out is None else json.dumps(out))).encode()
    elif method == "GET":
        return get(path)
    elif method == "POST":
        a = post(path, body)
        if a:
            return a
    return (CORS + "Content-Length: 0\r\n\r\n").encode()
