//go:build !purego

#include "textflag.h"

// HALVES makes a table of 16 bytes twice, one for each half of a register; a has its
// low 8 bytes. EACH makes 32 times the same byte.
#define HALVES(name, a, b) \
	DATA name<>+0(SB)/8, $a; \
	DATA name<>+8(SB)/8, $b; \
	DATA name<>+16(SB)/8, $a; \
	DATA name<>+24(SB)/8, $b; \
	GLOBL name<>(SB), RODATA|NOPTR, $32
#define EACH(name, a) HALVES(name, a, a)

// classLow and classHigh have, for each half of a byte, the classes that bytes with
// this half are of. A byte is of those that both its halves name: bits 0 to 3 are
// characters that may follow a backslash, bits 4 and 5 hexadecimal digits.
HALVES(classLow, 0x10343838303d3010, 0x0104000200001010)
HALVES(classHigh, 0x0824022010010000, 0x0000000000000000)

// beforeHigh, beforeLow and hereHigh have the faults that two neighbours may have as
// UTF-8, by the halves of the byte before, and the high half of the byte here. Those
// that all three name are there. But bit 7, two bytes that both go on with a rune, is
// right where a rune of three or four bytes began just before, and nowhere else.
//
// Bits: 0 a rune is cut short; 1 a byte goes on with no rune; 2 three bytes for what
// two can say; 3 above U+10FFFF; 4 a surrogate; 5 two bytes for what one can say;
// 6 four bytes for what three can say, or far above U+10FFFF.
HALVES(beforeHigh, 0x0202020202020202, 0x4915012180808080)
HALVES(beforeLow, 0xcbcbcb8b8383a3e7, 0xcbcbdbcbcbcbcbcb)
HALVES(hereHigh, 0x0101010101010101, 0x01010101babaaee6)

// What begins a rune of at least three, or of four bytes keeps its top bit when these
// are taken away; nothing else does.
EACH(three, 0x6060606060606060)
EACH(four, 0x7070707070707070)

// lastWhole has the highest byte that may stand at each place of the second half of a
// block if no rune is to reach over its end.
DATA lastWhole<>+0(SB)/8, $0xffffffffffffffff
DATA lastWhole<>+8(SB)/8, $0xffffffffffffffff
DATA lastWhole<>+16(SB)/8, $0xffffffffffffffff
DATA lastWhole<>+24(SB)/8, $0xbfdfefffffffffff
GLOBL lastWhole<>(SB), RODATA|NOPTR, $32

EACH(nibbles, 0x0f0f0f0f0f0f0f0f)
EACH(hexes, 0x3030303030303030)
EACH(tops, 0x8080808080808080)
EACH(quotes, 0x2222222222222222)
EACH(slashes, 0x5c5c5c5c5c5c5c5c)
EACH(spaces, 0x2020202020202020)
EACH(ens, 0x6e6e6e6e6e6e6e6e)
EACH(yous, 0x7575757575757575)

// MASK makes a mask of what is all ones in the bytes of low and high. It spoils r.
#define MASK(low, high, mask, r) \
	VPMOVMSKB low, mask; \
	VPMOVMSKB high, r; \
	SHLQ $32, r; \
	ORQ r, mask

// FAULTS leaves all ones in the bytes of ok where x has no fault as UTF-8. high is the
// high half of each byte of x, before its low half, in its high half, what stands
// before x. It needs Y11 = nibbles and Y10 = 0, and spoils Y6 and Y7.
#define FAULTS(x, high, before, ok) \
	VPALIGNR $15, before, x, ok; \
	VPSRLW $4, ok, Y6; \
	VPAND Y11, Y6, Y6; \
	VMOVDQU beforeHigh<>(SB), Y7; \
	VPSHUFB Y6, Y7, Y6; \
	VPAND Y11, ok, ok; \
	VMOVDQU beforeLow<>(SB), Y7; \
	VPSHUFB ok, Y7, ok; \
	VPAND ok, Y6, Y6; \
	VMOVDQU hereHigh<>(SB), Y7; \
	VPSHUFB high, Y7, Y7; \
	VPAND Y7, Y6, Y6; \
	VPALIGNR $14, before, x, ok; \
	VPSUBUSB three<>(SB), ok, ok; \
	VPALIGNR $13, before, x, Y7; \
	VPSUBUSB four<>(SB), Y7, Y7; \
	VPOR Y7, ok, ok; \
	VPAND tops<>(SB), ok, ok; \
	VPXOR Y6, ok, ok; \
	VPCMPEQB Y10, ok, ok

