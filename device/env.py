# Variables that PythingsOS shares with apps.
from rt import hal


class Chronos:
    def epoch(self):
        return hal.now() // 1000

    epoch_s = epoch


chronos = Chronos()
