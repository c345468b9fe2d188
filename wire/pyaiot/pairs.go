package pyaiot

// Pair is one resource and its value, a JSON text.
type Pair struct {
	Name  string
	Value string
}

// Pairs reads the data of a node's update in order. A name that comes twice keeps
// its first place and its last value. ok is false when data is no object.
func Pairs(data []byte) (pairs []Pair, ok bool) {
	if len(data) == 0 || data[0] != '{' {
		return nil, false
	}
	var at map[string]int
	_, ok = eachPair(data, 0, 0, func(p member) {
		name := string(inner(data[p.key:p.keyEnd], p.escaped))
		value := string(data[p.value:p.valueEnd])
		if at == nil {
			at = make(map[string]int, 8)
		}
		if i, seen := at[name]; seen {
			pairs[i].Value = value
			return
		}
		at[name] = len(pairs)
		pairs = append(pairs, Pair{Name: name, Value: value})
	})
	return pairs, ok
}

// Command is what a web client asks of a node.
type Command struct {
	UID, Endpoint string
	Payload       string // JSON text
}

// ParseCommand reads the data of a web client's update. ok is false unless it is
// an object of exactly uid, endpoint (both strings) and payload.
func ParseCommand(data []byte) (c Command, ok bool) {
	pairs, ok := Pairs(data)
	if !ok || len(pairs) != 3 {
		return Command{}, false
	}
	seen := 0
	for _, p := range pairs {
		text := textOf([]byte(p.Value))
		switch {
		case p.Name == "payload":
			c.Payload = p.Value
		case p.Name == "uid" && text != nil:
			c.UID = string(text)
		case p.Name == "endpoint" && text != nil:
			c.Endpoint = string(text)
		default:
			continue
		}
		seen++
	}
	return c, seen == 3
}
