package mqttsn

import (
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// register takes REGISTER. The same name always gets the same id: some clients ask
// before each PUBLISH.
func (l *lane) register(c *client, p *packet) {
	m, err := mqttsn.ReadRegister(p.body)
	if err == nil {
		err = mqtt.ValidTopic(m.Name)
	}
	if !l.sound(p, err) {
		if len(p.body) >= 4 {
			reply(l, p, mqttsn.Regack{MsgID: m.MsgID, Code: mqttsn.NotSupported})
		}
		return
	}
	id := l.nameTopic(c, m.Name)
	if id == 0 {
		reply(l, p, mqttsn.Regack{MsgID: m.MsgID, Code: mqttsn.Congestion})
		return
	}
	reply(l, p, mqttsn.Regack{TopicID: id, MsgID: m.MsgID})
}
