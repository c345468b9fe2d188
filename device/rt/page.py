# The page of the set-up network.
from rt import want

HEAD = """<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">%s
<title>Set up %s</title><style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:1rem auto;padding:0 1rem}
h1{font-size:1.3rem}fieldset{border:1px solid #8888;border-radius:8px;margin:0 0 1rem}label{display:block;padding:.3rem 0}small{opacity:.75}
input:not([type=radio]){display:block;box-sizing:border-box;width:100%%;font:inherit;padding:.5rem}button{font:inherit;padding:.6rem 1.2rem}
[role=status]{border-left:4px solid #c60;padding-left:.8rem}</style><h1>Set up %s</h1>
"""
FORM = """<form method=post action=/save><fieldset><legend>Wi-Fi</legend>%s
<label>%s<input name=other maxlength=32 autocapitalize=none autocomplete=off></label>
<label>Password<input name=password type=password maxlength=64 autocomplete=off></label></fieldset>
<label>Address of Roost<input name=server placeholder="http://…" autocapitalize=none value="%s"></label>
<p><button>Join</button> <a href="/">Look for networks again</a></form>
"""
CLOSE = "<form method=post action=/close><button>Start without a change</button></form>"


def esc(s):
    for a, b in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        s = s.replace(a, b)
    return s


def html(told, networks, known):
    trying = told["state"] == "trying"
    name = want.name()
    out = HEAD % ("<meta http-equiv=refresh content=3>" if trying else "", name, name)
    ssid = esc(told["ssid"])
    if trying:
        return out + "<p role=status>Joining %s …" % ssid
    if told["state"] == "joined":
        return out + "<p role=status>Joined %s, with the address %s. The board starts now; go back to your own Wi-Fi." % (ssid, told["ip"])
    if told["state"] == "failed":
        out += "<p role=status>%s" % (esc(told["text"]) or "%s could not be joined. Is the password right?" % ssid)
    rows = ""
    if ssid and not any([n["ssid"] == told["ssid"] for n in networks]):  # one that hides its name
        networks = networks + [{"ssid": told["ssid"], "rssi": 0, "open": False}]
    for n in networks:
        s = esc(n["ssid"])
        on = " checked" if n["ssid"] == told["ssid"] else ""
        bars = "not seen" if not n["rssi"] else "strong" if n["rssi"] > -60 else "good" if n["rssi"] > -75 else "weak"
        rows += '<label><input type=radio name=ssid value="%s"%s> %s <small>%s%s</small></label>' % (s, on, s, bars, ", open" if n["open"] else "")
    out += FORM % (rows, "Another one" if rows else "Name", esc(told["server"]))
    return out + CLOSE if known else out
