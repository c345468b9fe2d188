# The pins of a played board. What they do is seen from outside.
import _host


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None, **more):
        self.id = id
        if value is not None:
            self.value(value)

    def init(self, mode=-1, pull=-1, *, value=None, **more):
        if value is not None:
            self.value(value)

    def value(self, x=None):
        if x is None:
            return 1 if _host.pin_read(self.id) else 0
        _host.pin_write(self.id, 1 if x else 0)

    __call__ = value

    def on(self):
        self.value(1)

    high = on

    def off(self):
        self.value(0)

    low = off

    def toggle(self):
        self.value(not self.value())

    def irq(self, *a, **more):
        pass

    def __repr__(self):
        return "Pin(%s)" % self.id


Signal = Pin


def _number(pin):
    return pin.id if isinstance(pin, Pin) else pin


class PWM:
    def __init__(self, dest, freq=500, duty=None, *, duty_u16=None):
        self.id = _number(dest)
        self._freq = freq
        if duty is not None:
            self.duty(duty)
        if duty_u16 is not None:
            self.duty_u16(duty_u16)

    def init(self, freq=None, duty=None, *, duty_u16=None):
        self.__init__(self.id, freq or self._freq, duty, duty_u16=duty_u16)

    def freq(self, x=None):
        if x is None:
            return self._freq
        self._freq = x

    def duty(self, x=None):
        if x is None:
            return _host.pin_read(self.id)
        if not 0 <= x <= 1023:
            raise ValueError("duty must be between 0 and 1023")
        _host.pin_write(self.id, x)

    def duty_u16(self, x=None):
        if x is None:
            return self.duty() << 6
        self.duty(x >> 6)

    def deinit(self):
        _host.pin_write(self.id, 0)


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin=0, **more):
        self.id = _number(pin)

    def read(self):
        return _host.adc(self.id)

    def read_u16(self):
        return self.read() << 6

    def atten(self, x):
        pass

    def width(self, x):
        pass


PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def reset():
    _host.reboot()


def soft_reset():
    _host.soft_reboot()


def reset_cause():
    return _host.reset_cause()


def unique_id():
    return bytes(int(_host.unique_id()[i : i + 2], 16) for i in range(0, 12, 2))


def freq(x=None):
    return 80000000


def idle():
    pass


class WDT:  # counts real time: what a chip fixes at seconds is longer here, for a slow machine pauses
    def __init__(self, id=0, timeout=30000):
        self._timeout = timeout
        self.feed()

    def feed(self):
        _host.wdt_feed(self._timeout)
