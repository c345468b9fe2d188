// What apps may call, for completion: the contract of tasks, and the modules that boards commonly have.
// Plain data; what a name means is told in a sentence.

export interface Entry {
  name: string;
  kind: "function" | "class" | "constant" | "variable" | "namespace" | "method" | "keyword";
  /** Behind the name in the list: arguments, or what it is. */
  detail?: string;
  info: string;
}
const f = (name: string, detail: string, info: string): Entry => ({ name, kind: "function", detail, info });
const k = (name: string, info: string): Entry => ({ name, kind: "constant", info });
const c = (name: string, detail: string, info: string): Entry => ({ name, kind: "class", detail, info });

/** Members by what stands before the dot. */
export const modules: Record<string, { info: string; members: Entry[] }> = {
  logger: {
    info: "Lines for the device’s own log. Imported already: devices get your files with it.",
    members: [
      f("debug", "(text, detail=None)", "A line for debugging; most devices leave it out."),
      f("info", "(text, detail=None)", "A line that tells what goes on."),
      f("warning", "(text, detail=None)", "Something is odd, and the task goes on."),
      f("error", "(text, detail=None)", "Something failed."),
      f("critical", "(text, detail=None)", "The device cannot do its work."),
    ],
  },
  sensors: {
    info: "Optional module of a board with drivers for what is soldered on it. Import it inside call().",
    members: [],
  },
  env: {
    info: "What the runtime shares with tasks.",
    members: [{ name: "chronos", kind: "variable", detail: "clock", info: "The clock of the device." }],
  },
  "env.chronos": {
    info: "The clock of the device, set when it registers.",
    members: [
      f("epoch", "()", "Seconds since 1970, from the server’s time at the start and the ticks since then."),
    ],
  },
  hal: {
    info: "The hardware of this board.",
    members: [
      f(
        "reboot",
        "()",
        "Restarts the device. On a computer the process ends and its script starts it again.",
      ),
      f("get_tid", "()", "The id of this thing, usually its MAC address."),
      f("get_reset_cause", "()", "Why the device last started."),
      f("is_frozen", "()", "Whether the runtime is part of the firmware."),
      c("LED", "", "The LED of the board, where HW_SUPPORTS_LED says that there is one."),
      c("WLAN", "", "The Wi-Fi of the board."),
      k("HW_SUPPORTS_DEEPSLEEP", "Whether it can sleep deeply."),
      k("HW_SUPPORTS_LED", "Whether it has an LED."),
      k("HW_SUPPORTS_SSL", "Whether it can do TLS."),
      k("HW_SUPPORTS_WLAN", "Whether it has Wi-Fi."),
    ],
  },
  platform: {
    info: "What Roost’s runtime offers an app.py, and the built-in module of this name.",
    members: [
      f(
        "report",
        "(**values)",
        "Values of this thing: they go out with the next heartbeat and stand in GET /status.",
      ),
      f("send", "(value)", "One message to Roost now; its numbers become readings."),
      f("resource", "(name, get=None, set=None)", "A value that Roost may read and, with set, write."),
      f("on_message", "(function)", "Called with each message; what it returns is the answer."),
      f("register_routes", "([(method, path, handler), …])", "Routes of the board’s own HTTP server."),
      f("get_config", "()", "What stands in /config.json."),
      f("setting", "(name, default)", "A setting of the thing."),
      f("set_heartbeat_interval", "(ms)", "How often values go out; 300000 at first."),
      f("log", "(text)", "A line of the board’s log."),
      f("ota_hold", "(on)", "With True no update is applied until it is called with False."),
      { name: "device_id", kind: "variable", detail: "text", info: "The id of this thing." },
    ],
  },
  machine: {
    info: "Pins, converters and buses of the board.",
    members: [
      c("Pin", "(id, mode=-1, pull=-1, value=None)", "A pin, for input or output."),
      c("PWM", "(pin, freq=500, duty=0)", "Pulses on a pin: brightness, speed, servo."),
      c("ADC", "(pin)", "Reads a voltage. The ESP8266 has ADC(0), which gives 0 to 1024."),
      c("I2C", "(id=-1, scl, sda, freq=400000)", "A bus for sensors with two wires."),
      c("SoftI2C", "(scl, sda, freq=400000)", "The same on any two pins."),
      c("SPI", "(id, baudrate=1000000, polarity=0, phase=0)", "A fast bus with three wires and a select."),
      c("UART", "(id, baudrate=9600)", "A serial line."),
      c("Timer", "(id)", "Calls a function later or again and again."),
      c("RTC", "()", "The clock that runs on through a reset."),
      c("WDT", "(timeout=5000)", "Restarts the device unless it is fed."),
      f("freq", "(hz=None)", "Speed of the processor in Hz."),
      f("reset", "()", "Restarts the board at once. hal.reboot() is kinder."),
      f("reset_cause", "()", "Why the board last started."),
      f("unique_id", "()", "Bytes that no other board has."),
      f("time_pulse_us", "(pin, level, timeout=1000000)", "Length of a pulse in µs; for ultrasound."),
      f("deepsleep", "(ms=0)", "Stops nearly everything; the board starts anew."),
    ],
  },
  time: {
    info: "Waiting and measuring.",
    members: [
      f("sleep", "(s)", "Waits. Nothing else runs meanwhile: keep it short."),
      f("sleep_ms", "(ms)", "Waits some milliseconds."),
      f("sleep_us", "(us)", "Waits some microseconds."),
      f("ticks_ms", "()", "Milliseconds that count up and wrap; compare with ticks_diff."),
      f("ticks_us", "()", "Microseconds that count up and wrap."),
      f("ticks_diff", "(new, old)", "What lies between two ticks, right over the wrap."),
      f("ticks_add", "(ticks, delta)", "A tick some time away."),
      f("time", "()", "Seconds of the board’s own epoch. env.chronos.epoch() knows the true time."),
      f("localtime", "(s=None)", "Year, month, day, hour, minute, second, weekday, day of the year."),
    ],
  },
  gc: {
    info: "Memory.",
    members: [
      f("collect", "()", "Frees what nobody uses."),
      f("mem_free", "()", "Free bytes."),
      f("mem_alloc", "()", "Used bytes."),
    ],
  },
  json: {
    info: "JSON to values and back.",
    members: [
      f("dumps", "(value)", "A value as JSON text."),
      f("loads", "(text)", "The value of a JSON text."),
    ],
  },
  os: {
    info: "Files of the device.",
    members: [
      f("listdir", "(path='.')", "Names in a folder."),
      f("remove", "(path)", "Deletes a file."),
      f("rename", "(old, new)", "Renames a file."),
      f("stat", "(path)", "Size and times of a file."),
      f("uname", "()", "What board and firmware it is."),
    ],
  },
  network: {
    info: "Wi-Fi and other networks. The runtime connects by itself.",
    members: [
      c("WLAN", "(interface)", "A Wi-Fi interface."),
      k("STA_IF", "The interface that joins a network."),
      k("AP_IF", "The interface that is a network."),
    ],
  },
  dht: {
    info: "Drivers for DHT11 and DHT22.",
    members: [
      c("DHT11", "(pin)", "Temperature and humidity, whole digits."),
      c("DHT22", "(pin)", "Temperature and humidity, a tenth."),
    ],
  },
  onewire: { info: "The 1-Wire bus.", members: [c("OneWire", "(pin)", "A bus on one pin.")] },
  ds18x20: {
    info: "DS18B20 thermometers.",
    members: [c("DS18X20", "(onewire)", "All thermometers on a 1-Wire bus.")],
  },
  neopixel: {
    info: "WS2812 lights.",
    members: [c("NeoPixel", "(pin, n)", "n lights in a row: np[0] = (r, g, b), then np.write().")],
  },
  struct: {
    info: "Bytes to numbers and back.",
    members: [
      f("pack", "(format, *values)", "Values as bytes."),
      f("unpack", "(format, data)", "The values in some bytes."),
      f("unpack_from", "(format, data, offset=0)", "The same, from a place on."),
      f("calcsize", "(format)", "How many bytes that takes."),
    ],
  },
  math: {
    info: "Floating point.",
    members: [
      f("sqrt", "(x)", "Square root."),
      f("sin", "(x)", "Sine of radians."),
      f("cos", "(x)", "Cosine of radians."),
      f("log", "(x)", "Natural logarithm."),
      f("floor", "(x)", "Down to a whole number."),
      f("ceil", "(x)", "Up to a whole number."),
      k("pi", "3.14159…"),
    ],
  },
  random: {
    info: "Chance.",
    members: [
      f("randint", "(low, high)", "A whole number, both ends included."),
      f("random", "()", "From 0 to below 1."),
      f("getrandbits", "(n)", "n random bits as a number."),
      f("choice", "(list)", "One of a list."),
    ],
  },
  sys: {
    info: "The interpreter.",
    members: [
      k("platform", "“esp8266”, “esp32”, “rp2”, “linux”."),
      k("implementation", "Name and version of the interpreter."),
      f("print_exception", "(error)", "Prints a traceback."),
      k("path", "Where modules are looked for."),
    ],
  },
};
for (const n of ["time", "json", "os", "struct", "random", "sys"]) modules["u" + n] = modules[n]!;

