# A file by its hash, from a byte on: sink gets pieces of at most 512 bytes. Gives how many bytes came.
from rt import hal
from rt.http import Http
from rt.seal import ctr


async def file(link, sha, start, sink):
    from rt.link import Refused

    path = "/d/1/files/" + sha
    span = "bytes=%d-" % start if start else ""
    if link.two and not link.fetch:
        link.fetch = Http(link.url, 1024)  # neither the poll nor what happens waits for it
    http = link.fetch or link.http
    for last in (False, True):
        if not link.s:
            from rt import keys

            await keys.hello(link)
        s = link.s
        c, auth = s.auth(path, span)
        got = [0]

        def take(d):
            hal.feed()
            sink(bytes(ctr(s.down, c, d, got[0] // 16)))
            got[0] += len(d)
            link.at = hal.ticks_ms()

        head = [("Authorization", auth)]
        if span:
            head.append(("Range", span))
        st, h, b = await http.stream(path, head, take)
        if st == 401 and not last:
            if link.s is s:
                link.s = None
        elif st == 206 or st == 200 and not start:
            return got[0]
        else:
            raise Refused(st, h, b)
