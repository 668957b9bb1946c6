package analyze

import "github.com/fairleadhq/fairlead"

// Engine is who found what a report says.
type Engine string

// The engines.
const (
	LLM        Engine = "llm"
	Extractive Engine = "extractive" // sentences, picked without a language model
)

// Finding is something that a document says, with the proof.
type Finding struct {
	// Category is one of the type's, "figures" where it was computed from tables, or "".
	Category      string
	Title, Detail string
	// Citations are word for word from the document. There is always one.
	Citations []fairlead.Citation
}

// Figures is the category of findings that were computed from tables.
const Figures = "figures"

// Why says why a report is partial.
type Why string

// The reasons.
const (
	// WhyDeadline: the time ran out before all parts that were to be read had been.
	WhyDeadline Why = "deadline"
	// WhyProvider: the model failed on some parts.
	WhyProvider Why = "provider_errors"
	// WhyMerge: the findings of the parts were merged without the model, which failed.
	WhyMerge Why = "not_merged"
)

// Coverage is how much of a document, or of several, a report rests on.
type Coverage struct {
	// Partial says that something went wrong on the way, Why the first thing that did. A
	// document that is too long for the limits is not partial: PagesRead tells.
	Partial bool
	Why     Why
	// PagesRead is how many of Pages were read.
	PagesRead, Pages int
	// DroppedCitations is how many quotes of the model were not in the document,
	// DroppedFindings how many findings had no other.
	DroppedCitations, DroppedFindings int
	// Usage is that of all questions to the model.
	Usage fairlead.Usage
}

// miss notes the first reason for a partial report.
func (c *Coverage) miss(why Why) {
	if !c.Partial {
		c.Partial, c.Why = true, why
	}
}

// Report is an analysis.
type Report struct {
	Coverage

	Engine   Engine
	Findings []Finding
	// Metrics and Ratios are, of the types financial and investment, what the findings of
	// the category "figures" say.
	Metrics []Metric
	Ratios  []Ratio
}

// Metric is a figure that a document reports.
type Metric struct {
	// Name is in snake case: "net_income". Title is for people, Label what the document
	// says.
	Name, Title, Label string
	Value              float64
	// Unit is "money", "per_share" or "shares". Currency is a code of ISO 4217, or "$"
	// where it is not told which dollar; "" is not known.
	Unit, Currency string
	// Scaled says that Value is in single units. Where it is not, the document does not say
	// what one of it stands for.
	Scaled  bool
	Company string
	Period  string // "FY2018", "Q3 2018", "6M to 2018-06", "2018-03"
	// Citation is the row of the table, or the sentence.
	Citation fairlead.Citation
}

// Ratio is computed from metrics of one document.
type Ratio struct {
	Name, Title, Formula string
	Value                float64
	// Unit is "percent" (12.5 is 12.5 %), "times" or "money", which has a Currency and may
	// be Scaled, as a Metric's.
	Unit, Currency string
	Scaled         bool
	Company        string
	Period         string
	// Inputs are the metrics, in the order of the formula.
	Inputs []Metric
}

// InsightsReport is what Insights finds.
type InsightsReport struct {
	Coverage

	Engine Engine
	// Thesis are the statements that an investment thesis rests on.
	Thesis, Strengths, Risks, Outlook []Finding
	Metrics                           []Metric
	Ratios                            []Ratio
	Documents                         []DocumentRead
}

// DocumentRead is a document that Insights has read.
type DocumentRead struct {
	Document         fairlead.DocumentID
	Name             string
	Company, Period  string // "" where the document doesn't say
	PagesRead, Pages int
}