/** What an object of a class can do; the class may be written with its module. */
export const classes: Record<string, Entry[]> = {
  Pin: [
    f("value", "(x=None)", "The level of the pin; with an argument it is set."),
    f("on", "()", "Sets it high."),
    f("off", "()", "Sets it low."),
    f("irq", "(handler, trigger)", "Calls a function when the level changes. Keep it short."),
    f("init", "(mode, pull)", "Sets it up anew."),
    k("IN", "Mode: input."),
    k("OUT", "Mode: output."),
    k("PULL_UP", "Pull: high when nothing drives it."),
    k("IRQ_RISING", "Trigger: from low to high."),
    k("IRQ_FALLING", "Trigger: from high to low."),
  ],
  PWM: [
    f("duty", "(0..1023)", "How much of the time it is high."),
    f("duty_u16", "(0..65535)", "The same, finer; newer firmware."),
    f("freq", "(hz)", "How often."),
    f("deinit", "()", "Stops it."),
  ],
  ADC: [
    f("read", "()", "The reading: 0 to 1024 on ESP8266, to 4095 on ESP32."),
    f("read_u16", "()", "The reading, 0 to 65535."),
    f("atten", "(attenuation)", "Range of the ESP32’s converter."),
  ],
  I2C: [
    f("scan", "()", "Addresses that answer."),
    f("readfrom", "(addr, n)", "n bytes of a device."),
    f("writeto", "(addr, data)", "Sends bytes to a device."),
    f("readfrom_mem", "(addr, reg, n)", "n bytes from a register on."),
    f("writeto_mem", "(addr, reg, data)", "Bytes into registers."),
  ],
  UART: [
    f("read", "(n=None)", "What has come."),
    f("write", "(data)", "Sends bytes."),
    f("readline", "()", "One line, or None."),
    f("any", "()", "How many bytes wait."),
  ],
  Timer: [
    f("init", "(period, mode, callback)", "Starts it; the period is in ms."),
    f("deinit", "()", "Stops it."),
    k("PERIODIC", "Mode: again and again."),
    k("ONE_SHOT", "Mode: once."),
  ],
  DHT: [
    f("measure", "()", "Measures; at most every 2 s."),
    f("temperature", "()", "Degrees Celsius."),
    f("humidity", "()", "Per cent."),
  ],
  NeoPixel: [
    f("write", "()", "Shows the colours that were set."),
    f("fill", "((r, g, b))", "One colour for all."),
  ],
  DS18X20: [
    f("scan", "()", "Thermometers on the bus."),
    f("convert_temp", "()", "Measures; wait 750 ms."),
    f("read_temp", "(rom)", "Degrees Celsius of one."),
  ],
  OneWire: [f("scan", "()", "Devices on the bus."), f("reset", "()", "Starts over.")],
};
classes.SoftI2C = classes.I2C!;
classes.DHT11 = classes.DHT!;
classes.DHT22 = classes.DHT!;

