# The hardware layer of PythingsOS, as far as its apps use it.
from env import Chronos
from rt import hal as _hal

HW_SUPPORTS_DEEPSLEEP = False
HW_SUPPORTS_RESETCAUSE = True
HW_SUPPORTS_LED = False
HW_SUPPORTS_WLAN = True
HW_SUPPORTS_SSL = True
HW_SUPPORTS_ENCRYPTION = True
USE_ENCRYPTION_DEFAULT = False


def init():
    pass


def is_frozen():
    return False


def get_tid():
    return _hal.uid().upper()


def get_reset_cause():
    return _hal.cause()


def reboot():
    _hal.reset("app")
