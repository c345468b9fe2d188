// A program with a token that speaks MQTT over WebSocket by mqtt.js.
// program.mjs URL VERSION TOKEN FILTER: prints "connected", "message TOPIC RETAIN PAYLOAD";
// a line "set TOPIC PAYLOAD" on its standard input publishes, and prints "done CODE".
import { createInterface } from 'node:readline';

import { connect } from 'mqtt';
const [url, version, token, filter] = process.argv.slice(2);
const v5 = version === '5';
const client = connect(url, { protocolVersion: v5 ? 5 : 4, username: 'program', password: token, reconnectPeriod: 0 });
const say = (...words) => console.log(words.join(' '));

client.on('error', (e) => say('error', e.code ?? '', e.message));
client.on('close', () => say('closed'));
client.on('message', (topic, payload, packet) => {
  const correlation = packet.properties?.correlationData?.toString() ?? '-';
  say('message', topic, packet.retain ? 1 : 0, correlation, payload.toString());
});
client.on('connect', () => {
  say('connected');
  const filters = v5 ? [filter, 'answers/of/mqttjs'] : [filter];
  client.subscribe(filters, { qos: 1 }, (err, granted) => say('subscribed', err ? err.message : granted.map((g) => g.qos).join(',')));
});
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [what, topic, payload] = line.split(' ');
    if (what !== 'set') return;
    const properties = v5 ? { responseTopic: 'answers/of/mqttjs', correlationData: Buffer.from('c-1') } : undefined;
    client.publish(topic, payload, { qos: 1, properties }, (err, packet) => say('done', err ? (err.code ?? err.message) : (packet?.reasonCode ?? 0)));
  })
  .on('close', () => client.end(false, () => process.exit(0)));
