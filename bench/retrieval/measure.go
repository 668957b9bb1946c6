package retrieval

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// depth is how many documents are asked for.
const depth = 100

// System is what is measured.
type System interface {
	// Add gives it the documents, in one language.
	Add(ctx context.Context, documents []Document) error
	// Find returns the ids of the best documents for a question, the best first.
	Find(ctx context.Context, question string, most int) ([]string, error)
}

// Figures are how well a system did.
type Figures struct {
	// NDCG10 is the normalized discounted cumulative gain of the first ten (Järvelin and
	// Kekäläinen, 2002), with the grade as the gain, as trec_eval has it.
	NDCG10 float64
	// Recall10 and Recall100 are the share of the answers that are among the first.
	Recall10, Recall100 float64
	// Hit10 is the share of questions with an answer among the first ten.
	Hit10 float64
	// MRR is the mean of one over the rank of the first answer, among the first hundred.
	MRR float64

	Questions int
	Adding    time.Duration
	Bytes     int64           // of the documents
	Times     []time.Duration // of the questions, in order
}

// Measure gives a system a collection and asks it all questions.
func Measure(ctx context.Context, s System, c *Collection) (Figures, error) {
	var f Figures
	for _, d := range c.Documents {
		f.Bytes += int64(len(d.Title) + len(d.Text))
	}
	began := time.Now()
	if err := s.Add(ctx, c.Documents); err != nil {
		return Figures{}, err
	}
	f.Adding = time.Since(began)
	for _, q := range c.Questions {
		asked := time.Now()
		found, err := s.Find(ctx, q.Text, depth)
		if err != nil {
			return Figures{}, fmt.Errorf("question %s: %w", q.ID, err)
		}
		f.Times = append(f.Times, time.Since(asked))
		f.judge(found, c.Judged[q.ID])
	}
	slices.Sort(f.Times)
	return f, nil
}

// judge adds what was found for a question.
func (f *Figures) judge(found []string, grades map[string]int) {
	var best []int
	for _, grade := range grades {
		if grade > 0 {
			best = append(best, grade)
		}
	}
	if len(best) == 0 {
		return
	}
	f.Questions++
	slices.SortFunc(best, func(a, b int) int { return b - a })
	ideal := 0.0
	for rank, grade := range best[:min(len(best), 10)] {
		ideal += discounted(grade, rank)
	}
	gain, first, in10, in100 := 0.0, 0, 0, 0
	for rank, id := range found {
		grade := grades[id]
		if grade <= 0 {
			continue
		}
		if first == 0 {
			first = rank + 1
		}
		in100++
		if rank < 10 {
			in10++
			gain += discounted(grade, rank)
		}
	}
	f.NDCG10 += gain / ideal
	f.Recall10 += float64(in10) / float64(len(best))
	f.Recall100 += float64(in100) / float64(len(best))
	if in10 > 0 {
		f.Hit10++
	}
	if first > 0 {
		f.MRR += 1 / float64(first)
	}
}

// discounted is what a grade is worth at a rank, from 0.
func discounted(grade, rank int) float64 { return float64(grade) / math.Log2(float64(rank+2)) }

// Report writes figures as rows of a table.
func Report(to io.Writer, names []string, all []Figures) {
	fmt.Fprintln(to, "| system | questions | nDCG@10 | recall@10 | recall@100 | hit@10 | MRR | adding | MB/s | p50 | p99 |")
	fmt.Fprintln(to, "|---|---|---|---|---|---|---|---|---|---|---|")
	for i, f := range all {
		n := float64(max(f.Questions, 1))
		fmt.Fprintf(to, "| %s | %d | %.4f | %.4f | %.4f | %.4f | %.4f | %v | %.1f | %v | %v |\n", names[i], f.Questions,
			f.NDCG10/n, f.Recall10/n, f.Recall100/n, f.Hit10/n, f.MRR/n,
			f.Adding.Round(time.Millisecond), float64(f.Bytes)/1e6/f.Adding.Seconds(), f.at(50), f.at(99))
	}
}

// at is a percentile of the times.
func (f *Figures) at(percent int) time.Duration {
	if len(f.Times) == 0 {
		return 0
	}
	return f.Times[min(len(f.Times)*percent/100, len(f.Times)-1)].Round(time.Microsecond)
}
