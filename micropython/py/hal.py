# The hardware layer, as far as apps use it.
import _host
from env import Chronos

HW_SUPPORTS_DEEPSLEEP = False
HW_SUPPORTS_RESETCAUSE = False
HW_SUPPORTS_LED = False
HW_SUPPORTS_WLAN = False
HW_SUPPORTS_SSL = True
HW_SUPPORTS_ENCRYPTION = True
USE_ENCRYPTION_DEFAULT = False


def init():
    pass


def is_frozen():
    return False


def get_reset_cause():
    return "POWERON"


def reboot():
    _host.reboot()
