// Package stopwords has the words of which every text of a language is full: articles,
// pronouns, prepositions, forms of to be. A question is better off without them, and they
// tell a language from others, as they are there even in a short text.
//
// Start with Of.
package stopwords

// Of returns words of a language that are in every text and say nothing of what it
// is about, in lower case; "" for a language of which none are known.
func Of(lang string) string {
	if words := germanicWords(lang); words != "" {
		return words
	}
	if words := romanceWords(lang); words != "" {
		return words
	}
	return otherWords(lang)
}

func germanicWords(lang string) string {
	switch lang {
	case "en":
		return `a about above after again against all also am an and any are as at be because been before being below
			between both but by can cannot could did do does doing down during each few for from further had has have having
			he her here hers him his how i if in into is it its itself me more most my no nor not of off on once only or other
			our ours out over own same she should so some such than that the their theirs them then there these they this
			those through to too under until up upon very was we were what when where which while who whom why will with would
			you your yours shall may`
	case "de":
		return `aber alle allem allen aller alles als also am an andere anderen auch auf aus bei bin bis bist da damit dann das
			dass dein dem den denn der des dessen die dies diese diesem diesen dieser dieses doch dort du durch ein eine einem
			einen einer eines er es etwas euch für gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihr
			ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder jedes jener jetzt kann kein keine keinem keinen
			keiner können könnte man manche mein mich mir mit muss nach nicht nichts noch nun nur ob oder ohne sehr sein seine
			seinem seinen seiner selbst sich sie sind so solche soll sollte sondern sonst über um und uns unser unter vom von
			vor war waren warum was weil welche welchem welchen welcher welches wenn werde werden wer wie wieder will wir wird wo
			worden wurde wurden zu zum zur zwar zwischen`
	case "nl":
		return `aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus een en er ge geen
			geweest haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan kon kunnen maar me meer men
			met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over reeds te tegen toch toen tot u uit uw
			van veel voor want waren was wat werd wezen wie wij wil worden wordt zal ze zelf zich zij zijn zo zonder zou welke
			waarom waar wanneer`
	case "sv":
		return `alla allt att av blev bli blir blivit de dem den denna deras dess dessa det detta dig din dina ditt du där då efter
			ej eller en er era ett från för ha hade han hans har henne hennes hon honom hur här i icke ingen inom inte jag ju
			kan kunde man med mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på samma sedan sig
			sin sina sitta själv skulle som så sådan till under upp ut utan vad var vara varför varit vem vi vid vilka vilken
			vilket vår våra vårt än är åt över`
	case "da":
		return `ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du efter eller
			en end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvem hvis hvor hvordan hvorfor i ikke
			ind jeg jer jo kan kunne man mange med meget men mig min mine mit mod ned noget nogle nu når og også om op os over på
			selv sig sin sine sit skal skulle som sådan thi til ud under var vi vil ville vor være været`
	case "no":
		return `alle at av både bare begge ble blei bli blir blitt da de deg dei deim deira dem den denne der dere deres det dette
			di din disse ditt du eller en er et ett etter for fordi fra før ha hadde han hans har henne hennes her hun hva
			hvem hver hvilke hvilken hvis hvor hvordan hvorfor i ikke ikkje ingen inn jeg kan kom kunne man mange med meg meget
			mellom men mer min mitt mot mye ned no noe noen nå når og også om opp oss over på samme seg selv si sia sin sine
			sitt skal skulle slik som så til um under ut uten var vart ved vi vil ville vår være vært å`
	}
	return ""
}

