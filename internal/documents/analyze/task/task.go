// Package task is what a language model is asked for each type of analysis, and how its
// answer is read.
//
// The idea: a model reads a part of a document and gives findings, each with the words of
// the document that prove it; then, of the findings of all parts, the model says which
// belong together, by their numbers. It never gives a quote the second time, so that what
// was verified stays verified. The document's text is data: it stands between marks that
// are drawn anew for each question and that it can't know.
//
// An answer is read as far as it can be: from a fence, from between prose, or up to where
// it was cut off.
//
// Start with Asked, then Task.Read and Task.Merge.
package task

import (
	"strings"

	"github.com/fairleadhq/fairlead/internal/documents/analyze/extractive"
)

// Type is the type of an analysis.
type Type string

// The types.
const (
	Summary    Type = "summary"
	Investment Type = "investment"
	Risk       Type = "risk"
	Financial  Type = "financial"
	Custom     Type = "custom"
	// Insights is what Insights asks for; it is no type that a caller names.
	Insights Type = "insights"
)

// Types lists those that a caller may name.
func Types() []Type { return []Type{Summary, Investment, Risk, Financial, Custom} }

// Task is an analysis that is asked for.
type Task struct {
	Type Type
	// Question is that of Custom, or the focus of Insights; "" if there is none.
	Question string
	// Categories are what findings are sorted into.
	Categories []string
	// Topics are what the offline engine looks for, and which sections are read first.
	Topics []extractive.Topic
	// Figures says that figures and ratios belong to it.
	Figures bool
	// wanted is the instruction.
	wanted string
}

// For returns the task of a type.
func For(t Type, question string) Task {
	task := Task{Type: t, Question: strings.TrimSpace(question)}
	switch t {
	case Summary:
		task.Categories = []string{"main_point", "detail", "conclusion"}
		task.Topics = []extractive.Topic{extractive.Summary}
		task.wanted = "Summarise the document: its subject, its main statements, and its conclusions."
	case Investment:
		task.Categories = []string{"strength", "weakness", "risk", "performance", "outlook", "valuation"}
		task.Topics = []extractive.Topic{extractive.Strengths, extractive.Risks, extractive.Outlook, extractive.Financial}
		task.Figures = true
		task.wanted = "Analyse the document for an investor: business and competitive position, financial performance, growth, capital allocation, weaknesses, risks, and outlook."
	case Risk:
		task.Categories = []string{"strategic", "operational", "financial", "legal", "market", "cyber", "other"}
		task.Topics = []extractive.Topic{extractive.Risks}
		task.wanted = "Find the risks that the document names or shows, with what they could lead to and what is done about them. Importance is how grave and how likely a risk is."
	case Financial:
		task.Categories = []string{"revenue", "profitability", "cash_flow", "balance_sheet", "guidance", "other"}
		task.Topics = []extractive.Topic{extractive.Financial, extractive.Outlook}
		task.Figures = true
		task.wanted = "Analyse the finances that the document reports: revenue, profit, margins, cash flow, debt and liquidity, what drove their changes, and guidance. Compute nothing: state figures as they are printed, with their unit and period."
	case Custom:
		task.Categories = []string{"answer", "context", "contradiction"}
		task.Topics = []extractive.Topic{extractive.Question}
		task.wanted = "Answer the question of the user, which stands below, from the document alone. A finding is a part of the answer, or context that the answer needs. If this part of the document says nothing about it, return no findings."
	case Insights:
		task.Categories = []string{"thesis", "strength", "risk", "outlook"}
		task.Topics = []extractive.Topic{extractive.Strengths, extractive.Risks, extractive.Outlook, extractive.Summary}
		task.Figures = true
		task.wanted = "Find what an investment committee needs to know: statements that carry an investment thesis (category thesis), strengths, risks, and what the document says of the future (outlook)."
	}
	return task
}
