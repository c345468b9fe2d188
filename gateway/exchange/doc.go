// Package exchange carries CoAP requests and responses over UDP sockets that
// its caller opened: a server, a client, or both at once (RFC 7252), with
// block-wise transfer (RFC 7959) and observation (RFC 7641).
//
//	conn, err := net.ListenUDP("udp", &net.UDPAddr{Port: 5683})
//	exchange.ReadBuffer(conn, 4<<20) // bursts need room
//	end := exchange.New(conn, exchange.Config{
//		Handler: func(ctx context.Context, r *exchange.Request) exchange.Response {
//			if r.Options.PathIs("alive") { // r lies in the read buffer: see Request
//				return exchange.Text(coap.Changed, "Received '"+string(r.Payload)+"'")
//			}
//			return exchange.Response{Code: coap.NotFound}
//		},
//	})
//	go end.Run(ctx) // blocks until ctx ends; conn stays the caller's to close
//
//	answer, err := end.Do(ctx, node, exchange.Put("/led", []byte("1")))
//	watch, err := end.Observe(ctx, node, exchange.Get("/time"), func(r exchange.Response) { ... })
//	defer watch.Stop()
//
// A handler runs on the goroutine that reads the socket, so it must be quick. A
// slow one takes a Reply from Request.Later and answers when it can:
//
//	reply := r.Later() // holds its own copy of r in reply.Request
//	go func() { reply.Respond(ctx, work(&reply.Request)) }()
//	return exchange.Response{} // nothing to send now
//
// Remote addresses are netip.AddrPort with IPv4 never mapped into IPv6; Mapped
// gives the other form.
package exchange
