package extractive

import (
	"strings"
	"unicode"
)

// Topic is what sentences are looked for.
type Topic string

// The topics.
const (
	Summary   Topic = "summary"
	Risks     Topic = "risks"
	Strengths Topic = "strengths"
	Outlook   Topic = "outlook"
	Financial Topic = "financial"
	// Question is whatever the question asks for.
	Question Topic = "question"
)

// cues are the words that give a topic away, and the titles of the sections that speak of
// it, in lower case. A word that begins with a space begins a word of the text.
type cues struct{ words, titles []string }

func cuesOf(t Topic) cues {
	switch t {
	case Summary:
		return cues{
			words: []string{
				" in summary", " overall", " we are ", " the company is", " is a leading", " our mission", " our business", " founded", " in conclusion", " results show", " we conclude", " the purpose of",
				" zusammenfass", " insgesamt", " en résumé", " au total", " en resumen", " en conjunto", "要約", "当社", "当社グループ",
			},
			titles: []string{"summary", "abstract", "overview", "introduction", "conclusion", "highlights", "business", "zusammenfassung", "überblick", "fazit", "résumé", "synthèse", "resumen", "概要", "要旨", "摘要"},
		}
	case Risks:
		return cues{
			words: []string{
				" risk", " adversely", " adverse effect", " could harm", " may harm", " uncertain", " litigation", " lawsuit", " could result in", " may not be able", " fail to", " failure", " decline in", " threat",
				" vulnerab", " disruption", " breach", " depend on", " dependence", " volatil", " penalt", " impairment", " liabilit", " default", " unfavorable", " negatively",
				" gefahr", " nachteilig", " ungewiss", " unsicher", " rechtsstreit", " ausfall", " risque", " incertitude", " défavorable", " litige", " riesgo", " incertidumbre", " adverso", " desfavorable",
				"リスク", "不確実", "悪影響", "訴訟", "风险", "不利影响", "위험",
			},
			titles: []string{"risk", "legal proceedings", "uncertaint", "contingenc", "litigation", "risiken", "risiko", "risque", "riesgo", "リスク", "风险", "위험"},
		}
	case Strengths:
		return cues{
			words: []string{
				" record", " growth", " grew", " increased", " leading", " leader", " strong", " strength", " improved", " market share", " competitive advantage", " patent", " innovati", " expanded", " profitab", " exceeded", " loyal",
				" wachstum", " gestiegen", " führend", " stark", " verbessert", " croissance", " progress", " leader", " crecimiento", " aument", " líder", "成長", "増加", "増収", "増益", "增长",
			},
			titles: []string{"strength", "competitive", "strategy", "highlights", "results of operations", "overview", "stärken", "strategie", "atouts", "stratégie", "fortalezas", "estrategia", "強み", "戦略"}, //nolint:misspell // words of other languages
		}
	case Outlook:
		return cues{
			words: []string{
				" expect", " outlook", " guidance", " forecast", " we plan", " plans to", " intend", " anticipate", " target", " next year", " in the coming", " going forward", " by 20", " will ",
				" erwarte", " ausblick", " prognose", " planen", " voraussichtlich", " prévo", " perspective", " objectif", " espera", " prevé", " perspectiva", " objetivo", "見通し", "予想", "計画", "目標", "预计", "展望",
			},
			titles: []string{"outlook", "guidance", "forward-looking", "future", "trends", "ausblick", "prognose", "perspectives", "perspectivas", "見通し", "展望"}, //nolint:misspell // words of other languages
		}
	case Financial:
		return cues{
			words: []string{
				" revenue", " net sales", " income", " profit", " margin", " cash flow", " earnings", " expense", " cost", " debt", " liquidity", " dividend", " repurchase", " capital expenditure", " tax", " per share", " assets",
				" umsatz", " ergebnis", " gewinn", " marge", " verschuldung", " chiffre d'affaires", " résultat", " bénéfice", " endettement", " ingresos", " beneficio", " deuda", "売上", "利益", "資産", "配当", "营业收入", "净利润",
			},
			titles: []string{
				"financial", "results of operations", "income", "balance sheet", "cash flow", "liquidity", "selected", "management's discussion", "management’s discussion", "earnings", "finanz", "ertragslage", "bilanz",
				"financi", "résultats", "resultados", "財務", "業績", "损益", "财务",
			},
		}
	case Question:
	}
	return cues{}
}

// hits counts the cues in a sentence; text is in lower case.
func (c cues) hits(text string) (n int) {
	for _, w := range c.words {
		if strings.Contains(text, w) {
			n++
		}
	}
	return n
}

// section says how well a section's path, in lower case, fits the topic: 0 to 1.
func (c cues) section(path string) float64 {
	for i, t := range c.titles {
		if strings.Contains(path, t) {
			return 1 - 0.5*float64(i)/float64(len(c.titles))
		}
	}
	return 0
}

// Worth says how well a section's path fits topics or, with a question, its words: 0 is
// not at all.
func Worth(topics []Topic, question string) func(path string) float64 {
	var all []cues
	for _, t := range topics {
		all = append(all, cuesOf(t))
	}
	asked := make(map[uint32]bool)
	for _, w := range Terms(question, nil) {
		asked[w] = true
	}
	return func(path string) (worth float64) {
		lower := strings.ToLower(path)
		for _, c := range all {
			worth = max(worth, c.section(lower))
		}
		if len(asked) > 0 {
			same := 0
			for _, w := range Terms(path, nil) {
				if asked[w] {
					same++
				}
			}
			worth = max(worth, float64(same)/float64(len(asked)))
		}
		return worth
	}
}

// Terms are the words of a text as numbers, appended to out: folded, without the plural's
// s, and of scripts that don't part words, each two characters. Words of one or two
// letters are left out.
func Terms(text string, out []uint32) []uint32 {
	const most = 4096
	w := word{hash: hashStart}
	before := rune(0) // of a dense script
	for _, r := range text {
		if len(out) >= most {
			return out
		}
		switch {
		case dense(r):
			out = w.end(out)
			if before != 0 {
				pair := word{hash: hashStart}
				pair.add(before)
				pair.add(r)
				out = append(out, pair.hash)
			}
			before = r
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			w.add(unicode.ToLower(r))
		default:
			out = w.end(out)
		}
		before = 0
	}
	return w.end(out)
}

// hashStart and hashPrime are those of FNV-1a.
const hashStart, hashPrime = 2166136261, 16777619

// word is a word that is being read.
type word struct {
	hash, before uint32 // before its last letter
	letters      int
	last         rune
}

func (w *word) add(r rune) {
	w.before = w.hash
	w.hash = (w.hash ^ uint32(r)) * hashPrime //nolint:gosec // a rune is not negative here
	w.letters, w.last = w.letters+1, r
}

// end appends the word to out, and begins another.
func (w *word) end(out []uint32) []uint32 {
	switch {
	case w.letters > 3 && w.last == 's':
		out = append(out, w.before)
	case w.letters >= 3:
		out = append(out, w.hash)
	}
	*w = word{hash: hashStart}
	return out
}

// dense reports whether r is of a script that doesn't part words.
func dense(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}
