// A serial port for a page: navigator.serial in the browser, what hangs there in this process. `device` is one of
// mock/played*.mjs, or the real MicroPython (serialboard.mjs): attach(say), detach(), hear(bytes), signals(), rate().

export async function plugIn(page, device) {
  let waiting = null;
  let said = [];
  const give = () => {
    if (!waiting || said.length === 0) return;
    const [done, parts] = [waiting, said];
    [waiting, said] = [null, []];
    done(Buffer.from(parts.join(""), "latin1").toString("base64"));
  };
  await page.exposeFunction("__portRead", () => new Promise((done) => ((waiting = done), give())));
  await page.exposeFunction("__portWrite", (text) =>
    device.hear(Buffer.from(text, "base64").toString("latin1")),
  );
  await page.exposeFunction("__portSignals", (s) => device.signals(s));
  await page.exposeFunction("__portOpen", (baud) => {
    said = [];
    device.rate(baud);
    device.attach((text) => (said.push(text), give()));
  });
  await page.exposeFunction("__portClose", () => {
    device.detach();
    said = [];
  });
  await page.addInitScript(inPage, device.usb ?? {});
}

// Runs in the page, before its own scripts.
function inPage(usb) {
  const call = window;
  const text = (bytes) => btoa(String.fromCharCode(...bytes));
  const port = {
    readable: null,
    writable: null,
    getInfo: () => usb,
    setSignals: (s) => call.__portSignals(s),
    async open({ baudRate }) {
      if (this.readable) throw new DOMException("The port is already open.", "InvalidStateError");
      await call.__portOpen(baudRate);
      let going = true;
      let give = null;
      this.stop = () => (going = false);
      const pump = async () => {
        while (going) {
          const got = await (call.__portNext ??= call.__portRead());
          if (!going) return; // it is for who opens next
          call.__portNext = null;
          give.enqueue(Uint8Array.from(atob(got), (c) => c.charCodeAt(0)));
        }
      };
      this.readable = new ReadableStream({
        start: (c) => void ((give = c), pump()),
        cancel: () => this.stop(),
      });
      this.writable = new WritableStream({ write: (bytes) => call.__portWrite(text(bytes)) });
    },
    async close() {
      if (this.readable?.locked || this.writable?.locked)
        throw new TypeError("Cannot close a port with locked streams.");
      this.stop();
      this.readable = this.writable = null;
      await call.__portClose();
    },
  };
  Object.defineProperty(navigator, "serial", {
    value: {
      requestPort: async () => {
        if (window.__noPort) throw new DOMException("No port selected by the user.", "NotFoundError");
        return port;
      },
    },
  });
}
