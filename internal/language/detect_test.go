package language

import (
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	d := NewDetector()
	for _, test := range [][2]string{
		{"en", "What are the risk factors?"},
		{"en", "The company reported higher net sales than in the prior year."},
		{"de", "Welche Risiken nennt der Bericht?"},
		{"de", "Die Gesellschaft hat im Geschäftsjahr einen höheren Umsatz erzielt."},
		{"fr", "Quels sont les facteurs de risque ?"},
		{"fr", "Le chiffre d'affaires de la société a augmenté pendant l'exercice."},
		{"es", "¿Cuáles son los riesgos de la empresa?"},
		{"es", "La sociedad ha aumentado sus ingresos durante el ejercicio."},
		{"it", "Quali sono i fattori di rischio della società?"},
		{"pt", "Quais são os fatores de risco da empresa?"},
		{"nl", "Wat zijn de belangrijkste risico's van het bedrijf?"},
		{"sv", "Vilka är de viktigaste riskerna för bolaget?"},
		{"da", "Hvad er de vigtigste risici for selskabet, og hvordan bliver de styret?"},
		{"no", "Hva er de viktigste risikoene for selskapet, og hvordan blir de håndtert?"},
		{"fi", "Mitkä ovat yhtiön tärkeimmät riskit ja miten niitä hallitaan?"},
		{"tr", "Şirketin en önemli riskleri nelerdir ve nasıl yönetilir?"},
		{"ro", "Care sunt principalele riscuri ale societății?"},
		{"hu", "Melyek a társaság legfontosabb kockázatai, és hogyan kezelik őket?"},
		{"pl", "Jakie są najważniejsze czynniki ryzyka dla spółki?"},
		{"cs", "Jaké jsou nejdůležitější rizikové faktory společnosti?"},
		{"id", "Apa saja faktor risiko yang dihadapi oleh perusahaan?"},
		{"vi", "Các yếu tố rủi ro của công ty là gì?"},
		{"ca", "Quins són els factors de risc de l'empresa i com es gestionen amb aquest pla?"},
		{"ru", "Каковы основные факторы риска компании?"},
		{"uk", "Які основні чинники ризику для компанії?"},
		{"bg", "Какви са основните рискови фактори за компанията?"},
		{"sr", "Који су главни фактори ризика за компанију?"},
		{"el", "Ποιοι είναι οι παράγοντες κινδύνου;"},
		{"he", "מהם גורמי הסיכון של החברה?"},
		{"ar", "ما هي عوامل الخطر للشركة؟"},
		{"fa", "عوامل خطر شرکت چیست؟"},
		{"ur", "کمپنی کے خطرے کے عوامل کیا ہیں؟"},
		{"hi", "कंपनी के जोखिम कारक क्या हैं?"},
		{"bn", "কোম্পানির ঝুঁকি কী?"},
		{"ta", "நிறுவனத்தின் ஆபத்து காரணிகள் என்ன?"},
		{"th", "ปัจจัยเสี่ยงของบริษัทคืออะไร"},
		{"ja", "リスク要因は何ですか"},
		{"ja", "当社の売上高は前年より増加しました。Windows版とPDFもあります。"},
		{"zh", "公司的风险因素有哪些？"},
		{"ko", "회사의 위험 요인은 무엇입니까?"},
		{"", "2018 1,577 %"},
		{"", ""},
		{"", "xyzzy"},
	} {
		if got := d.Detect(test[1]); got != test[0] {
			t.Errorf("%q: got %q, want %q", test[1], got, test[0])
		}
	}
}

// TestDetectLong: a long text is that of its start and its middle.
func TestDetectLong(t *testing.T) {
	text := strings.Repeat("Die Gesellschaft hat für das Geschäftsjahr einen höheren Umsatz. ", 5000)
	if got := NewDetector().Detect(text); got != "de" {
		t.Errorf("got %q", got)
	}
}

func BenchmarkDetect(b *testing.B) {
	text := strings.Repeat("The company reported higher net sales than in the prior year. ", 500)
	d := NewDetector()
	for b.Loop() {
		d.Detect(text)
	}
}
