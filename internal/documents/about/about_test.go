package about_test

import (
	"testing"

	"github.com/fairleadhq/fairlead"
	"github.com/fairleadhq/fairlead/internal/documents/about"
	"github.com/fairleadhq/fairlead/internal/documents/canon"
)

func TestCompany(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"FORM 10-K\n\n3M COMPANY\n\n(Exact name of registrant as specified in its charter)": "3M COMPANY",
		"Annual report of Siemens Energy AG for 2021. Siemens Energy AG is":                 "Siemens Energy AG",
		"Foo & Bar Holdings plc, a company":                                                 "Foo & Bar Holdings plc",
		"The Company grew. The Company fell.":                                               "",
		"the Apple Inc. report":                                                             "Apple Inc.",
		"贵州茅台酒股份有限公司 2021年年度报告":                                                             "贵州茅台酒股份有限公司",
		"nothing of that kind":                                                              "",
		"":                                                                                  "",
	} {
		if got := about.Company(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"For the fiscal year ended December 31, 2018":       "FY2018",
		"for the year ended\n31 March 2020":                 "FY2020",
		"For the quarterly period ended September 30, 2019": "Q3 2019",
		"Annual Report 2021":                                "FY2021",
		"2022 ANNUAL REPORT":                                "FY2022",
		"FY2017 results":                                    "FY2017",
		"Fiscal 2016 was":                                   "FY2016",
		"Q2 2023 earnings compared with fiscal 2022":        "Q2 2023",
		"third quarter of 2020":                             "Q3 2020",
		"Geschäftsbericht 2019":                             "FY2019",
		"2021年年度报告":                                         "FY2021",
		"Годовой отчет за 2018":                             "FY2018",
		"In 2018 we went to the sea.":                       "",
	} {
		if got := about.Period(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"The cat sat on the mat, and that was the end of it for the day.":           "en",
		"Der Hund und die Katze sind nicht im Haus, sondern auf dem Dach.":          "de",
		"Le chat est dans la maison avec les enfants, et le chien est sur le toit.": "fr",
		"El perro y los gatos que se encuentran en la casa de una amiga":            "es",
		"Годовой отчет о деятельности компании":                                     "ru",
		"Річний звіт компанії з її дочірніми":                                       "uk",
		"これは日本語の文章です。":                                                              "ja",
		"这是一份中文的年度报告文件。":                                                            "zh",
		"이것은 한국어 문장입니다":                                                             "ko",
		"นี่คือข้อความภาษาไทย":                                                      "th",
		"هذا تقرير سنوي عن أعمال الشركة":                                            "ar",
		"این یک گزارش سالانه است":                                                   "fa",
		"1,577 1,509 4.5": "",
		"":                "",
	} {
		if got := about.Language(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	var g about.Guess
	g.Add(canon.Piece{Kind: canon.Prose, Text: []byte("A first line\nand another")})
	g.Add(canon.Piece{Kind: canon.Heading, Title: "A heading", Text: []byte("A heading")})
	g.Add(canon.Piece{Kind: canon.Prose, Text: []byte("Results of Acme Widgets Inc. for fiscal 2019, with the outlook of the year and that of the next.")})
	want := fairlead.About{Title: "A heading", Language: "en", Company: "Acme Widgets Inc.", Period: "FY2019"}
	if got := g.About(fairlead.About{Title: "untitled"}, nil); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	known := fairlead.About{Title: "T", Language: "fr", Company: "C", Period: "P"}
	if got := g.About(known, nil); got != known {
		t.Errorf("got %+v, want %+v", got, known)
	}
	if got := (&about.Guess{}).About(fairlead.About{}, nil); got != (fairlead.About{}) {
		t.Errorf("got %+v of nothing", got)
	}
	if got := g.About(fairlead.About{}, func(string) string { return "xx" }); got.Language != "xx" {
		t.Errorf("got the language %q", got.Language)
	}
}
