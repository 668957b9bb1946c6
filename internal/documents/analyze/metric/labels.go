package metric

import "strings"

// labels are what the metrics are called, as plain writes it, parted by semicolons. A
// "total" before them changes nothing.
func labels() map[Metric]string {
	return map[Metric]string{
		Revenue: "revenue;revenues;net revenue;net revenues;net sales;sales;sales revenue;turnover;operating revenues;operating revenue;net operating revenues;" +
			"revenues net;revenue net;sales net;umsatz;umsatzerlöse;umsatzerlose;gesamtumsatz;konzernumsatz;chiffre daffaires;produits des activités ordinaires;" + //nolint:misspell // words of other languages
			"ingresos;ingresos totales;ingresos ordinarios;ventas;ventas netas;importe neto de la cifra de negocios;ricavi;売上高;売上収益;営業収益;营业收入;营业总收入;매출액",
		CostOfRevenue: "cost of revenue;cost of revenues;cost of sales;cost of goods sold;cost of products sold;umsatzkosten;herstellungskosten;" +
			"herstellungskosten des umsatzes;coût des ventes;costo de ventas;coste de ventas;売上原価;营业成本",
		GrossProfit: "gross profit;gross margin;gross income;bruttoergebnis;bruttoergebnis vom umsatz;rohertrag;marge brute;beneficio bruto;margen bruto;売上総利益",
		Research:    "research and development;research and development expenses;research and development expense;research development and related expenses;forschung und entwicklung;forschungs und entwicklungskosten;recherche et développement;investigación y desarrollo;研究開発費;研发费用",
		SellingGeneral: "selling general and administrative;selling general and administrative expenses;selling general and administrative expense;" +
			"販売費及び一般管理費",
		EBITDA:       "ebitda",
		Depreciation: "depreciation and amortization;depreciation and amortisation;depreciation amortization and impairment;abschreibungen;amortissements;減価償却費",
		OperatingIncome: "operating income;income from operations;operating profit;earnings from operations;profit from operations;ebit;operating earnings;" +
			"betriebsergebnis;operatives ergebnis;ergebnis der betrieblichen tätigkeit;résultat opérationnel;résultat dexploitation;resultado operativo;resultado de explotación;beneficio operativo;営業利益;营业利润;영업이익",
		InterestExpense: "interest expense;interest expenses;finance costs;interest and debt expense;interest expense net;zinsaufwand;zinsaufwendungen;charges dintérêts;charges dintérêt;gastos por intereses;支払利息;利息费用",
		PretaxIncome: "income before income taxes;income before taxes;earnings before income taxes;income before provision for income taxes;profit before tax;profit before taxes;profit before income tax;profit before taxation;" +
			"ergebnis vor steuern;ergebnis vor ertragsteuern;résultat avant impôt;résultat avant impôts;resultado antes de impuestos;税引前利益;税引前当期利益;税金等調整前当期純利益;利润总额",
		IncomeTax: "provision for income taxes;income tax expense;income taxes;income tax provision;ertragsteuern;impôts sur les résultats;impuesto sobre beneficios",
		NetIncome: "net income;net earnings;net profit;profit for the year;profit for the period;profit after tax;consolidated net income;net income including noncontrolling interest;net income including noncontrolling interests;" +
			"jahresüberschuss;konzernjahresüberschuss;konzernergebnis;ergebnis nach steuern;periodenergebnis;résultat net;résultat net part du groupe;beneficio neto;resultado neto;resultado del ejercicio;当期純利益;当期利益;親会社株主に帰属する当期純利益;親会社の所有者に帰属する当期利益;净利润;当期순이익", //nolint:dupword // words of other languages
		EPSBasic: "basic earnings per share;earnings per share basic;basic eps;eps basic;basic net income per share;net income per share basic;basic earnings per common share;earnings per common share basic;" +
			"unverwässertes ergebnis je aktie;ergebnis je aktie unverwässert;ergebnis je aktie;résultat par action;résultat de base par action;beneficio básico por acción;beneficio por acción;1株当たり当期純利益;基本的1株当たり当期利益;基本每股收益",
		EPSDiluted: "diluted earnings per share;earnings per share diluted;diluted eps;eps diluted;diluted net income per share;net income per share diluted;diluted earnings per common share;earnings per common share diluted;" +
			"verwässertes ergebnis je aktie;ergebnis je aktie verwässert;résultat dilué par action;beneficio diluido por acción;希薄化後1株当たり当期利益;稀释每股收益",
		DividendsPerShare: "dividends per share;dividend per share;cash dividends declared per share;dividends declared per share;cash dividends per share;dividende je aktie;dividende par action;dividendo por acción;1株当たり配当金",
		SharesBasic:       "weighted average shares outstanding basic;basic weighted average shares outstanding;weighted average common shares outstanding basic;weighted average number of shares basic;basic shares outstanding",
		SharesDiluted:     "weighted average shares outstanding diluted;diluted weighted average shares outstanding;weighted average common shares outstanding diluted;weighted average number of shares diluted;diluted shares outstanding",
		TotalAssets:       "assets total;total assets;bilanzsumme;summe aktiva;aktiva gesamt;summe vermögenswerte;total actif;total de lactif;total des actifs;total activo;activo total;activos totales;total del activo;総資産;資産合計;资产总计;资产总额;자산총계",
		CurrentAssets:     "current assets;umlaufvermögen;kurzfristige vermögenswerte;actifs courants;actif courant;activo corriente;activos corrientes;流動資産;流動資産合計;流动资产合计",
		Cash:              "cash and cash equivalents;cash and equivalents;cash;zahlungsmittel und zahlungsmitteläquivalente;liquide mittel;flüssige mittel;trésorerie et équivalents de trésorerie;efectivo y equivalentes de efectivo;efectivo y otros activos líquidos equivalentes;現金及び現金同等物;現金及び預金;货币资金",
		Receivables:       "accounts receivable;accounts receivable net;trade receivables;receivables net;trade accounts receivable;forderungen aus lieferungen und leistungen;créances clients;deudores comerciales;売掛金;应收账款",
		Inventory:         "inventory;inventories;inventories net;inventory net;vorräte;stocks;existencias;inventarios;棚卸資産;存货;재고자산",
		TotalLiabilities:  "liabilities total;total liabilities;summe schulden;schulden gesamt;total passifs;total pasivo;pasivo total;負債合計;负债合计;부채총계",
		CurrentLiabs:      "current liabilities;kurzfristige schulden;kurzfristige verbindlichkeiten;passifs courants;passif courant;pasivo corriente;pasivos corrientes;流動負債;流動負債合計;流动负债合计",
		ShortTermDebt: "short term debt;short term borrowings;short term borrowings and current portion of long term debt;short term debt and current portion of long term debt;" +
			"current portion of long term debt;current maturities of long term debt;kurzfristige finanzschulden;kurzfristige finanzverbindlichkeiten;dettes financières courantes;短期借入金;短期借款",
		LongTermDebt: "long term debt;long term debt net;long term borrowings;long term debt net of current portion;long term debt less current portion;noncurrent debt;non current borrowings;" +
			"langfristige finanzschulden;langfristige finanzverbindlichkeiten;dettes financières non courantes;長期借入金;长期借款",
		TotalDebt: "debt total;total debt;total borrowings;finanzschulden;finanzverbindlichkeiten gesamt;有利子負債",
		Equity: "equity;shareholders equity;stockholders equity;total equity;total shareholders equity;total stockholders equity;shareholders funds;eigenkapital;summe eigenkapital;" + //nolint:dupword // words of other languages
			"capitaux propres;total capitaux propres;patrimonio neto;total patrimonio neto;純資産;純資産合計;資本合計;所有者权益合计;자본총계",
		OperatingCashFlow: "net cash provided by operating activities;net cash from operating activities;net cash provided by operations;cash flow from operating activities;cash flows from operating activities;net cash flow from operating activities;net cash flows from operating activities;" +
			"net cash generated from operating activities;operating cash flow;cash generated by operating activities;cash flow from operations;cashflow aus betrieblicher tätigkeit;cashflow aus laufender geschäftstätigkeit;cashflow aus der laufenden geschäftstätigkeit;cashflow aus betrieblicher geschäftstätigkeit;" +
			"flux de trésorerie liés aux activités opérationnelles;flux de trésorerie provenant des activités opérationnelles;flujos de efectivo de las actividades de explotación;営業活動によるキャッシュ フロー;营业活动产生的现金流量净额;经营活动产生的现金流量净额", //nolint:misspell // words of other languages
		CapitalSpending: "capital expenditures;capital expenditure;capex;purchases of property plant and equipment;purchase of property plant and equipment;purchases of property and equipment;additions to property plant and equipment;payments for property plant and equipment;acquisition of property plant and equipment;capital spending;" +
			"investitionen in sachanlagen;investitionen;investissements corporels;有形固定資産の取得による支出;設備投資額",
	}
}

// lossLabels are what metrics are called that are below zero.
func lossLabels() map[Metric]string {
	return map[Metric]string{
		NetIncome:         "net loss;loss for the year;loss for the period;consolidated net loss;jahresfehlbetrag;konzernfehlbetrag;perte nette;pérdida neta;当期純損失;净亏损",
		OperatingCashFlow: "net cash used in operating activities;net cash used in operations;net cash used by operating activities",
		OperatingIncome:   "operating loss;loss from operations;betriebsverlust;perte opérationnelle;pérdida operativa;営業損失",
	}
}

// byLabel turns lists of labels round.
func byLabel(lists map[Metric]string) map[string]Metric {
	all := make(map[string]Metric)
	for metric, list := range lists {
		for label := range strings.SplitSeq(list, ";") {
			all[label] = metric
		}
	}
	return all
}
