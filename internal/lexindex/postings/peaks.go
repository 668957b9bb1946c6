package postings

// Peaks are up to four pairs of a frequency and a length code that bound those of a
// block: for each posting there is a pair with at least its frequency and at most its
// length. A frequency of MostFrequent stands for all from there on, one of 0 for no pair.
type Peaks uint64

const (
	// PeakCount is how many pairs Peaks have room for.
	PeakCount = 4
	// MostFrequent is the frequency that also stands for all higher ones.
	MostFrequent = 255
)

// At returns pair i.
func (p Peaks) At(i int) (frequency, length uint8) {
	pair := uint64(p) >> (16 * i)
	return low8(pair), low8(pair >> 8)
}

// frontierRoom is how many pairs are told apart while a block is gathered.
const frontierRoom = 16

// frontier gathers the pairs that no other one outdoes. Frequencies and lengths both
// ascend: one that is more frequent and shorter would outdo the one before.
type frontier struct {
	frequency, length [frontierRoom]uint8
	n                 int
}

func (f *frontier) reset() { f.n = 0 }

// add takes a posting into account.
func (f *frontier) add(frequency, length uint8) {
	at := 0
	for at < f.n && f.frequency[at] < frequency {
		at++
	}
	if at < f.n && f.length[at] <= length {
		return // outdone
	}
	from, to := at, at
	for from > 0 && f.length[from-1] >= length {
		from--
	}
	if at < f.n && f.frequency[at] == frequency {
		to++
	}
	if from == to && f.n == frontierRoom {
		f.join()
		f.add(frequency, length)
		return
	}
	n := f.n + 1 - (to - from)
	copy(f.frequency[from+1:n], f.frequency[to:f.n])
	copy(f.length[from+1:n], f.length[to:f.n])
	f.frequency[from], f.length[from], f.n = frequency, length, n
}

// join puts one pair in the place of two neighbours, with the frequency of the one and
// the length of the other; of those neighbours that lose the least by it.
func (f *frontier) join() {
	best, least := 0, int(^uint(0)>>1)
	for i := range f.n - 1 {
		loss := int(f.frequency[i+1]-f.frequency[i]) * int(f.length[i+1]-f.length[i])
		if loss < least {
			best, least = i, loss
		}
	}
	f.frequency[best] = f.frequency[best+1]
	copy(f.frequency[best+1:f.n-1], f.frequency[best+2:f.n])
	copy(f.length[best+1:f.n-1], f.length[best+2:f.n])
	f.n--
}

// peaks returns what was gathered, in as many pairs as there is room for.
func (f *frontier) peaks() Peaks {
	for f.n > PeakCount {
		f.join()
	}
	var p Peaks
	for i := f.n - 1; i >= 0; i-- {
		p = p<<16 | Peaks(f.length[i])<<8 | Peaks(f.frequency[i])
	}
	return p
}
