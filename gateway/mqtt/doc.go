// Package mqtt is the door for MQTT clients: things of Pyaiot's topic tree and of our
// own, and programs that watch and command things. Behind it stands a broker of our
// own (gateway/broker), and one outside if there is one. docs/protocols/mqtt.md has
// the topics.
//
//	 things, programs                    things
//	        │                              │
//	  conn*.go, listen*.go         an outside broker
//	        │                              │
//	┌───────┴────────┐             ┌───────┴────────┐
//	│ gateway/broker │             │ gateway/       │
//	│  Take ↓ ↑ say  │             │ mqttclient     │
//	└───────┬────────┘             └───────┬────────┘
//	        └──────────┐    ┌──────────────┘
//	              ┌────┴────┴─────┐
//	              │ nodes: topics │      who is it, what does it say
//	              └───────┬───────┘
//	                 gateway.Core
package mqtt
