package micropython

import (
	"testing"
	"time"
)

func TestAsyncioSchedules(t *testing.T) {
	need(t)
	got := ran(t, loopback(BoardConfig{Clock: NewClock(time.Unix(1_800_000_000, 0))}), `
import asyncio, time
async def work(n):
    await asyncio.sleep(n)
    if n == 3: raise ValueError(n)
    return n
async def main():
    began = time.time()
    print(await asyncio.gather(work(1), work(2)), await asyncio.gather(work(1), work(3), return_exceptions=True))
    try: await asyncio.gather(work(10), work(3))
    except ValueError as e: print('failed', e)
    try: await asyncio.wait_for(work(100), 10)
    except asyncio.TimeoutError: print('late')
    print(await asyncio.wait_for(work(1), 10), int(time.time() - began))
    event, lock, order = asyncio.Event(), asyncio.Lock(), []
    async def waiter(i):
        await event.wait()
        async with lock:
            order.append(i)
            await asyncio.sleep(1)
    tasks = [asyncio.create_task(waiter(i)) for i in range(4)]
    await asyncio.sleep(0)
    event.set()
    await asyncio.sleep(0.5)
    tasks[1].cancel()
    for i, task in enumerate(tasks):
        try: await task
        except asyncio.CancelledError: order.append('cancelled')
    print(order, lock.locked(), all(t.done() for t in tasks))
    async def forever():
        try:
            while True: await asyncio.sleep(1)
        finally: print('ended')
    task = asyncio.create_task(forever())
    await asyncio.sleep(2)
    task.cancel()
    await asyncio.sleep(0)
    loop = asyncio.get_event_loop()
    loop.set_exception_handler(lambda loop, context: print('unseen', repr(context['exception'])))
    asyncio.create_task(work(3))
    await asyncio.sleep(86400)
    return int(time.time() - began)
print(asyncio.run(main()))
try: asyncio.run(work(3))
except ValueError as e: print('raised', e)
`)
	const want = "[1, 2] [1, ValueError(3,)]\nfailed 3\nlate\n1 19\n[0, 2, 'cancelled', 3] False True\nended\nunseen ValueError(3,)\n86424\nraised 3\n"
	if got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
}

func TestLongProgramsDoNotFillTheMemory(t *testing.T) {
	need(t)
	for name, program := range map[string]string{
		"asyncio": "import asyncio\nasync def main():\n  for i in range(1500):\n    x = bytearray(10000)\n    await asyncio.sleep_ms(0)\nasyncio.run(main())\nprint('done')",
		"sleep":   "import time\nfor i in range(1500):\n  x = bytearray(10000)\n  time.sleep_ms(1)\nprint('done')",
	} {
		if got := ran(t, BoardConfig{}, program); got != "done\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
