# A fake link under the app's side of the runtime: what goes up is printed, what
# comes down is put into the file _in.
import asyncio
import json
import os
import sys

from rt import conf, hal, slots
from rt.queue import clean

path = slots.enter_app()


class Link:
    id = "bench-1"

    def __init__(self):
        self.info = {}
        self.orders = self

    def put(self, kind, data):
        print("@put", json.dumps([kind, clean(data)]))

    def announce(self):
        print("@info", json.dumps(self.info))

    def status(self, part, ok, text):
        print("@st", json.dumps([part, ok, text]))

    async def run(self):
        while True:
            await hal.sleep_ms(10)
            try:
                with open(hal.ROOT + "/_in") as f:
                    kind, body = json.load(f)
            except (OSError, ValueError):
                continue
            os.remove(hal.ROOT + "/_in")
            try:
                answer = self.do(kind, body)
                if hasattr(answer, "send"):
                    answer = await answer
                print("@answer", json.dumps([True, clean(answer)]))
            except Exception as e:
                print("@answer", json.dumps([False, str(e)]))


async def main():
    from rt.apps import Apps

    link = Link()
    apps = Apps(link)
    ok = apps.load(path)
    print("@start", json.dumps([ok, link.info, hal.why]))
    apps.start()
    if conf.get("bench_web"):
        from rt.web import Web

        web = Web(apps, link)
        if conf.get("bench_web") == "start":
            await web.start(80)
            print("@off", json.dumps(web.server is None))
        else:
            await web.listen(0, "127.0.0.1")
        if hasattr(web.server, "sockets"):
            print("@web", json.dumps("http://127.0.0.1:%d" % web.server.sockets[0].getsockname()[1]))
    if conf.get("bench_led"):
        from rt import led

        led.show(conf.get("bench_led"))
    await link.run()


asyncio.run(main())
