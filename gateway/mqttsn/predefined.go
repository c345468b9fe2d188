package mqttsn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/roost-iot/roost/wire/mqtt"
)

// ReadPredefined reads predefined topics: a line each, with the id, 1 to 65534, white
// space, and the topic. Lines that are empty or begin with # are ignored. The error
// tells every line that is wrong.
func ReadPredefined(r io.Reader) (map[uint16]string, error) {
	topics := map[uint16]string{}
	var faults []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		id, topic, err := predefined(line)
		if _, twice := topics[id]; err == nil && twice {
			err = fmt.Errorf("id %d has a topic already", id)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		topics[id] = topic
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, fmt.Errorf("read predefined topics: %w", err))
	}
	return topics, errors.Join(faults...)
}

func predefined(line string) (id uint16, topic string, err error) {
	at := strings.IndexAny(line, " \t")
	if at < 0 {
		return 0, "", errors.New("there must be an id and a topic")
	}
	number, err := strconv.ParseUint(line[:at], 10, 16)
	if err != nil || number == 0 || number > maxTopicID {
		return 0, "", fmt.Errorf("%q is no id: it must be a number from 1 to %d", line[:at], maxTopicID)
	}
	topic = strings.TrimSpace(line[at:])
	return uint16(number), topic, mqtt.ValidTopic(topic)
}
