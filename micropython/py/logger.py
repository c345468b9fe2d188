# Log lines as PythingsOS writes them: "LEVEL: text detail".
import _host

DEBUG = 10
INFO = 20
WARNING = 30
ERROR = 40
CRITICAL = 50
level = INFO


def _write(number, name, text, details):
    if number < level:
        return
    text = " ".join([str(text)] + [str(d) for d in details])
    print("%s: %s" % (name, text))
    _host.log(name, text)


def setLevel(number):
    global level
    level = number


def debug(text, *details):
    _write(DEBUG, "DEBUG", text, details)


def info(text, *details):
    _write(INFO, "INFO", text, details)


def warning(text, *details):
    _write(WARNING, "WARNING", text, details)


def error(text, *details):
    _write(ERROR, "ERROR", text, details)


def critical(text, *details):
    _write(CRITICAL, "CRITICAL", text, details)
