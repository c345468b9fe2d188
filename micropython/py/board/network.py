# Wi-Fi as an ESP32 has it. What is in the air is decided outside.
import _host

STA_IF = 0
AP_IF = 1
AUTH_OPEN = 0
AUTH_WPA2_PSK = 3
AUTH_WPA_WPA2_PSK = 4
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202

_name = "roost"


def hostname(name=None):
    global _name
    if name is None:
        return _name
    _name = name


def country(code=None):
    return "XX"


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2
    _settings = ({}, {"essid": "ESP", "password": "", "authmode": 0})

    def __init__(self, interface=STA_IF):
        self._interface = interface

    def active(self, on=None):
        if on is not None:
            on = 1 if on else 0
            if self._interface == AP_IF:
                self._tell()
        return _host.wifi_active(self._interface, on)

    def connect(self, ssid=None, key=None, *, bssid=None, **more):
        if not self.active():
            raise OSError("Wifi Not Started")
        if ssid is not None:
            self._settings[0]["essid"] = ssid
            self._settings[0]["password"] = more.get("password", key)
        s = self._settings[0]
        text = lambda x: x.decode() if isinstance(x, (bytes, bytearray)) else x
        _host.wifi_connect(text(s["essid"]), text(s["password"]))

    def disconnect(self):
        _host.wifi_disconnect()

    def isconnected(self):
        if self._interface == AP_IF:
            return False
        return _host.wifi_status() == STAT_GOT_IP

    def status(self, what=None):
        if what == "rssi":
            return -60
        if what == "stations":
            return []
        return _host.wifi_status()

    def scan(self):
        found = []
        for line in _host.wifi_scan().split("\n"):
            if line:
                found.append((line[1:].encode(), b"\x02\x00\x00\x00\x00\x01", 6, -60, int(line[0]), False))
        return found

    def _tell(self):  # what a phone sees of the access point
        s = self._settings[AP_IF]
        key = s["password"] if s["authmode"] else ""
        if s["authmode"] and len(key) < 8:
            raise OSError("Wifi Invalid Password")
        _host.wifi_point(s["essid"], key)

    def ifconfig(self, to=None):
        if to is None:
            if self._interface == AP_IF:
                return ("192.168.4.1", "255.255.255.0", "192.168.4.1", "0.0.0.0")
            if self.isconnected():
                return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")

    def ipconfig(self, what=None, **more):
        if what == "addr4":
            return self.ifconfig()[:2]
        if what == "gw4":
            return self.ifconfig()[2]

    def config(self, what=None, **more):
        s = self._settings[self._interface]
        for name, value in more.items():
            s[{"ssid": "essid", "key": "password", "security": "authmode"}.get(name, name)] = value
        if more and self._interface == AP_IF:
            self._tell()
        if what == "mac":
            return bytes(int(_host.unique_id()[i : i + 2], 16) for i in range(0, 12, 2))
        if what is not None:
            return s.get({"ssid": "essid", "security": "authmode"}.get(what, what))
