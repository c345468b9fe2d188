# One command, or several with commas between: "red:1000,green:on,blue:off", "meminfo".
PINS = {"red": 15, "green": 12, "blue": 13}
NAMED = {"on": 1000, "off": 0}


class ManagementTask:
    def __init__(self):
        pass

    def call(self, data):
        if data is None:
            return None
        reply = "Command not valid"
        for command in str(data).split(","):
            reply = self.execute(command.strip())
            if reply.startswith("Command"):
                break
        return reply

    def execute(self, command):
        import gc, machine

        if command == "meminfo":
            return str(gc.mem_free())
        colour, _, level = command.partition(":")
        if colour not in PINS:
            return "Command not valid"
        try:
            duty = NAMED[level] if level in NAMED else int(level)
        except ValueError:
            return "Command argument not valid"
        if not 0 <= duty <= 1000:
            return "Command argument not valid"
        machine.PWM(machine.Pin(PINS[colour])).duty(duty)
        return "Executed"