/** Whole pieces to start from. `${}` marks where to type. */
export const pieces: { name: string; detail: string; info: string; text: string; file?: string }[] = [
  {
    name: "WorkerTask",
    detail: "the worker task",
    file: "worker_task.py",
    info: "call() runs at every worker interval. What it returns is sent: a dictionary of values, or nothing.",
    text: "class WorkerTask(object):\n\n\tdef __init__(self):\n\t\t${pass}\n\n\tdef call(self):\n\t\treturn {'${name}': ${value}}\n",
  },
  {
    name: "ManagementTask",
    detail: "the management task",
    file: "management_task.py",
    info: "call(data) runs at every management interval. data is the message, or None when there was none; what it returns is the answer.",
    text: "class ManagementTask(object):\n\n\tdef __init__(self):\n\t\t${pass}\n\n\tdef call(self, data):\n\t\tif data is None:\n\t\t\treturn None\n\t\treturn ${'Executed'}\n",
  },
];
/** Methods that mean something inside the two classes. */
export const methods: Record<string, { text: string; detail: string; info: string }> = {
  "worker_task.py": {
    text: "call(self):\n\t${}",
    detail: "WorkerTask.call(self)",
    info: "Runs at every worker interval. What it returns is sent: numbers in a dictionary become values with a history.",
  },
  "management_task.py": {
    text: "call(self, data):\n\t${}",
    detail: "ManagementTask.call(self, data)",
    info: "Runs at every management interval. data is the message or None; what it returns is the answer.",
  },
};
