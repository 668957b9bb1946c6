package estimate

import (
	"math"
	"sync"
)

// Mode says how careful an estimate is.
type Mode uint8

// The modes.
const (
	// Expected estimates what a call will cost on average. Used with the margin
	// of Outstanding, the sum of many is right.
	Expected Mode = iota
	// Hard estimates the most that a call can cost, so that no sum can be too
	// low. Most of that is given back when the calls end.
	Hard
)

const (
	// usualRatio is how many tokens a byte of a body gives before anything was
	// learned, lowestRatio and highestRatio what it is held to. No tokenizer makes
	// more tokens than bytes.
	usualRatio   = 1 / 3.5
	lowestRatio  = 1.0 / 12
	highestRatio = 1.0
	// hardRatio is the least that counts as the highest ratio.
	hardRatio = 0.5
	// usualOutput is the answer's tokens before anything was learned, longOutput
	// the least that counts as the most output.
	usualOutput = 512
	longOutput  = 4096
	// mostTokens is the most that a number of bytes or tokens counts for, so that
	// sums stay numbers.
	mostTokens = math.MaxInt32

	// ratioWeight and outputWeight are how many calls the initial value counts
	// for. A mean of outputs that moves fast would be wrong at the start, when
	// only the short answers are over; and what moves makes errors of its own.
	ratioWeight  = 8
	outputWeight = 64
	// ratioMemory and outputMemory are how many calls a mean goes back.
	ratioMemory  = 256
	outputMemory = 1024
	// farRatio and farOutput are by what factor a value may be off a mean and
	// still count as it is. One beyond counts as one at the border.
	farRatio  = 2
	farOutput = 8
	// recently is over how many calls the highest ratio is remembered, at least.
	recently = 256
)

// Key says whose call it is.
type Key struct{ App, Model string }

// Cost is what a call is expected to cost, in tokens.
type Cost struct {
	// Input and Output are tokens of the prompt and of the answer.
	Input, Output int
	// Prior is Input and an answer as it is expected before any is known: 512
	// tokens, or fewer if the client allows fewer. It does not move as Output does,
	// so errors can be measured from it over a long time.
	Prior int
	// Most is the most that the call will cost, prompt and answer together, as far
	// as that is known.
	Most int
}

// Tokens is the sum of Input and Output.
func (c Cost) Tokens() int { return c.Input + c.Output }

// Tokens learns what calls cost. It may be used by several goroutines at once.
// It keeps the 4096 models, and the 4096 pairs of app and model, that were
// learned last; nothing is kept for one that was only asked for.
//
// Whoever makes many calls of one Key keeps its Caller, so that nothing is looked
// up for each.
type Tokens struct {
	mode Mode

	mu      sync.Mutex
	models  table[string, model]
	outputs table[Key, mean]
}

// Caller is the calls of one Key, as Tokens knows them. It may be used by several
// goroutines at once.
type Caller struct {
	tokens *Tokens
	key    Key

	// What was learned of the model and of the caller's outputs, under the mutex of
	// tokens; nil before anything was.
	model *named[string, model]
	own   *named[Key, mean]
}

// model is what is learned of a model from all apps.
type model struct {
	ratio   mean
	highest recentMost
	output  mean
	most    int // the most output ever
}

func (m *model) begin() {
	m.ratio, m.output = mean{value: usualRatio, weight: ratioWeight}, mean{value: usualOutput, weight: outputWeight}
}

// NewTokens returns a Tokens that has learned nothing yet.
func NewTokens(mode Mode) *Tokens { return &Tokens{mode: mode} }

// Of returns a Caller of key. All of one key know the same.
func (t *Tokens) Of(key Key) *Caller {
	return &Caller{tokens: t, key: key}
}

// Key says whose calls they are.
func (c *Caller) Key() Key { return c.key }

