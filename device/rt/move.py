# Where the server is; to another one, and back when it does not answer.
from rt import conf, hal, log
from rt.http import split

PATIENCE = 300000  # ms


def address(s):  # as a URL; None: it is none
    try:
        s = s if "://" in s else "http://" + s
        _, host, port, _ = split(s)
        if s[:4] == "http" and host.strip("[]") and " " not in s and 0 < port < 65536:
            return s
    except (ValueError, TypeError):
        pass


def server():
    for s in (conf.get("server"), conf.get("backend"), conf.load("_s/at").get("url")):
        if address(s):
            return address(s)
    return "http://roost.local:8080"


def start(link):  # where it goes at the start of a boot
    to = address(conf.get("_move"))
    if not to:
        return server()
    link.old, link.since = server(), link.at
    return to


def begin(link, url):
    if url in (link.url, conf.get("_bad")) or link.old:
        return
    if not address(url) or "://" not in url:
        return log.error("%s is no address of a server" % url)
    log.info("Going to %s" % url)
    conf.put("_move", url)
    link.moving = url  # after this answer


async def on(link):  # after a sync
    if link.old:
        arrived(link)
    if link.moving:
        await go(link)


async def go(link):
    await link.close()
    link.old, link.since = link.url, hal.ticks_ms()
    link.goto(link.moving)
    link.moving = None


def arrived(link):
    log.info("Roost is at %s now" % link.url)
    conf.put("server", link.url)
    conf.put("_move", None)
    conf.put("_bad", None)
    link.old = None


def failed(link):
    if hal.ticks_diff(hal.ticks_ms(), link.since) > PATIENCE:
        conf.put("_bad", link.url)
        conf.put("_move", None)
        log.error("%s did not answer: back to %s" % (link.url, link.old))
        link.goto(link.old)
        link.old = None
