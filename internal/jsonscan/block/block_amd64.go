//go:build !purego

package block

// usable says that the processor has what pass needs. It is found out once: CPUID
// takes microseconds on a virtual machine.
var usable = hasAVX2() //nolint:gochecknoglobals // a property of the processor, never written again

// hasAVX2 reports whether the processor has AVX2 and BMI1, and the system keeps the
// wide registers when it switches threads.
func hasAVX2() bool {
	const (
		features, more   = 1, 7   // leaves of CPUID
		osxsave, avx     = 27, 28 // bits of features, in ECX
		bmi1, avx2       = 3, 5   // bits of more, in EBX
		keptSSE, keptAVX = 1, 2   // bits of the extended control register 0
	)
	has := func(word uint32, bits ...int) bool {
		for _, bit := range bits {
			if word>>bit&1 == 0 {
				return false
			}
		}
		return true
	}
	last, _, _ := cpuid(0)
	if last < more {
		return false
	}
	_, _, c := cpuid(features)
	_, b, _ := cpuid(more)
	return has(c, osxsave, avx) && has(xgetbv(), keptSSE, keptAVX) && has(b, bmi1, avx2)
}

// pass is Pass.
//
//go:noescape
func pass(text []byte) int

// cpuid returns what the first leaf of CPUID of that number has in EAX, EBX and ECX.
//
//go:noescape
func cpuid(leaf uint32) (a, b, c uint32)

// xgetbv returns the low half of the extended control register 0. It needs OSXSAVE.
//
//go:noescape
func xgetbv() uint32
