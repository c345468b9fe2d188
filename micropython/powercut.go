package micropython

import "errors"

// ErrPowerCut is what ends a board at the change that Flash.Cut named.
var ErrPowerCut = errors.New("power cut")

// Cut is the moment of a power cut.
type Cut int

// A change of the flash is a file that is made, closed or synced after writing,
// removed or renamed, or a folder that is made. On littlefs each is whole or
// not at all, so CutTorn is worse than a board: half of a file's new content is
// there, and it is cut off. For all but writing it is CutBefore.
//
// In a ROM each sector that is erased is a change, and each write; of a torn one
// the first half of the bytes is done, as on a board.
const (
	CutBefore Cut = iota
	CutAfter
	CutTorn
)

type cut struct {
	at  int
	how Cut
}

// Changes counts the changes that programs made.
func (f *Flash) Changes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made
}

// Cut lets the power fail at the n-th change from now, 1 being the next one.
// That ends what runs over the flash with ErrPowerCut, once. 0: it does not fail.
func (f *Flash) Cut(n int, how Cut) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = cut{}
	if n > 0 {
		f.cut = cut{at: f.made + n, how: how}
	}
}

// size is the size in blocks.
func (f *Flash) size() int {
	if f.Size == 0 {
		return flashBlocks
	}
	return max(f.Size/flashBlock, 1)
}