// func pass(text []byte) int
//
// SI	where text begins
// DI	the block: its first byte is plain, begins a unit, or is the second of an escape
// R8	the last place where a block may begin
// R12	1 if the block's first byte is the second of an escape, else 0
// R9	the same for the next block
// Y0, Y1	the block
//
// In the masks: AX backslashes, BX second bytes of escapes, CX what to stop at.
TEXT ·pass(SB), NOSPLIT, $0-32
	MOVQ text_base+0(FP), SI
	MOVQ text_len+8(FP), R8
	XORL AX, AX
	SUBQ $64, R8
	JLT  nothing
	ADDQ SI, R8
	MOVQ SI, DI
	XORL R9, R9
	VMOVDQU slashes<>(SB), Y15
	VMOVDQU quotes<>(SB), Y14
	VMOVDQU spaces<>(SB), Y13
	VMOVDQU ens<>(SB), Y12
	VMOVDQU nibbles<>(SB), Y11
	PCALIGN $32

next:
	CMPQ DI, R8
	JHI  done
	VMOVDQU (DI), Y0
	VMOVDQU 32(DI), Y1
	VPCMPEQB Y0, Y15, Y2
	VPCMPEQB Y1, Y15, Y3
	VPCMPEQB Y0, Y14, Y4
	VPCMPEQB Y1, Y14, Y5

	// Seen as signed numbers, control characters and what is outside ASCII are both
	// below the space.
	VPCMPGTB Y0, Y13, Y6
	VPCMPGTB Y1, Y13, Y7
	VPCMPEQB Y0, Y12, Y8
	VPCMPEQB Y1, Y12, Y9
	VPOR Y4, Y6, Y6
	VPOR Y5, Y7, Y7
	VPOR Y4, Y8, Y8
	VPOR Y5, Y9, Y9
	MASK(Y2, Y3, AX, BX)
	MASK(Y6, Y7, CX, DX)
	MASK(Y8, Y9, R10, R11)
	MOVQ R9, R12

	// Where no two backslashes stand in a row, each begins an escape.
	LEAQ (R9)(AX*2), BX
	MOVQ AX, R9
	SHRQ $63, R9
	TESTQ AX, BX
	JNE  row

escaped:
	// The escapes seen most are taken here: \" \\ \n.
	ORQ   AX, R10
	ANDNQ CX, BX, CX
	ANDNQ BX, R10, R10
	ORQ   CX, R10
	JNE   odd
	ADDQ  $64, DI
	JMP   next

row:
	// In a row of backslashes each second one is escaped. DX are those that the block
	// before does not escape. To take them from the places behind them borrows from
	// the first of a row through to its end, and leaves every second bit: odd has
	// rows that begin at odd places begin like the others.
	MOVQ  $0xaaaaaaaaaaaaaaaa, R13
	ANDNQ AX, R12, DX
	LEAQ  (DX)(DX*1), R11
	ORQ   R13, R11
	SUBQ  DX, R11
	XORQ  R13, R11
	MOVQ  AX, BX
	ORQ   R12, BX
	XORQ  R11, BX
	ANDQ  AX, R11
	MOVQ  R11, R9
	SHRQ  $63, R9
	JMP   escaped

odd:
	// Most often the string ends here: at a quote, or at a control character.
	TZCNTQ  R10, R13
	BTQ     R13, CX
	JCC     look
	MOVBLZX (DI)(R13*1), R11
	TESTB   $0x80, R11
	JNE     look
	ADDQ    R13, DI
	MOVQ    DI, AX
	SUBQ    SI, AX
	JMP     out

