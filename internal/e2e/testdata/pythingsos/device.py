"""A device that behaves as PythingsOS 1.x does on CPython: its calls byte by byte, its
order of things, its intolerances. Written from docs/protocols/pythings.md for the tests of
Roost; it shares no line with Roost or with PythingsOS.

It runs the app's code for real. What happens is told on standard output, a JSON object a line.
"""
import argparse
import contextlib
import importlib
import io
import json
import os
import shutil
import socket
import ssl
import sys
import time
import traceback
import types

import cipher


class Reboot(Exception):
    pass


class CallFailed(Exception):
    pass


def tell(what, **more):
    print(json.dumps(dict({"what": what}, **more)), flush=True)


class Device:
    def __init__(self, options):
        self.o = options
        self.settings = {}
        self.token = None
        self.key = None
        self.worker = None
        self.manager = None

    # -- files -----------------------------------------------------------

    def path(self, name):
        return os.path.join(self.o.root, name)

    def read(self, name):
        try:
            with open(self.path(name)) as f:
                return f.read()
        except OSError:
            return None

    def app_version(self):
        text = self.read("app.py")
        return text.split("'")[1] if text else "0"

    # -- one call --------------------------------------------------------

    def connect(self):
        host, _, port = self.o.backend.partition(":")
        conn = socket.create_connection((host, int(port)), timeout=60)
        if not self.settings.get("ssl", True):
            return conn
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.o.ciphers:
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(self.o.ciphers)
        return context.wrap_socket(conn)  # no server name

    def body(self, data):
        if self.key is None:
            if self.token:
                data = dict(data, token=self.token)
            return json.dumps(data)
        return json.dumps({"encrypted": cipher.encrypt(self.key, json.dumps(data)), "token": self.token})

    def post(self, path, text, to_file=None):
        conn = self.connect()
        try:
            out = None
            if to_file:
                out = open(self.path(to_file), "w")  # emptied once the connection stands
            conn.sendall(("POST %s HTTP/1.0\r\nHost: %s\r\n" % (path, self.o.backend.partition(":")[0])).encode())
            conn.sendall(b"content-length: %d\r\n" % len(text))
            conn.sendall(b"content-type: application/json\r\n")
            conn.sendall(b"\r\n")
            conn.sendall(text.encode())
            return self.answer(conn.makefile("rb"), out)
        finally:
            conn.close()

    def answer(self, stream, out):
        line = stream.readline().decode("ascii")
        _, code, reason = line.rstrip("\r\n").split(" ", 2)
        if not reason:
            raise CallFailed("no reason phrase")
        while True:
            header = stream.readline()
            if header == b"":
                raise SystemExit("the connection closed inside the headers: a device would spin for ever")
            if header == b"\r\n":
                break
            name = header.split(b":")[0].lower()
            if name == b"transfer-encoding" or name == b"content-encoding":
                raise SystemExit("a device cannot read %s" % header)
        if out is not None and code == "200":
            content = stream.read().decode("ascii")
            if self.key is not None:
                content = cipher.decrypt(self.key, content)
            out.write(content)
            out.close()
            return None
        text = stream.readline().decode("ascii")
        if self.key is not None and code == "200":
            text = cipher.decrypt(self.key, text)
        if code != "200":
            raise CallFailed("%s %s" % (code, text))
        return json.loads(text) if text.strip() else None

    def call(self, path, data, tries=1, **more):
        while True:
            try:
                return self.post("/api/v1" + path, self.body(data), **more)
            except (OSError, ValueError, CallFailed) as e:
                tell("failed", path=path, error=str(e))
                tries -= 1
                if tries == 0:
                    raise CallFailed(str(e))
                time.sleep(self.o.pause)

    def report(self, what, status, msg=None, tries=3):
        self.call("/things/report/", {"what": what, "status": status, "msg": msg}, tries)

    # -- boot ------------------------------------------------------------

    def boot(self):
        self.token = self.key = self.worker = self.manager = None
        self.settings = json.loads(self.read("settings.json") or "{}")
        tell("boot", app=self.app_version(), settings=self.settings)
        if self.settings.get("payload_encryption"):
            self.preregister()
        answer = self.call("/things/register/", {
            "tid": self.o.tid, "aid": self.o.aid, "app_version": self.app_version(), "pythings_version": "v1.1.0",
            "pool": self.settings.get("pool"), "frozen": False, "platform": "Python"}, tries=-1)
        self.token = self.token or answer["token"]
        answer["epoch"]
        tell("registered", encrypted=self.key is not None)
        self.management(first=True)
        self.load()
        interval = {k: int(self.settings[k + "_interval"]) for k in ("management", "worker")}
        n = 0
        while True:
            if n % interval["management"] == 0:
                self.management()
            if n % interval["worker"] == 0:
                self.work()
            time.sleep(self.o.tick)
            n += 1

    def preregister(self):
        key = cipher.new_key()
        text = json.dumps({"key": cipher.seal(key, int(self.o.modulus)), "kty": "aes128ecb", "ken": "srsa1"})
        while True:
            try:
                self.key = key
                answer = self.post("/api/v1/things/preregister/", text)
                self.token = answer["token"]
                return
            except (OSError, ValueError, CallFailed, KeyError, TypeError) as e:
                tell("failed", path="/things/preregister/", error=str(e))
                time.sleep(self.o.pause)

    def load(self):
        sys.path.insert(0, self.o.root)
        importlib.invalidate_caches()
        for name in ("worker_task", "management_task"):
            sys.modules.pop(name, None)
        shutil.rmtree(self.path("__pycache__"), ignore_errors=True)
        for name, what in (("worker_task", "worker"), ("management_task", "management")):
            try:
                module = importlib.import_module(name)
                task = getattr(module, name.title().replace("_", ""))()
                setattr(self, "worker" if what == "worker" else "manager", task)
            except Exception as e:
                self.fault(what, e)

    def fault(self, what, e):
        self.report(what, "KO", "%s %s (%s)" % (type(e).__name__, e, traceback.format_exc()))

    # -- runs ------------------------------------------------------------

    def management(self, first=False):
        try:
            answer = self.call("/apps/management/", {}, tries=3)
        except CallFailed:
            return
        try:
            self.update(answer)
        except CallFailed as e:
            self.fault("management", e)
            return
        message, mid = answer.get("msg"), answer.get("mid")
        if first or mid is None:
            message = None
        reply = None
        if mid is not None and answer.get("type") == "CMD":
            reply, message = self.execute(message), None
            tell("executed", mid=mid)
        if self.manager is not None:
            try:
                back = self.manager.call(message)
                if mid is not None and answer.get("type") != "CMD":
                    reply = back
            except Exception as e:
                self.fault("management", e)
        if mid is not None:
            tell("message", mid=mid, message=answer.get("msg"), reply=reply)
        with contextlib.suppress(CallFailed):
            self.report("management", "OK", {"mid": mid, "rep": reply} if mid is not None else None)

    def execute(self, source):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                exec(source, {})
            except Exception:
                traceback.print_exc(file=out)
        return out.getvalue()

    def work(self):
        if self.worker is None:
            return
        try:
            value = self.worker.call()
            if value:
                self.call("/apps/worker/", {"msg": value}, tries=3)
                tell("worker", value=value)
            self.report("worker", "OK", tries=1)
        except Exception as e:
            with contextlib.suppress(CallFailed):
                self.fault("worker", e)

    # -- updates ---------------------------------------------------------

    def update(self, answer):
        settings = answer.get("settings")
        if settings is None:
            return
        if settings != self.settings:
            with open(self.path("settings.json"), "w") as f:
                json.dump(settings, f)
            self.reboot("Settings")
        if settings["app_version"] != self.app_version():
            self.fetch_app(settings["app_version"])
            self.reboot("App")

    def fetch_app(self, version):
        names = self.call("/apps/get/", {"version": version, "list": True})
        with contextlib.suppress(OSError):
            os.remove(self.path("app.py"))
        for name in names:
            if name in ("worker_task.py", "management_task.py"):
                self.call("/apps/get/", {"file_name": name, "version": version, "token": self.token, "platform": "Python"}, to_file=name)
        with open(self.path("app.py"), "w") as f:
            f.write("version='%s'" % version)

    def reboot(self, why):
        tell("update", of=why)
        with contextlib.suppress(CallFailed):
            self.report("pythings", "OK", "Resetting due to %s update" % why)
        raise Reboot()


