class ManagementTask:
    def __init__(self):
        self.calls = 0

    async def call(self, data):
        self.calls += 1
        if data == "fail":
            raise KeyError("no such order")
        if data is not None:
            logger.info("asked", data)
            return {"asked": data, "call": self.calls}
