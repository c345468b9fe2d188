# Stands where main.py does: says which versions run, and does what /srv/errand says. /srv is the server: offer.json, and
# files by their hash.
import sys

try:
    ROOT
except NameError:
    ROOT = ""


def text(name):
    try:
        with open(ROOT + "/srv/" + name) as f:
            return f.read()
    except OSError:
        return ""


class Link:  # what rt.link is to rt.update
    def __init__(self):
        self.faults = [f for f in text("faults").split("\n") if f]
        self.asked = []

    async def file(self, sha, start, sink):
        fault = self.faults.pop(0) if self.faults else ""
        self.asked.append(start)
        with open(ROOT + "/srv/" + sha, "rb") as f:
            f.seek(start)
            left = int(fault[4:]) if fault[:4] == "cut " else 1 << 30
            while True:
                b = f.read(min(512, left))
                left -= len(b)
                if not b:
                    break
                if fault == "other":
                    b = bytes([x ^ 1 for x in b])
                sink(b)
        if fault == "more":
            sink(b"x")
        if fault[:4] == "cut ":
            raise OSError(104)
        if fault == "timeout":
            raise Exception("timeout")
        if fault == "memory":
            raise MemoryError()


def versions():
    import ver_a, ver_b  # two files of the runtime

    if ver_a.V != ver_b.V:
        raise ValueError("a mix of runtimes")
    from rt import slots

    print("runtime", ver_a.V)
    if slots.enter_app():
        import app
        import part

        if app.V != part.V:
            raise ValueError("a mix of apps")
        print("app", app.V)
    else:
        print("app none")


async def install():
    import json

    from rt import hal, update

    hal.set_time(1800000000000)
    link = Link()
    steps = []
    with open(ROOT + "/srv/offer.json") as f:
        offer = json.load(f)
    result = await update.apply(link, offer, lambda done, of: steps.append((done, of)))
    left = [m for m in ("ed25519", "sha512") if hal.MICRO and "rt." + m in sys.modules]
    if left or [s for s in steps if not 0 <= s[0] <= s[1]] or (result[0] == "installed" and steps[-1][0] != steps[-1][1]):
        raise ValueError((left, steps))
    print(": ".join([x for x in result if x]))
    if text("asked"):
        print("asked", link.asked)


def drive():
    import asyncio

    versions()
    from rt import slots

    for errand in text("errand").split():
        if errand == "install":
            asyncio.run(install())
        elif errand == "state":
            print("state", slots.state("os"), slots.state("app"))
        elif errand[:8] == "confirm-":
            print("confirmed", slots.confirm(errand[8:]))
        elif errand == "due":
            import json

            from rt import wait

            with open(ROOT + "/srv/offer.json") as f:
                print("due", wait.due(json.load(f)))


try:
    drive()
except Exception as e:
    print("failed", repr(e))
    if hasattr(sys, "print_exception"):
        sys.print_exception(e)
    try:
        with open(ROOT + "/_s/fail", "a") as f:
            f.write("x")
    except OSError:
        pass
