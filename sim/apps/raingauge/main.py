import asyncio

import app
import platform


async def main():
    await asyncio.gather(platform.start(app), app.run())


asyncio.run(main())