func romanceWords(lang string) string {
	switch lang {
	case "fr":
		return `à afin ai ainsi après au aucun aussi autre autres aux avait avant avec avez avoir avons c car ce ceci cela celle
			celui ces cet cette ceux chaque chez comme comment d dans de des donc dont du elle elles en encore entre est et été
			être eu eux fait faire il ils j je jusqu l la le les leur leurs lors lui m ma mais me même mes moi mon n ne ni nos
			notre nous on ont ou où par pas pendant peu peut plus pour pourquoi qu quand que quel quelle quelles quels qui s sa
			sans se selon sera ses si son sont sous sur t ta te tes toi ton tous tout toute toutes très tu un une vers vos votre
			vous y étaient était`
	case "es":
		return `a al algo algunas algunos ante antes aquel como con contra cual cuales cuando cuál cuáles de del desde donde
			durante e el él ella ellas ellos en entre era eran es esa esas ese eso esos esta está estaba están este esto estos
			fue fueron ha había han hasta hay la las le les lo los más me mi mientras mis muy nada ni no nos nosotros o os otra
			otras otro otros para pero por porque puede que qué quien quién se sea según ser si sí sido sin sobre son su sus
			también tan tanto te tiene tienen todo todos tu tus un una uno unos usted ya yo cómo dónde`
	case "it":
		return `a abbiamo ad agli ai al alla alle allo anche avere aveva c che chi ci come con contro cui d da dagli dai dal dalla
			dalle dei degli del della delle dello di dove e è ed era erano essere fra gli ha hanno ho i il in io l la le lei li
			lo loro lui ma mi mia mio ne negli nei nel nella nelle nello noi non nostra nostro o ogni per perché perchè più
			può qual quale quali quando quanto quella quelle quelli quello questa queste questi questo se sei si sia sono sta
			stata stati stato su sua sue sugli sui sul sulla sulle suo suoi tra tu tutti tutto un una uno vi voi`
	case "pt":
		return `a à ao aos aquela aquele as às até com como da das de dela dele deles depois do dos e é ela elas ele em entre
			era eram essa esse esta está estão este eu foi foram há isso isto já lhe mais mas me mesmo meu minha muito na não nas
			nem no nos nossa nosso num numa o os ou para pela pelas pelo pelos por porque qual quais quando que quem são se seja
			sem ser será seu seus só sobre sua suas também te tem têm ter um uma você vocês vos onde`
	case "ro":
		return `acea aceasta această aceste acest acestea acesta ai al ale am ar are as asta atunci au avea ca că când care ce cea
			cei cel cele cu cum da dacă dar de decât deci despre din după ea ei el ele este eu fi fie fiind fost i iar în îi îl
			îmi între însă la le li lor lui mai mult ne nici noi nu o ori pe pentru prin sa să sau se si și sunt sub te toate tot
			tu un una unde unei unor unui va vă voi`
	case "ca":
		return `a al als amb aquest aquesta aquests aquestes això com de del dels des el els em en entre és era eren es està estan
			fins ha han hi i jo la les li llur lo més meu molt no nosaltres o on pel pels per però perquè què qui se sense ser
			seu seva seves si són sobre també te tot una un uns vosaltres`
	}
	return ""
}

func otherWords(lang string) string {
	switch lang {
	case "fi":
		return `ei eivät eli en ennen että he hän ja jo johon joiden joita joka jonka jos jossa jotka jälkeen kanssa kuin kun
			kuten me mihin mikä mitkä mitä missä mukaan mutta myös ne niiden niin nyt näiden nämä ole oli olivat olla on ovat se
			sekä sen siellä sitä tai tämä tämän vaan vain vielä voi voidaan yli`
	case "tr":
		return `acaba ama ancak aslında bana bazı belki ben beni bir biri birkaç birçok biz bu buna bunu bunun çok çünkü da daha de
			defa değil diye en gibi hem hep hepsi her hiç için ile ise kez ki kim mı mi mu mü nasıl ne neden nerede niçin o olan
			olarak oldu olduğu ona onlar sanki şey siz şu tüm var ve veya ya yani yok`
	case "hu":
		return `a abban ahhoz aki akik akkor általában amely amelyek amelyet ami amit arra át az azok azt azután be csak de e ebben
			egy egyes egyik előtt elő erre és ez ezek ezt fel ha hanem hiszen hogy hogyan igen is ismét itt jó kell keresztül
			ki között le legalább lesz lett maga már más meg még mellett mert mi mint most nagy nem nincs ő ők össze pedig s
			sem sok szemben szerint talán több úgy új után vagy való valami van vele vissza volt volna`
	case "pl":
		return `a aby ale bardzo bez bo być był była było były będzie ci co czy dla do gdy gdzie go i ich ile im innych iż ja jak
			jako je jednak jego jej jest jeszcze już kiedy kto która które którego której który których którzy lub ma może
			można na nad nie niż o od oraz po pod przez przy są się tak także tam tego tej ten to tu tych tylko tym w we więc
			wszystko z za ze że`
	case "cs":
		return `a aby aj ale ani aniž az bez bude být byl byla byli bylo co což či další dnes do ho i ja jak jako je jeho její
			jejich jen ještě již jsem jsme jsou jste k kde kdo kdyby když která které který kteří ke mezi mi může na nad ne nebo
			není než o od pod podle po pokud pouze pro proč proto protože před přes při s se si své svých ta tak také tato ten
			tedy tento to toho tom tomto tuto ty tyto u už v ve však z za že`
	case "id":
		return `ada adalah agar akan aku anda antara apa atas atau bagi bahwa banyak belum berapa bisa bukan dalam dan dapat dari
			dengan di dia hanya harus hingga ia ini itu jika juga kami kamu karena ke kepada kita lain lebih maka mana masih
			mereka oleh pada para saat saja sampai sangat saya sebagai sebuah secara sedang sejak seperti serta setelah sudah
			tanpa telah tersebut tetapi tidak untuk yang`
	case "vi":
		return `bị bởi các cái cần cho chỉ có cùng của cũng đã đang đây để đến đó được hay hơn khi không là lại lên lúc mà mỗi một
			này nên nếu như nhưng những nơi phải qua ra rằng rất rồi sau sẽ so sự tại theo thì trên trước từ từng và vẫn vào
			vậy vì việc với`
	}
	return nonLatinWords(lang)
}

