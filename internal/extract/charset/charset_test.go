package charset_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/fairleadhq/fairlead/internal/extract/charset"
)

type spoken struct {
	encodings []string
	texts     []string
}

// sentences are ordinary ones, long and short, with the encodings in which they come.
func sentences() []spoken {
	return []spoken{
		{[]string{"windows-1252"}, []string{
			"Der Jahresüberschuss erhöhte sich im Geschäftsjahr auf 12,4 Millionen.", "Größe", "für", "Straße", "Übung macht den Meister",
			"Le résultat net de l’exercice s’élève à 3 millions d’euros.", "été", "Où êtes-vous allé ?", "français", "à Paris",
			"El año pasado, la compañía obtuvo un crecimiento histórico.", "niño", "¿Qué pasó?", "A situação econômica não é fácil.",
			"Företagets årsredovisning för räkenskapsåret.", "Æbler og pærer på bordet", "“Quoted” – with dashes…", "It’s 5 °C, © 2024",
			"Perché l'attività è così?", "ÜBERSICHT DER AUFWÄNDE", "naïve café", "Price: £5", "Zürich", "Bjørnstjerne Bjørnson", "Málaga, España",
		}},
		{[]string{"iso-8859-15"}, []string{"Das kostet 20 € im Laden für alle.", "Le cœur a ses raisons, à nous."}},
		{[]string{"windows-1251", "koi8-r"}, []string{
			"Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
			"Привет, мир", "Выручка компании выросла на 12 % за год.", "Россия", "Отчёт о прибылях и убытках", "ГОДОВОЙ ОТЧЕТ ЗА 2023 ГОД", "нет",
			"Москва", "Договор N 15 от 3 мая", "Да, конечно.",
		}},
		{[]string{"shift_jis", "euc-jp", "iso-2022-jp"}, []string{
			"吾輩は猫である。名前はまだ無い。", "日本語", "こんにちは", "売上高は前年比で１２％増加しました。", "東京都千代田区", "カタカナ", "年次報告書",
			"株式会社の事業等のリスクについて説明する。", "会議は明日です", "データベースの設計",
		}},
		{[]string{"gb18030"}, []string{
			"公司的营业收入比去年增长了百分之十二。", "中文", "你好，世界", "北京市海淀区中关村大街", "风险因素", "年度报告", "我们在学习汉语。", "鲁迅是中国著名的作家",
		}},
		{[]string{"big5"}, []string{
			"公司的營業收入比去年增長了百分之十二。", "繁體中文", "你好，世界", "臺北市中正區重慶南路", "風險因素", "年度報告", "我們在學習國語。",
		}},
		{[]string{"euc-kr"}, []string{
			"회사의 매출은 작년보다 십이 퍼센트 증가했습니다.", "안녕하세요", "한국어", "서울특별시 강남구", "위험 요인", "사업보고서", "모든 국민은 법 앞에 평등하다.",
		}},
	}
}

func encodingOf(name string) encoding.Encoding {
	return map[string]encoding.Encoding{
		"windows-1252": charmap.Windows1252, "iso-8859-15": charmap.ISO8859_15, "windows-1251": charmap.Windows1251, "koi8-r": charmap.KOI8R,
		"shift_jis": japanese.ShiftJIS, "euc-jp": japanese.EUCJP, "iso-2022-jp": japanese.ISO2022JP, "gb18030": simplifiedchinese.GB18030,
		"big5": traditionalchinese.Big5, "euc-kr": korean.EUCKR,
		"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		"utf-32le": utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf-32be": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
	}[name]
}

func encode(t *testing.T, name, text string) []byte {
	t.Helper()
	b, err := encodingOf(name).NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatalf("%s as %s: %v", text, name, err)
	}
	return b
}

func TestSentencesAreRead(t *testing.T) {
	t.Parallel()
	total, missed := 0, 0
	for _, s := range sentences() {
		for _, name := range s.encodings {
			for _, text := range s.texts {
				total++
				b := encode(t, name, text)
				if got := charset.OfBytes(b); got.Decode(b) != text {
					missed++
					t.Errorf("%q in %s (% X): taken for %s: %q", text, name, b, got.Name(), got.Decode(b))
				}
			}
			all := strings.Join(s.texts, "\n")
			b := encode(t, name, strings.Repeat("plain text comes first\n", 1000)+all)
			if got := charset.OfBytes(b); !strings.HasSuffix(got.Decode(b), all) {
				t.Errorf("all of %s: taken for %s", name, got.Name())
			}
		}
	}
	t.Logf("%d of %d were taken for something else", missed, total)
}