def board():
    """The modules that code of a microcontroller imports."""
    machine = types.ModuleType("machine")
    duties = {}

    class Pin:
        def __init__(self, number, *_):
            self.number = number

    class PWM:
        def __init__(self, pin, *_):
            self.pin = pin

        def duty(self, value):
            duties[self.pin.number] = value
            tell("pwm", pin=self.pin.number, duty=value)

    class ADC:
        def __init__(self, *_):
            pass

        def read(self):
            return 512

    machine.Pin, machine.PWM, machine.ADC = Pin, PWM, ADC
    logger = types.ModuleType("logger")
    for level in ("debug", "info", "warning", "error", "critical"):
        setattr(logger, level, lambda *_: None)
    import gc
    if not hasattr(gc, "mem_free"):
        gc.mem_free = lambda: 12345
    sys.modules.update(machine=machine, logger=logger)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--backend", required=True)
    p.add_argument("--aid", required=True)
    p.add_argument("--tid", required=True)
    p.add_argument("--root", required=True)
    p.add_argument("--modulus", default="0", help="RSA modulus of the server, decimal")
    p.add_argument("--ciphers", default="", help="TLS suites in OpenSSL's words")
    p.add_argument("--pause", type=float, default=3, help="seconds between tries")
    p.add_argument("--tick", type=float, default=1, help="seconds of a tick")
    options = p.parse_args()
    board()
    device = Device(options)
    while True:
        try:
            device.boot()
        except Reboot:
            tell("reboot")
        except Exception as e:  # the boot loader reports a crash and starts again
            tell("crash", error=traceback.format_exc())
            with contextlib.suppress(Exception):
                device.report("pythings", "KO", str(e), tries=1)
            time.sleep(options.pause)


main()