look:
	// R10 is what is outside ASCII from here on.
	MASK(Y0, Y1, R10, R11)
	ANDNQ CX, R10, CX

	// Stop at what is escaped and must not be.
	VPXOR Y10, Y10, Y10
	VPSRLW $4, Y0, Y2
	VPSRLW $4, Y1, Y3
	VPAND Y11, Y2, Y2
	VPAND Y11, Y3, Y3
	VMOVDQU classLow<>(SB), Y6
	VMOVDQU classHigh<>(SB), Y7
	VPSHUFB Y0, Y6, Y4
	VPSHUFB Y1, Y6, Y5
	VPSHUFB Y2, Y7, Y6
	VPSHUFB Y3, Y7, Y7
	VPAND Y6, Y4, Y4
	VPAND Y7, Y5, Y5
	VPAND Y11, Y4, Y6
	VPAND Y11, Y5, Y7
	VPCMPEQB Y10, Y6, Y6
	VPCMPEQB Y10, Y7, Y7
	MASK(Y6, Y7, R11, R13)
	ANDQ BX, R11
	ORQ  R11, CX

	// DX are the u of escapes without four hexadecimal digits.
	VPCMPEQB yous<>(SB), Y0, Y6
	VPCMPEQB yous<>(SB), Y1, Y7
	MASK(Y6, Y7, DX, R13)
	ANDQ BX, DX
	JEQ  runes
	VPAND hexes<>(SB), Y4, Y4
	VPAND hexes<>(SB), Y5, Y5
	VPCMPEQB Y10, Y4, Y4
	VPCMPEQB Y10, Y5, Y5
	MASK(Y4, Y5, AX, R13)
	NOTQ AX
	SHRQ $1, AX
	MOVQ AX, R11
	SHRQ $1, R11
	ANDQ R11, AX
	MOVQ AX, R11
	SHRQ $2, R11
	ANDQ R11, AX
	ANDNQ DX, AX, DX
	ORQ  DX, CX

runes:
	// R10 are the places of faults from here on, R11 those where a rune begins that
	// reaches over the end of the block, or an escape.
	XORL  R11, R11
	TESTQ R10, R10
	JEQ   judge
	VPERM2I128 $0x08, Y0, Y0, Y4
	VPERM2I128 $0x21, Y1, Y0, Y5
	FAULTS(Y0, Y2, Y4, Y8)
	FAULTS(Y1, Y3, Y5, Y9)
	MASK(Y8, Y9, R10, R13)
	NOTQ R10
	VPSUBUSB lastWhole<>(SB), Y1, Y4
	VPCMPEQB Y10, Y4, Y4
	VPMOVMSKB Y4, R11
	NOTL R11
	SHLQ $32, R11
	ORQ  R11, CX
	ORQ  R10, CX

judge:
	TESTQ CX, CX
	JNE   stop
	ADDQ  $64, DI
	JMP   next

stop:
	// The caller finds out where what has a fault begins: it was before it.
	TZCNTQ CX, R13
	MOVQ   R12, R9
	BTQ    R13, R10
	JCS    done

	// The unit that there is to stop at begins at the backslash, if there is one. If
	// it only reaches over the end, go on from there.
	MOVQ $0xf000000000000000, AX
	ANDQ AX, DX
	ORQ  DX, R11
	XORL R9, R9
	MOVQ R13, AX
	BTQ  R13, BX
	SBBQ $0, AX
	ADDQ AX, DI
	BTQ  R13, R11
	JCS  next

done:
	// An escape that was begun is not passed.
	SUBQ R9, DI
	MOVQ DI, AX
	SUBQ SI, AX

out:
	VZEROUPPER

nothing:
	MOVQ AX, ret+24(FP)
	RET

// func cpuid(leaf uint32) (a, b, c uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	XORL CX, CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	RET

// func xgetbv() uint32
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, ret+0(FP)
	RET
