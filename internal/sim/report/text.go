package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/fairleadhq/fairlead/internal/config/strictyaml"
)

// WriteText tells the report to a person.
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s of traffic, seed %d\n\n", span(r.Duration), r.Seed)
	r.writeApps(&b)
	r.writeRefusals(&b)
	r.writeService(&b)
	writeList(&b, "What binds:", r.Binds, "nothing: no app was refused or waited for long")
	writeList(&b, "Left out of the simulation:", r.Notes, "nothing")
	_, err := w.Write(b.Bytes())
	return err
}

// span spells how long a run was.
func span(seconds float64) string {
	return strictyaml.Duration(seconds * float64(time.Second)).String()
}

func (r *Report) writeApps(b *bytes.Buffer) {
	names := make([]string, len(r.Apps))
	widest := 0
	for i, a := range r.Apps {
		names[i] = a.Name
		if a.Count > 1 {
			names[i] = fmt.Sprintf("%s x %d", a.Name, a.Count)
		}
		widest = max(widest, len(names[i]))
	}
	const row = "%-*s%9v%9v%9v%7v%10v%8v%8v%7v%9v%10v\n"
	fmt.Fprintf(b, row, widest, "app", "calls", "served", "refused", "left", "wait p50", "p99", "max", "slots", "share", "entitled")
	for i, a := range r.Apps {
		fmt.Fprintf(b, row, widest, names[i], a.Offered, a.Served, a.Refusals(), a.Left,
			Seconds(a.Wait.P50), Seconds(a.Wait.P99), Seconds(a.Wait.Max),
			fmt.Sprintf("%.1f", a.Slots), fmt.Sprintf("%.1f %%", 100*a.Share), fmt.Sprintf("%.1f %%", 100*a.Entitled))
	}
}

// writeRefusals tells what the table has no column for.
func (r *Report) writeRefusals(b *bytes.Buffer) {
	for _, a := range r.Apps {
		var told []string
		for _, reason := range slices.Sorted(maps.Keys(a.Refused)) {
			told = append(told, fmt.Sprintf("%s %d", reason, a.Refused[reason]))
		}
		if a.Cut > 0 {
			told = append(told, fmt.Sprintf("cut off at their time limit %d", a.Cut))
		}
		if a.Returned > 0 {
			told = append(told, fmt.Sprintf("came back %d, of these admitted %s", a.Returned, Percent(a.Welcome, a.Returned)))
		}
		if len(told) > 0 {
			fmt.Fprintf(b, "\n%s: %s", a.Name, strings.Join(told, ", "))
		}
	}
	fmt.Fprintln(b)
}

func (r *Report) writeService(b *bytes.Buffer) {
	table := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0) // two spaces between columns
	fmt.Fprintln(table)
	told := []Resource{r.Slots}
	for _, p := range r.Providers {
		if p.Limit > 0 || len(r.Providers) > 1 { // else it is as the service
			told = append(told, p)
		}
	}
	for _, s := range told {
		how := fmt.Sprintf("no limit, %.1f in use", s.InUse)
		if s.Limit > 0 {
			how = fmt.Sprintf("%d, %.1f %% in use, all of them for %.1f %% of the time", s.Limit, 100*s.Used(), 100*s.Full)
		}
		fmt.Fprintf(table, "slots of %s\t%s\n", s.Name, how)
	}
	if r.Jain.Intervals > 0 {
		fmt.Fprintf(table, "fairness\tJain's index %.3f on the average, least %.3f, over those that always waited\n", r.Jain.Mean, r.Jain.Least)
	}
	if p := r.Predicted; p.Count > 0 {
		fmt.Fprintf(table, "predictions\tactual wait / predicted wait: p10 %.2f, p50 %.2f, p90 %.2f of %d\n", p.P10, p.P50, p.P90, p.Count)
	}
	if r.WorstWindow > 0 {
		fmt.Fprintf(table, "rates\tmost admissions in any 60 s / limit: %.3f\n", r.WorstWindow)
	}
	table.Flush()
}

func writeList(b *bytes.Buffer, title string, lines []string, none string) {
	fmt.Fprintf(b, "\n%s\n", title)
	if len(lines) == 0 {
		lines = []string{none}
	}
	for _, line := range lines {
		fmt.Fprintf(b, "  %s\n", line)
	}
}

// Percent spells a part of a whole.
func Percent(n, of int) string { return fmt.Sprintf("%.0f %%", 100*Part(float64(n), float64(of))) }

// Seconds spells a time: to the millisecond below ten seconds, else to a tenth.
func Seconds(s float64) string {
	digits := 3
	if s >= 10 { // see above
		digits = 1
	}
	text := strconv.FormatFloat(s, 'f', digits, 64)
	if math.Abs(s) < 1e-9 { // nothing
		return "0s"
	}
	return text + "s"
}
