package language

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fairleadhq/fairlead/internal/language/stopwords"
)

// terms are the tokens' texts, stop words left out.
func terms(text, lang string) []string {
	var list []string
	for _, token := range NewAnalyzer().Append(nil, text, lang) {
		if !token.Stop {
			list = append(list, token.Text)
		}
	}
	return list
}

func TestTerms(t *testing.T) {
	for _, test := range []struct{ lang, text, want string }{
		{"en", "The Companies' Revenues grew", "compani revenu grew"},
		{"en", "company's net sales", "compani net sale"},
		{"en", "don’t O'Brien’s", "dont obrien"},
		{"en", "résumé naïve", "resum naiv"},
		{"en", "long-term debt", "long term longterm debt"},
		{"en", "invest-\nment and long- term", "invest ment invest long term"},
		{"en", "AT&T R&D U.S. e.g.", "t att r d rd us eg"},
		{"en", "john.smith@example.com", "john smith exampl com john.smith.example.com"},
		{"en", "10-K Q3 3M iPhone", "10 k 10k q3 3m iphon"},
		{"en", "$1,577 million, 1577.00 and 1,577.50", "1577 million 1577 1577.5"},
		{"en", "up 12.5% (or 12.50 %)", "12.5 12.5% 12.5 12.5%"},
		{"en", "FY2018 FY18 fiscal 2018 fiscal year 2018", "fy2018 2018 fy2018 2018 fiscal 2018 fy2018 fiscal year 2018 fy2018"},
		{"en", "in 2018, fiscal policy", "2018 fiscal polici"},
		{"en", "2018-12-31 31.12.2018 1.2.3", "2018 12 31 31 12 2018 31.12.2018 1 2 3 1.2.3"},
		{"en", "0.125 1,5 1,577,000 12,34,56", "0.125 1.5 1577000 12 34 56 12,34,56"},
		{"de", "1.577,00 € und 1.577 sowie 1,577", "1577 1577 sowi 1.577"},
		{"de", "Umsätze Straße Häuser", "umsatz strass haus"},
		{"fr", "l'entreprise économique 1\u00a0577,5", "entrepris econom 1577.5"},
		{"fr", "1\u202f577", "1577"},
		{"es", "las acciones", "accion"},
		{"ru", "компании ёлка", "компан елк"},
		{"tr", "Türkiye'nin IŞIK", "turki nin isik"},
		{"ja", "東京都", "東 京 東京 都 京都"},
		{"ja", "ﾃﾞｰﾀ", "デ ー デー タ ータ"},
		{"zh", "营业收入2018年", "营 业 营业 收 业收 入 收入 2018 年"},
		{"th", "บริษัท", "บริ ริษ ิษั ษัท"},
		{"ko", "매출은 증가", "매출은 매출 출은 증가"},
		{"ar", "الشركات والشَّرِكَة", "شرك شرك"},
		{"he", "הַחֶבְרָה", "החברה חברה"},
		{"hi", "कंपनियों २०१८", "कंपन 2018"},
		{"en", "Ｆｕｌｌ　ｗｉｄｔｈ　１２３ ﬁnance", "full width 123 financ"},
		{"en", "note² m³", "note m"},
		{"en", "soft\u00adhyphen", "softhyphen"},
		{"en", "caf\u00e9 table cafe\u0301", "cafe tabl cafe"},
		{"", "walking dogs", "walk dog"},
		{"en", "' - . & @ 's ( ) \" * ^ ~ AND", "s"},
	} {
		want := strings.Fields(test.want)
		if got := terms(test.text, test.lang); !slices.Equal(got, want) {
			t.Errorf("%s %q: got %q, want %q", test.lang, test.text, got, want)
		}
	}
}

