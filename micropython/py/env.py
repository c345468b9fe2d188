# Variables that PythingsOS shares with apps.
import _host


class Chronos:
    def epoch(self):
        return int(_host.epoch())

    epoch_s = epoch


chronos = Chronos()
