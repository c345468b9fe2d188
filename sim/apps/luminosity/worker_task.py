class WorkerTask:
    def __init__(self):
        pass

    def call(self):
        import machine

        return {"luminosity_au": machine.ADC(0).read()}
