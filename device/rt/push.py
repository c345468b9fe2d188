# The second connection: what happens is told while Roost holds the first.
from rt import hal
from rt.life import gather, register
from rt.sync import sync


async def run(link):
    while True:
        await link.poke.wait()
        link.poke.clear()
        await hal.sleep_ms(50)
        if not (link.polls and link.s and link.two):
            continue
        try:
            if not link.known:
                await register(link, link.two)
            gather(link)
            if link.dirty():
                await sync(link, link.two, 0)
            await hal.sleep_ms(200)
        except Exception:  # the first one will say what is wrong
            await hal.sleep_ms(5000)
            link.poke.set()
