package pyaiot

// Pair is one resource and its value, a JSON text.
type Pair struct {
	Name  string
	Value string
}

// fewPairs is up to where looking through all of them beats a map.
const fewPairs = 16

// Pairs reads the data of a node's update in order. A name that comes twice keeps
// its first place and its last value. ok is false when data is no object.
func Pairs(data []byte) (pairs []Pair, ok bool) {
	if len(data) == 0 || data[0] != '{' {
		return nil, false
	}
	var at map[string]int // beyond fewPairs
	_, ok = eachPair(data, 0, 0, func(p member) {
		name, value := inner(data[p.key:p.keyEnd], p.escaped), string(data[p.value:p.valueEnd])
		if i := find(pairs, at, name); i >= 0 {
			pairs[i].Value = value
			return
		}
		pairs = append(pairs, Pair{Name: string(name), Value: value})
		switch n := len(pairs); {
		case at != nil:
			at[string(name)] = n - 1
		case n > fewPairs:
			at = make(map[string]int, 2*n)
			for i := range pairs {
				at[pairs[i].Name] = i
			}
		}
	})
	return pairs, ok
}

// find gives the place of a name, -1 if it has none; at is nil while there are few.
func find(pairs []Pair, at map[string]int, name []byte) int {
	if at != nil {
		if i, seen := at[string(name)]; seen {
			return i
		}
		return -1
	}
	for i := range pairs {
		if pairs[i].Name == string(name) {
			return i
		}
	}
	return -1
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
