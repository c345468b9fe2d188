//go:build !linux

package exchange

import "net/netip"

// batch is for systems that have calls for many datagrams.
type batch struct{}

func newBatch(Conn, int, int) *batch { return nil }

func (*batch) close()                                {}
func (*batch) read() (int, error)                    { return 0, errNoBatch }
func (*batch) datagram(int) ([]byte, netip.AddrPort) { return nil, netip.AddrPort{} }
func (*batch) answer(int, []byte)                    {}
func (*batch) full() bool                            { return false }
func (*batch) flush() int                            { return 0 }
