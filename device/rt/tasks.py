# The tasks of PythingsOS: worker_task.py and management_task.py.
import asyncio
from rt import conf
from rt.apps import platform
from rt.parts import awaits, has, result, wait

LIMIT = 600  # seconds that an async call may take


class Tasks:
    def __init__(self, apps, path):
        import logger

        self.apps = apps
        self.busy = asyncio.Lock()  # one management call at a time
        try:
            import builtins

            builtins.logger = logger  # PythingsOS has it there for its apps
        except Exception:
            pass
        self.worker = make(path, "worker_task", "WorkerTask", logger)
        self.management = make(path, "management_task", "ManagementTask", logger)

    def start(self):
        if self.worker:
            self.apps.go(self._loop(self._work, "worker_interval", 300))
        if self.management:
            self.apps.go(self._loop(self._poll, "management_interval", 60))

    async def _loop(self, act, name, usual):
        while True:
            await act()
            await wait(lambda: conf.num(name, usual, 1) * 1000)

    async def _work(self):
        await self._call("worker", self._message)

    async def _message(self):
        value = await result(self.worker())
        if value is not None:
            platform.send(value)  # or raises: too long

    async def _poll(self):
        await self.ask(None)

    async def ask(self, data):
        # (True, the reply) or (False, a traceback)
        async with self.busy:
            return await self._call("management", self.management, data)

    async def _call(self, part, call, *data):
        try:
            value = call(*data)
            if awaits(value):
                value = await asyncio.wait_for(value, LIMIT)
            self.apps.link.status(part, True, "")
            return True, value
        except (Exception, SystemExit) as e:
            text = self.apps.failed(e, False)
            self.apps.link.status(part, False, text)
            return False, text


def make(path, name, new, logger):
    # the call of the one instance; None when there is no such file
    if not has(path, name):
        return None
    m = __import__(name)
    if not hasattr(m, "logger"):
        m.logger = logger
    if hasattr(m, new):
        return getattr(m, new)().call
    if not hasattr(m, name):
        raise AttributeError("%s.py has no class %s" % (name, new))
    from env import chronos  # as apps were before 1.0

    t = getattr(m, name)(chronos)
    return lambda *data: t.call(chronos, *data)
