// Package desk is a board on a desk with a server beside it, both in memory: Roost's own
// runtime unchanged on the real MicroPython, and a small server of docs/protocols/agent.md
// that can be told to misbehave. Tests of the runtime stand on it, and so does whoever
// tries an app without a board.
//
//	server := desk.NewServer(desk.ServerConfig{})
//	defer server.Close()
//	board, err := desk.NewBoard(desk.BoardConfig{Server: server})
//	board.Start()
//	defer board.Stop()
//	board.Thing().Offer(desk.App("2", map[string]string{"app.py": "..."}))
//	view, err := board.Thing().Wait(ctx, "running version 2", func(v desk.View) bool { return v.App() == "2" })
//
// With a micropython.Clock given to both, waiting takes no time.
package desk
