package mqtt

// transport is what the door's listeners and connections need.
type transport struct{}

// closeConns ends all connections and waits for them.
func (d *Door) closeConns() {}
