# The worker task runs once in each worker interval. What call() gives back is
# sent as a message and drawn as a chart; give back nothing to send nothing.

try:
    from random import getrandbits
except ImportError:
    from urandom import getrandbits  # older MicroPython


class WorkerTask(object):

    def __init__(self):
        self.value = 21  # stays until the device restarts

    def call(self):
        self.value += (-1, 0, 0, 1)[getrandbits(2)]
        return {'temperature': self.value}