func nonLatinWords(lang string) string {
	switch lang {
	case "ru":
		return `а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее ей если есть
			еще ж же за здесь и из или им их к как какая какие какой ко когда которая которые который кто ли либо мне может мы на
			надо наш не него нее нет ни них но ну о об однако он она они оно от очень по под при с со так также такой там те тем
			то того тоже той только том ты у уже хотя чего чей чем что чтобы чье эта эти это этого этой этом этот я`
	case "uk":
		return `а або але б без би був була були було бути в вам вас весь від він вона вони воно все всі ви де для до є же з за
			зі і із інші їх її й його як яка який які якщо коли кого кому ли лише ми може на над нас не нею ні них об
			один от по при про се себе та так також там те ти тим то того той тому у це цей ця ці чи чого що щоб я`
	case "bg":
		return `а ако бе без беше би в вас ви във все всички да дали до докато е за защо и из или им има как като какво което които
			кой който която към ли ме между ми много може на над най не него нея ни но някои от по под при с са само се си след
			съм със т така там те тези то това този той тук тя у ще я`
	case "sr":
		return `а али ако било био бити да до за и из или их је јер као када ка код које који која коју ли му на над не није о
			од она они оно по под при са се себе сам само све смо су та тако то тог тој у уз што`
	case "el":
		return `αλλά αν αντί από αυτά αυτές αυτή αυτό αυτοί αυτός για δε δεν είναι εγώ εκεί ενώ επί εσείς εσύ ή ήταν η θα και κατά
			κι μα με μετά μη μην μία μια μας να ο οι όμως όπως όσο ότι ού ποιος που προς πως σαν σας σε στα στη στην στις στο
			στον στους τα τη την της τι τις το τον του τους των ως ένα ένας έχει`
	case "ar":
		return `في من على الى إلى عن مع هذا هذه ذلك تلك التي الذي الذين كان كانت يكون هو هي هم ما لا لم لن ان أن إن او أو ثم قد كل
			بعد قبل عند بين حتى اذا إذا كما لكن و غير بعض هناك أي كيف متى أين`
	case "fa":
		return `از است این آن با به بر برای تا در را که و یا هر هم همه بود شد شده می نیز خود ما من او آنها اما اگر پس چه یک دو باید
			کرد کرده کند های`
	case "ur":
		return `اور ایک اس ان کا کی کے کو سے میں پر ہے ہیں تھا تھی تھے نے یہ وہ جو تو بھی لیے کر کیا ہو گیا تک نہیں`
	case "he":
		return `של על את הוא היא הם הן זה זו זאת אלה אני אתה אנחנו לא כן כי אם או גם רק עם בין כל אך אבל יש אין היה היתה היו להיות
			אשר ש מה מי איך למה כאשר לפי עד אל מן`
	case "hi":
		return `और का की के को में से है हैं था थी थे पर यह वह ये वे इस उस एक ने भी तो ही हो कर लिए गया किया जो कि या न नहीं अपने तक
			साथ बाद द्वारा क्या कैसे`
	case "ko":
		return `이 그 저 것 수 등 및 또는 그리고 그러나 하지만 의 가 은 는 을 를 에 와 과 도 로 으로`
	}
	return ""
}
