# The scheduler of asyncio, over MicroPython's own tasks and queues. Waiting is
# done by the host. Streams are in _streams.py, which loads when it is needed.
import _host, sys
from _asyncio import Task, TaskQueue
from time import ticks_add, ticks_diff, ticks_ms as ticks

_wait = _host.wait  # looked up once: each time makes an object
_ready = _host.sock_ready


class CancelledError(BaseException):
    pass


class TimeoutError(Exception):
    pass


# These names are looked up here by MicroPython's Task.
_task_queue = TaskQueue()
cur_task = None


def _turn():
    yield


def _nothing():
    return
    yield


class _Waiting:  # tasks that wait for sockets
    def __init__(self):
        self.all = []

    def add(self, task, id, events):
        self.all.append((task, id, events))
        task.data = self

    def remove(self, task):
        self.all = [w for w in self.all if w[0] is not task]

    def wake(self):
        ready = [w[0] for w in self.all if _ready(w[1]) & w[2]]
        if ready:
            self.all = [w for w in self.all if w[0] not in ready]
            for task in ready:
                _task_queue.push(task)


_waiting = _Waiting()


def _until(id, events):
    while not _ready(id) & events:
        _waiting.add(cur_task, id, events)
        yield


def sleep_ms(ms):
    _task_queue.push(cur_task, ticks_add(ticks(), max(0, int(ms))))
    yield


def sleep(s):
    return sleep_ms(s * 1000)


def create_task(coro):
    if not hasattr(coro, "send"):
        raise TypeError("coroutine expected")
    task = Task(coro, globals())
    _task_queue.push(task)
    return task


def current_task():
    if cur_task is None:
        raise RuntimeError("no running event loop")
    return cur_task


_turns = 0
_full = False


def _pause(ms):
    global _full
    if _wait(ms) == "full":
        _full = True


def _next():
    global _turns
    # the next task that is due, None when there is none that could ever be
    while True:
        if _waiting.all:
            _waiting.wake()
        task = _task_queue.peek()
        left = ticks_diff(task.ph_key, ticks()) if task else -1
        if task and left <= 0:
            _turns += 1
            if _turns & 15 == 0:
                _pause(0.0)  # the host may want to collect garbage
            return _task_queue.pop()
        if not task and not _waiting.all:
            return None
        _pause(float(left))


def _end(task, er):
    # what becomes of a task that has ended
    stop = isinstance(er, (StopIteration, CancelledError))
    if task.state:
        waited = True
        if task.state is True:
            task.state = None
            waited = False
        elif callable(task.state):
            task.state(task, er)
            task.state = False
        else:
            waited = task.state.peek() is not None
            while task.state.peek():
                _task_queue.push(task.state.pop())
            task.state = False
        if not waited and not stop:
            _task_queue.push(task)  # somebody may wait for it yet
        task.data = er
    elif task.state is None:  # nobody did
        task.data = er
        Loop.call_exception_handler({"message": "Task exception wasn't retrieved", "exception": er, "future": task})


_stop = None


def run_until_complete(main=None):
    global cur_task, _full
    while True:
        task = _next()
        if task is None:
            return None
        cur_task = task
        try:
            fault = task.data
            if _full:  # whoever comes next finds no memory
                _full = False
                task.coro.throw(MemoryError("memory allocation failed"))
            elif not fault:
                task.coro.send(None)
            else:
                task.data = None
                task.coro.throw(fault)
        except (CancelledError, Exception) as er:
            cur_task = None
            if task is main:
                if isinstance(er, StopIteration):
                    return er.value
                raise er
            if fault and task.state is None:
                er = fault
            if task is _stop:
                return None
            _end(task, er)
        except BaseException:
            cur_task = None
            raise


def run(coro):
    return run_until_complete(create_task(coro))


