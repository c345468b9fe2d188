// Python that the apps of the mock are made of.
export const worker = `import machine


class WorkerTask(object):

    def call(self):
        return {'luminosity_au': machine.ADC(0).read()}
`;

export const workerWithPressure = `import logger
import machine

SAMPLES = 4


class WorkerTask(object):
    """Reads the light that falls on the bench."""

    def __init__(self):
        self.adc = machine.ADC(0)
        self.runs = 0

    def call(self):
        total = 0
        for _ in range(SAMPLES):
            total += self.adc.read()
        self.runs += 1
        logger.info('run %d' % self.runs)
        return {
            'luminosity_au': total // SAMPLES,
            'runs': self.runs,
        }
`;

export const management = `import gc


class ManagementTask(object):

    def __init__(self):
        self.pins = {'red': 15, 'green': 12, 'blue': 13}

    def call(self, data):
        if not data:
            return None
        if data == 'meminfo':
            return str(gc.mem_free())
        for part in data.split(','):
            colour, _, level = part.partition(':')
            if colour not in self.pins:
                return 'Command not valid'
            if not self.shine(colour, level):
                return 'Command argument not valid'
        return 'Executed'

    def shine(self, colour, level):
        import machine
        levels = {'on': 1000, 'off': 0}
        duty = levels.get(level)
        if duty is None:
            if not level.isdigit():
                return False
            duty = min(int(level), 1000)
        machine.PWM(machine.Pin(self.pins[colour])).duty(duty)
        return True
`;

export const blinker = `import time


def blink(led, times=3, ms=80):
    for _ in range(times):
        led.value(1)
        time.sleep_ms(ms)
        led.value(0)
        time.sleep_ms(ms)
`;