// TestInflected: a word is found in another of its forms.
func TestInflected(t *testing.T) {
	for _, test := range [][3]string{
		{"en", "acquisitions", "acquisition"},
		{"de", "Verbindlichkeiten", "Verbindlichkeit"},
		{"fr", "bénéfices", "bénéfice"},
		{"es", "ingresos", "ingreso"},
		{"it", "società", "societa"},
		{"pt", "receitas", "receita"},
		{"nl", "winsten", "winst"},
		{"sv", "aktierna", "aktier"},
		{"da", "selskaberne", "selskabet"},
		{"no", "selskapene", "selskapet"},
		{"fi", "yhtiöiden", "yhtiöissä"},
		{"ru", "доходов", "доходы"},
		{"tr", "şirketler", "şirket"},
		{"ro", "veniturile", "veniturilor"},
		{"hu", "részvények", "részvény"},
		{"ar", "الإيرادات", "إيرادات"},
		{"he", "החברה", "חברה"},
		{"hi", "कंपनियों", "कंपनी"},
		{"ko", "매출은", "매출이"},
		{"ja", "売上高", "売上"},
		{"zh", "营业收入", "收入"},
		{"th", "บริษัท", "บริษัทจำกัด"},
		{"ta", "காரணிகள்", "காரணி"},
		{"el", "Έσοδα", "εσοδα"},
		{"pl", "spółka", "spolka"},
		{"cs", "společnost", "spolecnost"},
	} {
		a, b := terms(test[1], test[0]), terms(test[2], test[0])
		if !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) }) {
			t.Errorf("%s: %s is %q, and %s is %q", test[0], test[1], a, test[2], b)
		}
	}
}

// TestEveryStopWordIsOne, however it is written.
func TestEveryStopWordIsOne(t *testing.T) {
	a := NewAnalyzer()
	for _, lang := range Languages() {
		for word := range strings.FieldsSeq(stopwords.Of(lang)) {
			tokens := a.Append(nil, word, lang)
			if lang == "ja" || len(tokens) == 0 {
				t.Errorf("%s %s: got %v", lang, word, tokens)
			}
			for _, token := range tokens {
				if !token.Stop && token.Kind == Word {
					t.Errorf("%s %s: %s is no stop word", lang, word, token.Text)
				}
			}
		}
	}
}

func FuzzAppend(f *testing.F) {
	for _, s := range []string{"The U.S. company's 1,577.5% FY18", "naïve-\n  éé ﬁ", "東京ﾃﾞｰﾀ 매출은 บริษัท", "a.b@c_d-e&f-g-h-i-j-k", "1'2’3,4.5٫6", "\xff\xfe'\xe2\x80", strings.Repeat("x", 300), "İIı’'s"} {
		for _, lang := range []string{"en", "tr", "fr", "ar", "hi"} {
			f.Add(s, lang)
		}
	}
	d := NewDetector()
	f.Fuzz(func(t *testing.T, text, lang string) {
		a := NewAnalyzer()
		got := a.Append(nil, text, lang)
		if again := a.Append(nil, text, lang); !slices.Equal(got, again) {
			t.Errorf("got %v, and then %v", got, again)
		}
		for _, token := range got {
			checkToken(t, token)
			if !utf8.ValidString(token.Text) && utf8.ValidString(text) {
				t.Errorf("got %q, which is not UTF-8", token.Text)
			}
			if token.Kind == Number && !strings.ContainsAny(token.Text, "%f.,'") {
				if same := a.Append(nil, token.Text, lang); len(same) != 1 || same[0].Text != token.Text {
					t.Errorf("the number %q is %v", token.Text, same)
				}
			}
		}
		d.Detect(text)
	})
}

func checkToken(t *testing.T, token Token) {
	t.Helper()
	if token.Text == "" || len(token.Text) > MaxTerm || token.Kind < Word || token.Kind > Single {
		t.Errorf("got %+v", token)
	}
}

func BenchmarkAppendEnglish(b *testing.B) {
	text := strings.Repeat(`Net sales increased 4% or $1,577 million during 2018 compared to 2017. The growth was driven by
higher sales of products and services, partially offset by the weakness in foreign currencies relative to the U.S. dollar.
The Company's long-term obligations are described in Note 9, "Debt", of this Form 10-K, and in its consolidated statements. `, 200)
	a := NewAnalyzer()
	var tokens []Token
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		tokens = a.Append(tokens[:0], text, "en")
	}
	if len(tokens) == 0 {
		b.Fatal("no tokens")
	}
}