class Loop:
    _handler = None

    def create_task(coro):
        return create_task(coro)

    def run_forever():
        global _stop
        _stop = Task(_nothing(), globals())
        run_until_complete()

    def run_until_complete(aw):
        return run_until_complete(_task(aw))

    def stop():
        if _stop is not None:
            _task_queue.push(_stop)

    def close():
        pass

    def set_exception_handler(handler):
        Loop._handler = handler

    def get_exception_handler():
        return Loop._handler

    def default_exception_handler(loop, context):
        print(context["message"])
        print("future:", context["future"], "coro=", context["future"].coro)
        sys.print_exception(context["exception"])

    def call_exception_handler(context):
        (Loop._handler or Loop.default_exception_handler)(Loop, context)


def get_event_loop():
    return Loop


def new_event_loop():
    global _task_queue, _waiting
    _task_queue = TaskQueue()
    _waiting = _Waiting()
    return Loop


def _task(aw):
    return aw if isinstance(aw, Task) else create_task(aw)


async def wait_for_ms(aw, ms):
    aw = _task(aw)
    if ms is None:
        return await aw
    late = False

    async def clock():
        nonlocal late
        await sleep_ms(ms)
        late = True
        aw.cancel()

    timer = create_task(clock())
    try:
        return await aw
    except CancelledError:
        if late:
            raise TimeoutError
        raise
    finally:
        timer.cancel()


def wait_for(aw, timeout):
    return wait_for_ms(aw, None if timeout is None else timeout * 1000)


class _Gather:
    def remove(self, task):
        pass


async def gather(*aws, return_exceptions=False):
    tasks = [_task(aw) for aw in aws]
    me = cur_task
    left = 0
    failed = None
    over = False

    def ended(task, er):
        nonlocal left, failed
        left -= 1
        if over:
            return
        if not isinstance(er, StopIteration) and not return_exceptions and failed is None:
            failed = er
            _task_queue.push(me)
        elif left == 0 and failed is None:
            _task_queue.push(me)

    for task in tasks:
        if task.state is True:
            task.state = ended
            left += 1
        elif task.state and not callable(task.state):
            raise RuntimeError("can't gather")
        elif task.done() and not return_exceptions and not isinstance(task.data, StopIteration) and failed is None:
            failed = task.data
    try:
        if left and failed is None:
            me.data = _Gather()
            await _turn()
    except CancelledError:
        over = True
        for task in tasks:
            task.cancel()
        raise
    over = True
    if failed is not None:
        raise failed
    return [t.data.value if isinstance(t.data, StopIteration) else t.data for t in tasks]


class Event:
    def __init__(self):
        self.state = False
        self.waiting = TaskQueue()

    def is_set(self):
        return self.state

    def set(self):
        while self.waiting.peek():
            _task_queue.push(self.waiting.pop())
        self.state = True

    def clear(self):
        self.state = False

    async def wait(self):
        if not self.state:
            self.waiting.push(cur_task)
            cur_task.data = self.waiting
            await _turn()
        return True


class ThreadSafeFlag(Event):
    async def wait(self):
        await super().wait()
        self.clear()


class Lock:
    def __init__(self):
        self.held = False
        self.waiting = TaskQueue()

    def locked(self):
        return bool(self.held)

    def release(self):
        if not self.held:
            raise RuntimeError("Lock not acquired")
        self.held = False
        if self.waiting.peek():
            self.held = self.waiting.pop()  # it is that task's now
            _task_queue.push(self.held)

    async def acquire(self):
        if self.held:
            self.waiting.push(cur_task)
            cur_task.data = self.waiting
            try:
                await _turn()
            except CancelledError:
                if self.held is cur_task:
                    self.release()
                raise
        self.held = True
        return True

    async def __aenter__(self):
        return await self.acquire()

    async def __aexit__(self, *a):
        self.release()


def __getattr__(name):
    if name in ("Stream", "StreamReader", "StreamWriter", "Server", "open_connection", "start_server"):
        import _streams

        return getattr(_streams, name)
    raise AttributeError(name)
