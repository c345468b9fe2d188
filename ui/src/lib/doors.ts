// Doors in words.
const names: Record<string, string> = {
  coap: "CoAP",
  coaps: "CoAP with DTLS",
  ws: "WebSocket",
  mqtt: "MQTT",
  mqttsn: "MQTT-SN",
  pythings: "PythingsOS",
  board: "boards",
  agent: "Roost’s runtime",
  gw: "Pyaiot",
  pyaiot: "Pyaiot",
  relay: "Roost",
};
export const doorName = (door: string): string => names[door] ?? door;
