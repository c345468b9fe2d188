# The board's own HTTP server. What answers (rt.serve) is loaded when somebody asks, and dropped when nobody does.
import asyncio
from rt import conf, hal, log


class Web:
    def __init__(self, apps, link):
        self.apps = apps
        self.link = link
        self.open = 0
        self.server = None

    async def start(self, port=80):
        if port and conf.get("web") not in ("off", False):
            try:
                await self.listen(port)
            except Exception as e:  # a port that is none, too
                log.error("The own web server cannot have port %d" % port, e)

    async def listen(self, port, host="0.0.0.0"):
        self.server = await asyncio.start_server(self._serve, host, port)

    def stop(self):
        if self.server:
            self.server.close()

    async def _serve(self, r, w):
        self.open += 1
        try:
            from rt import serve

            await serve.one(self, r, w)
        except Exception:  # whoever asked has gone, or is too slow
            pass
        finally:
            self.open -= 1
            serve = None
            if not self.open:
                hal.forget("serve", "pages", "logs")
            try:
                w.close()
                await w.wait_closed()
            except Exception:
                pass
