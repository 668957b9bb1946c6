package pdf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const (
	wasmPage = 64 << 10
	// startTime bounds the making of an instance, once the code is compiled.
	startTime = 30 * time.Second
	// scratchBytes is room in PDFium's memory for what calls return through pointers.
	scratchBytes = 2048
	// largestMemory is 4 GiB less a page, in pages.
	largestMemory = 65535
	// spare is how close to its end memory counts as full.
	spare = 16 << 20
)

var errEngine = errors.New("PDFium does not have what is used of it")

// trap is the error of a function that did not return: PDFium's memory is then in no
// state to go on with.
type trap struct{ err error }

func (t *trap) Error() string { return "PDFium stopped: " + t.why() }

func (t *trap) Unwrap() error { return t.err }

// why is the reason without the stack, which is long.
func (t *trap) why() string {
	first, _, _ := strings.Cut(t.err.Error(), "\n")
	return first
}

// engine is one PDFium, in memory of its own. Its functions are called directly, by their
// C names: the module's own wrappers take and free memory for each result, which makes
// the place of a letter ten times as dear.
type engine struct {
	pool      pdfium.Pool
	instance  pdfium.Pdfium
	cache     io.Closer
	module    api.Module
	memory    api.Memory
	limit     int64
	files     fileAccess
	functions map[string]api.Function
	scratch   uint64 // an address
	// text is the address of room for textBytes of text.
	text, textBytes uint64
	stack           [8]uint64
}

// fileAccess is how PDFium is given a file that it reads piece by piece.
type fileAccess interface {
	CreateFileAccessReader(size int64, from io.ReadSeeker) (access *uint64, index *uint32, err error)
}

// startEngine compiles PDFium, or loads what was compiled before, and starts it.
func startEngine(ctx context.Context, o Options) (*engine, error) {
	pages := min(max(o.Memory/wasmPage, 1), largestMemory)
	settings := wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(uint32(pages))
	e := &engine{limit: pages * wasmPage, functions: map[string]api.Function{}}
	if o.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(o.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("the cache of compiled code: %w", err)
		}
		settings = settings.WithCompilationCache(cache)
		e.cache = closer(func() error { return cache.Close(ctx) })
	}
	err := e.start(ctx, settings)
	if err != nil {
		e.close()
		return nil, fmt.Errorf("start PDFium: %w", err)
	}
	return e, nil
}

type closer func() error

func (c closer) Close() error { return c() }

func (e *engine) start(ctx context.Context, settings wazero.RuntimeConfig) (err error) {
	e.pool, err = webassembly.Init(webassembly.Config{
		MaxIdle: 1, MaxTotal: 1, RuntimeConfig: settings,
		FSConfig: wazero.NewFSConfig(), // no files; its default is all there are
		Stdout:   io.Discard, Stderr: io.Discard,
	})
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if e.instance, err = e.pool.GetInstanceWithContext(limited); err != nil {
		return err
	}
	if err := e.findModule(); err != nil {
		return err
	}
	e.scratch, err = e.call(ctx, "malloc", scratchBytes)
	if err == nil && e.scratch == 0 {
		err = errEngine
	}
	return err
}

// findModule finds the module behind the instance.
func (e *engine) findModule() error {
	implementation := e.instance.GetImplementation()
	files, isFiles := implementation.(fileAccess)
	field := reflect.Indirect(reflect.ValueOf(implementation)).FieldByName("Module")
	if !isFiles || !field.IsValid() || !field.CanInterface() {
		return errEngine
	}
	module, isModule := reflect.TypeAssert[api.Module](field)
	if !isModule {
		return errEngine
	}
	e.files, e.module, e.memory = files, module, module.Memory()
	return nil
}

func (e *engine) close() {
	if e.instance != nil {
		_ = e.instance.Close()
	}
	if e.pool != nil {
		_ = e.pool.Close()
	}
	if e.cache != nil {
		_ = e.cache.Close()
	}
}

// full reports whether PDFium has all the memory that there is.
func (e *engine) full() bool { return int64(e.memory.Size()) > e.limit-spare }

// call calls a function of PDFium by its C name. An error is a *trap, or that there is no
// such function.
func (e *engine) call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	f, ok := e.functions[name]
	if !ok {
		if f = e.module.ExportedFunction(name); f == nil {
			return 0, errEngine
		}
		e.functions[name] = f
	}
	copy(e.stack[:], args)
	if err := f.CallWithStack(ctx, e.stack[:]); err != nil {
		return 0, &trap{err}
	}
	return e.stack[0], nil
}

// count is call for a function that returns an int, of which those below 0 are errors.
func (e *engine) count(ctx context.Context, name string, args ...uint64) (int, error) {
	n, err := e.call(ctx, name, args...)
	return max(0, int(api.DecodeI32(n))), err
}

// bytes returns memory as it is until the next call.
func (e *engine) bytes(at, n uint64) ([]byte, error) {
	p, ok := e.memory.Read(uint32(at), uint32(n)) //nolint:gosec // addresses are of 32 bits
	if !ok {
		return nil, &trap{errors.New("an address is beyond the memory")}
	}
	return p, nil
}

// room returns the address of room for n bytes of text.
func (e *engine) room(ctx context.Context, n uint64) (uint64, error) {
	if n <= e.textBytes {
		return e.text, nil
	}
	if e.text != 0 {
		if _, err := e.call(ctx, "free", e.text); err != nil {
			return 0, err
		}
		e.text, e.textBytes = 0, 0
	}
	at, err := e.call(ctx, "malloc", n)
	if err != nil {
		return 0, err
	}
	if at == 0 {
		return 0, &trap{errors.New("no memory for the text")}
	}
	e.text, e.textBytes = at, n
	return at, nil
}

// utf16 returns n units of text in memory, a copy.
func (e *engine) utf16(at uint64, n int) ([]uint16, error) {
	p, err := e.bytes(at, 2*uint64(n)) //nolint:gosec // not below 0
	if err != nil {
		return nil, err
	}
	units := make([]uint16, n)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(p[2*i:])
	}
	return units, nil
}

// floats returns the four floats at the scratch address.
func (e *engine) floats() (f [4]float64, err error) {
	p, err := e.bytes(e.scratch, 16)
	if err != nil {
		return f, err
	}
	for i := range f {
		f[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:])))
	}
	return f, nil
}
