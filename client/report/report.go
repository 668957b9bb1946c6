// Package report is what analyses of documents say: findings, figures and ratios, each
// with the words of the document that prove it.
//
// Start with Analysis and Insights.
package report

import "encoding/json"

// Citation is a piece of a document, word for word: bytes [Start, End) of its text.
type Citation struct {
	DocumentID string `json:"document_id"`
	Page       int    `json:"page"`
	Start      int64  `json:"start"`
	End        int64  `json:"end"`
	Quote      string `json:"quote"`
}

// Finding is something that a document says.
type Finding struct {
	Category  string     `json:"category"`
	Title     string     `json:"title"`
	Detail    string     `json:"detail"`
	Citations []Citation `json:"citations"`
}

// Figure is a number that a document reports.
type Figure struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Label    string   `json:"label"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Currency string   `json:"currency"`
	Scaled   bool     `json:"scaled"`
	Company  string   `json:"company"`
	Period   string   `json:"period"`
	Citation Citation `json:"citation"`
}

// Ratio is a number that the service computed from Inputs.
type Ratio struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Formula  string   `json:"formula"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Currency string   `json:"currency"`
	Scaled   bool     `json:"scaled"`
	Company  string   `json:"company"`
	Period   string   `json:"period"`
	Inputs   []Figure `json:"inputs"`
}

// Coverage is how much of the documents a report rests on.
type Coverage struct {
	// Engine is who found it: "llm", or "extractive" where the service has no model.
	Engine string `json:"engine"`
	// Partial says that it is not all that there might be, Why the reason.
	Partial   bool   `json:"partial"`
	Why       string `json:"why"`
	PagesRead int    `json:"pages_read"`
	Pages     int    `json:"pages"`
	// DroppedCitations is how many quotes were not in the documents, and left out.
	DroppedCitations int `json:"dropped_citations"`
}

// Analysis is what a document says.
type Analysis struct {
	Coverage

	Findings []Finding `json:"findings"`
	Metrics  []Figure  `json:"metrics"`
	Ratios   []Ratio   `json:"ratios"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// Insights is what documents say of a company.
type Insights struct {
	Coverage

	Thesis    []Finding `json:"thesis"`
	Strengths []Finding `json:"strengths"`
	Risks     []Finding `json:"risks"`
	Outlook   []Finding `json:"outlook"`
	Metrics   []Figure  `json:"metrics"`
	Ratios    []Ratio   `json:"ratios"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// Progress is how far an analysis has come; a count is 0 until it is known.
type Progress struct {
	Stage     string `json:"stage"`
	PagesRead int    `json:"pages_read"`
	Pages     int    `json:"pages"`
	CallsDone int    `json:"calls_done"`
	Calls     int    `json:"calls"`
	Findings  int    `json:"findings"`
}
