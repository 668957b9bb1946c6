package chunk

import (
	"testing"

	"github.com/fairleadhq/fairlead/internal/tokens/tiktoken"
)

// TestMeter holds the estimate to what is counted, within a half: what is left the
// splitter learns.
func TestMeter(t *testing.T) {
	t.Parallel()
	var c tiktoken.Counter
	for _, text := range []string{
		"Net sales increased 4.5 percent compared with the prior year, driven by higher volumes across all of our business segments.",
		"Net sales | 1,577 | 1,509 | 4.5 %\nCost of sales | (1,002) | (987) | 1.5 %\nOperating income | 575 | 522 | 10.2 %",
		"UNITED STATES SECURITIES AND EXCHANGE COMMISSION WASHINGTON, D.C. 20549 FORM 10-K ANNUAL REPORT PURSUANT TO SECTION 13",
		"公司在二零一八年的净销售额为十五亿美元，比上一年增长百分之四。我们认为（主要）风险包括汇率！本公司董事会保证年度报告内容的真实。",
		"当社の売上高は前年比で増加しました。「為替の影響」が主な要因です。コンピューターのインストールについて説明します。",
		"บริษัทมียอดขายสุทธิเพิ่มขึ้นร้อยละสี่เมื่อเทียบกับปีก่อนหน้า และมีความเสี่ยงหลายประการ",
		"ارتفعت المبيعات الصافية في عام 2018. هل هناك مخاطر؟ نعم، هناك الكثير منها. وقد أعلنت الشركة عن نتائجها السنوية",
		"कंपनी की शुद्ध बिक्री बढ़ी। जोखिम बहुत हैं॥ यह एक वार्षिक रिपोर्ट है जिसमें कंपनी के वित्तीय परिणाम दिए गए हैं",
		"회사의 순매출은 전년 대비 증가했습니다. 위험 요인은 많습니다. 이 설명서는 설치 방법을 다룹니다.",
		"Чистая выручка компании выросла на 4,5 % по сравнению с прошлым годом. Рисков много! Совет директоров утвердил отчётность.",
		"Der Umsatz stieg um 4,5 % auf 1.577 Mio. Euro. Die Risiken sind vielfältig! Der Aufsichtsrat hat die Jahresabschlüsse gebilligt.",
		"Le chiffre d'affaires a augmenté de 4,5 % par rapport à l'année précédente, grâce aux filiales de l'entreprise.",
		"המכירות נטו של החברה עלו בשנת 2018 לעומת השנה הקודמת. יש סיכונים רבים.",
	} {
		var m meter
		parts := 0
		for _, r := range text {
			parts += m.add(scriptOf(r))
		}
		ratio := float64(c.Count(text)) / (float64(parts) / part)
		t.Logf("%.2f", ratio)
		if ratio < 0.67 || ratio > 1.5 {
			t.Errorf("%q: %.2f tokens counted for each that is estimated", text, ratio)
		}
	}
}
