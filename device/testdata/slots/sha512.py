import asyncio
from binascii import hexlify

from rt.hal import sleep_ms
from rt.sha512 import Sha512


async def show(*parts):
    h = Sha512()
    for p in parts:
        h.update(p)
        await sleep_ms(1)  # the VM collects garbage between calls
    print(hexlify(h.digest()).decode())


asyncio.run(show(b"abc"))
asyncio.run(show())
long = b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
asyncio.run(show(long[:3], long[3:100], b"", long[100:]))
asyncio.run(show(*[b"a" * 1000] * 10))