// Estimate says what a call will cost whose body has so many bytes and whose
// client allows at most maxTokens of output, for all choices together; 0 if it
// does not say.
//
// In mode Expected that is the mean: the bytes times the model's ratio of
// tokens to bytes, and the mean output of the app's calls of that model, or
// of all calls of the model, or 512, but not more than maxTokens. In mode Hard it
// is the most: the bytes times the highest ratio seen lately, at least 1/2, and
// maxTokens, or the most output that the model ever gave, at least 4096.
//
// Most is the same in both modes, but that mode Expected does not take the
// client's word for more than the model ever gave.
//
// It looks at the length of the body only, so it takes constant time. A body
// that holds more than text, such as an image, counts for too much, unless the
// caller leaves that out of the bytes.
func (c *Caller) Estimate(bytes, maxTokens int) Cost {
	ratio, output := usualRatio, float64(usualOutput)
	highest, longest := hardRatio, longOutput
	t := c.tokens
	t.mu.Lock()
	c.model, c.own = t.models.look(c.model, c.key.Model), t.outputs.look(c.own, c.key)
	if c.model != nil {
		m := &c.model.value
		ratio, output = m.ratio.value, m.output.value
		highest, longest = max(highest, m.highest.value()), max(longest, m.most)
	}
	if c.own != nil {
		output = c.own.value.value
	}
	t.mu.Unlock()
	if t.mode == Hard {
		return hardest(tokens(bytes, highest), longest, maxTokens)
	}
	cost := Cost{Input: tokens(bytes, ratio), Output: int(math.Ceil(output))}
	prior := usualOutput
	if maxTokens > 0 {
		cost.Output, prior, longest = min(cost.Output, maxTokens), min(prior, maxTokens), min(longest, maxTokens)
	}
	cost.Prior = cost.Input + prior
	cost.Most = max(tokens(bytes, highest)+longest, cost.Prior, cost.Tokens())
	return cost
}

// hardest is the cost of a call with so much input, if longest is the most
// output that one ever had that was not limited by its client.
func hardest(input, longest, maxTokens int) Cost {
	c := Cost{Input: input, Output: longest}
	if maxTokens > 0 {
		c.Output = min(maxTokens, mostTokens)
	}
	c.Prior, c.Most = c.Tokens(), c.Tokens()
	return c
}

func tokens(bytes int, ratio float64) int {
	return int(math.Ceil(float64(min(max(bytes, 0), mostTokens)) * ratio))
}

// Learn tells what a call cost whose body had so many bytes. Bytes or input of 0
// or less, or an output of less than 0, teach nothing.
func (c *Caller) Learn(bytes, input, output int) {
	t := c.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	c.model = t.models.use(c.model, c.key.Model, (*model).begin)
	m := &c.model.value
	if bytes > 0 && input > 0 {
		m.learnRatio(float64(input) / float64(bytes))
	}
	if output < 0 {
		return
	}
	c.own = t.outputs.use(c.own, c.key, func(own *mean) { *own = mean{value: m.output.value, weight: outputWeight} })
	c.own.value.learnOutput(output)
	m.output.learnOutput(output)
	m.most = max(m.most, min(output, mostTokens))
}

// learnRatio is robust: a value that is far off, as of a body that is mostly an
// image or of a prompt that is kept elsewhere, moves the mean little.
func (m *model) learnRatio(ratio float64) {
	m.highest.add(min(ratio, highestRatio))
	now := m.ratio.value
	m.ratio.add(min(max(ratio, now/farRatio), now*farRatio), ratioMemory)
	m.ratio.value = min(max(m.ratio.value, lowestRatio), highestRatio)
}

// mean is a running mean that forgets.
type mean struct {
	value float64
	// weight is how many values it goes back.
	weight float64
}

// add learns x; the mean goes back at most so many values as memory says.
func (m *mean) add(x, memory float64) {
	m.weight = min(m.weight+1, memory)
	m.value += (x - m.value) / m.weight
}

func (m *mean) learnOutput(output int) {
	far := farOutput * max(m.value, 1)
	m.add(min(float64(output), far), outputMemory)
}

// recentMost is the largest of the last values: of all since the block before
// this one began, so of recently to 2*recently of them.
type recentMost struct {
	block, before float64
	values        int // in this block
}

func (r *recentMost) add(x float64) {
	if r.values == recently {
		r.before, r.block, r.values = r.block, 0, 0
	}
	r.block = max(r.block, x)
	r.values++
}

func (r *recentMost) value() float64 { return max(r.block, r.before) }
