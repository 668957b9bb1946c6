package charset

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most frequent characters of each language, in no exact order. They are facts of
// the languages: about half of any text is written with them.
const (
	simplifiedUsual  = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运京票股债税款额收投率增减风险营销财务报告董会银"
	traditionalUsual = "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運台灣北市股債稅款額收投率增減風險營銷財務報告董銀"
	kanjiUsual       = "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変打男基私各始島直両朝革価式確村提運終挙果西勢減台広容必応演電歳住争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁状工建語球営空職証土与急止送援供可役構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導鮮備宅害配副算視条幹独警宮究育席輸訪楽起万着乗店述残想線率病農州武声質念待試族象銀域助労例衛然早張映限親額監環験追審商葉義伝働形景落欧担好退準賞訴辺造英被株頭技低毎医復仕去姿味負閣韓渡失移差衆個門写評課末守若脳極種美岡影命含福蔵量望松非撃佐核観察整段横融型白深字答夜製票況音申様財港識注呼渉達漢猫犬春夏秋冬雨雪花天風"
	hangulUsual      = "이다는에의가을고하은를도한지로서사기있대어자인해그나과들시아일리정을부수보장면스전니것년주국게성공조없여원제으적동만라까상구관경세와위업중학미무계용회발개신요되방할선모안생거했유치었금비때분재문민소내우같산명오마화행당였물강트간진습된통였투식물음히말더교체려실영른받연불심두천현약력결단입열노알양호렇람야저터복날며많표속반품난종후될직남북건데월점책외타매식율익손본총증감차급역바법파포예권절청평설추출권등록확각준김박최운작"
)

func isKana(r rune) bool { return r >= 0x3041 && r <= 0x30FE }

// isFullMark reports whether r is one of the marks that texts of CJK languages share.
func isFullMark(r rune) bool {
	return r >= 0x3000 && r <= 0x3017 || strings.ContainsRune("！（），．：；？－／％～０１２３４５６７８９“”‘’…—·・〜￥", r)
}

// japaneseScore says how much a text looks like Japanese.
func japaneseScore(text string) float64 {
	return ideographScore(text, func(r rune) float64 {
		switch {
		case isKana(r), strings.ContainsRune(kanjiUsual, r):
			return usual
		case r >= 0xFF61 && r <= 0xFF9F: // half-width kana
			return seldom
		case unicode.Is(unicode.Han, r):
			if japaneseLevel1(r) {
				return fair
			}
			return doubtful
		}
		return wrong
	})
}

// simplifiedScore says how much a text looks like Chinese as the mainland writes it.
func simplifiedScore(text string) float64 {
	return ideographScore(text, func(r rune) float64 {
		switch {
		case strings.ContainsRune(simplifiedUsual, r):
			return usual
		case unicode.Is(unicode.Han, r):
			return chineseLevel(nameGB18030, r)
		}
		return wrong
	})
}

// traditionalScore says how much a text looks like Chinese as Taiwan writes it.
func traditionalScore(text string) float64 {
	return ideographScore(text, func(r rune) float64 {
		switch {
		case strings.ContainsRune(traditionalUsual, r):
			return usual
		case unicode.Is(unicode.Han, r):
			return chineseLevel(nameBig5, r)
		}
		return wrong
	})
}

// koreanScore says how much a text looks like Korean.
func koreanScore(text string) float64 {
	return ideographScore(text, func(r rune) float64 {
		switch {
		case strings.ContainsRune(hangulUsual, r):
			return usual
		case unicode.Is(unicode.Hangul, r):
			if code := encoded(nameEUCKR, r); len(code) == 2 && code[0] >= 0xB0 && code[0] <= 0xC8 && code[1] >= 0xA1 {
				return fair - seldom
			}
			return doubtful
		}
		return wrong
	})
}

// ideographScore is the mean worth of a text's characters. The bytes of those that are
// ASCII can be told from those that were a part of others by nobody, so each character
// counts as two.
func ideographScore(text string, worth func(r rune) float64) float64 {
	var m mean
	each(text, func(w window) {
		switch {
		case w.at == utf8.RuneError || w.at >= 0x80 && w.at < 0xA0 || w.at >= 0xE000 && w.at <= 0xF8FF:
			m.add(invalid, 2)
		case isFullMark(w.at):
			m.add(fair, 2)
		default:
			m.add(worth(w.at), 2)
		}
	})
	return m.score()
}

// japaneseLevel1 reports whether r is one of the 2,965 kanji of JIS X 0208's first
// level.
func japaneseLevel1(r rune) bool {
	code := encoded(nameEUCJP, r)
	return len(code) == 2 && code[0] >= 0xB0 && code[0] <= 0xCF
}

// chineseLevel is what a character is worth by where its encoding has put it: both
// begin with those that are in everyday use.
func chineseLevel(name string, r rune) float64 {
	code := encoded(name, r)
	if len(code) != 2 {
		return wrong
	}
	lead, trail := code[0], code[1]
	if name == nameBig5 {
		if lead >= 0xA4 && lead <= 0xC6 {
			return fair
		}
		return doubtful
	}
	switch {
	case lead < 0xB0 || trail < 0xA1:
		return wrong
	case lead <= 0xD7:
		return fair
	}
	return -seldom
}

// encoded is how r is written in the named encoding; nil if it can't be.
func encoded(name string, r rune) []byte {
	code, err := named(name).enc.NewEncoder().Bytes([]byte(string(r)))
	if err != nil {
		return nil
	}
	return code
}