func TestUnicode(t *testing.T) {
	t.Parallel()
	for _, s := range sentences() {
		text := strings.Join(s.texts, "\n")
		for _, name := range []string{"utf-16le", "utf-16be", "utf-32le", "utf-32be"} {
			b := encode(t, name, text)
			if got := charset.OfBytes(b); got.Name() != name {
				t.Errorf("%.20q in %s: taken for %s", text, name, got.Name())
			}
			b = encode(t, name, "\uFEFF"+text)
			if got := charset.OfBytes(b); got.Decode(b) != text {
				t.Errorf("%.20q in %s with a mark: taken for %s", text, name, got.Name())
			}
		}
		for _, mark := range []string{"", "\uFEFF"} {
			got := charset.OfBytes([]byte(mark + text))
			if got.Name() != "utf-8" || got.Decode([]byte(mark+text)) != text {
				t.Errorf("%.20q in UTF-8: taken for %s", text, got.Name())
			}
		}
	}
	for _, text := range []string{"", "a", "plain", "é", "00 01 02 03 04", "\x00", strings.Repeat("0", 100)} {
		if got := charset.OfBytes([]byte(text)); got.Name() != "utf-8" {
			t.Errorf("%q: taken for %s", text, got.Name())
		}
	}
	if got := charset.OfBytes([]byte(strings.Repeat("Größe und Länge ", 50) + "\xff")); got.Name() != "utf-8" {
		t.Errorf("UTF-8 with a wrong byte: taken for %s", got.Name())
	}
}

func TestPiecesOfAnySize(t *testing.T) {
	t.Parallel()
	for _, s := range sentences() {
		for _, name := range append(s.encodings, "utf-8", "utf-16le") {
			b := []byte(strings.Join(s.texts, "\n"))
			if enc := encodingOf(name); enc != nil {
				b = encode(t, name, string(b))
			}
			want := charset.OfBytes(b)
			got, err := charset.Of(iotest.OneByteReader(bytes.NewReader(b)))
			if err != nil || got.Name() != want.Name() {
				t.Errorf("%s byte by byte: %s (%v), want %s", name, got.Name(), err, want.Name())
			}
			text, err := io.ReadAll(want.Reader(iotest.OneByteReader(bytes.NewReader(b))))
			if err != nil || string(text) != want.Decode(b) {
				t.Errorf("%s: read as %.40q (%v), want %.40q", name, text, err, want.Decode(b))
			}
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]string{
		"UTF-8": "utf-8", "utf8": "utf-8", "ISO-8859-1": "windows-1252", " \"KOI8-R\" ": "koi8-r", "gb2312": "gb18030", "Shift_JIS": "shift_jis",
		"windows-1250": "windows-1250", "big5-hkscs": "big5", "utf-16": "utf-16le", "us-ascii": "windows-1252", "iso-2022-jp": "iso-2022-jp",
	} {
		if got, ok := charset.Lookup(label); !ok || got.Name() != want {
			t.Errorf("%s: %s, %v, want %s", label, got.Name(), ok, want)
		}
	}
	for _, label := range []string{"", "utf-7", "x-unknown", "iso-2022-kr", "\x00"} {
		if got, ok := charset.Lookup(label); ok {
			t.Errorf("%s: %s, want none", label, got.Name())
		}
	}
}

// FuzzDetector: any bytes are in some encoding, however they come, and are read as
// valid UTF-8; valid UTF-8 without zero bytes and escapes is UTF-8.
func FuzzDetector(f *testing.F) {
	for _, s := range sentences() {
		f.Add([]byte(s.texts[0]), 3)
	}
	f.Add([]byte("\xff\xfe\x00"), 1)
	f.Add([]byte("\xe2\x82"), 1)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		size = min(max(size, 1), 100)
		var d charset.Detector
		for rest := text; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			if _, err := d.Write(rest[:min(size, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		want := charset.OfBytes(text)
		if got := d.Charset(); got.Name() != want.Name() {
			t.Errorf("in pieces %s, whole %s", got.Name(), want.Name())
		}
		plain := want.Decode(text)
		if strings.ToValidUTF8(plain, "") != plain {
			t.Errorf("%s: %q is not UTF-8", want.Name(), plain)
		}
		if valid := strings.ToValidUTF8(string(text), "") == string(text); valid && !bytes.ContainsAny(text, "\x00\x1b") && want.Name() != "utf-8" {
			t.Errorf("%q is UTF-8, and was taken for %s", text, want.Name())
		}
	})
}
